// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which device-mapper devices an event was about: the kernel only says that there was one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "libpath/sys/dm_channel.h"

namespace swpath::dm
{

/// Compares lists of the devices, one after the other.
class DmChanges
{
public:
	/// Names of the devices that came, went, were replaced or had an event since the last list;
	/// at the first all of them. In order.
	[[nodiscard]] std::vector<std::string> since_last(const std::vector<Listed> &listed);

private:
	struct Seen {
		DevNumber number;
		std::uint32_t event_nr = 0;
		[[nodiscard]] bool operator==(const Seen &) const = default;
	};
	std::map<std::string, Seen> seen_; ///< by name
};

} // namespace swpath::dm
