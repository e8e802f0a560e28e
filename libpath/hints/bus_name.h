// SPDX-License-Identifier: LGPL-2.1-or-later
/// The name of a bus, the same on every host that is on it: an allocation class and a port letter,
/// "$17$B".
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "libpath/base/result.h"

namespace swpath
{

struct BusName {
	/// Classes from here on are derived from the target's port identifiers; those below are
	/// given by an administrator. So a derived name is never one that somebody chose.
	static constexpr std::uint32_t derived_class_min = 1U << 31;
	static constexpr char letter_min = 'A';
	static constexpr char letter_max = 'Z';

	std::uint32_t allocation_class = 0; ///< 0 is none, and no bus has it
	char letter = letter_min;

	auto operator<=>(const BusName &) const = default;

	[[nodiscard]] bool derived() const { return allocation_class >= derived_class_min; }
	/// "$17$B".
	[[nodiscard]] std::string text() const;
	/// The name under which its hint is held in a lock space: "swbus$17$B".
	[[nodiscard]] std::string lock_name() const;
	/// Reads text(). Pure. Errors: EINVAL with what is wrong and how it is written.
	[[nodiscard]] static Result<BusName> parse(std::string_view text);
	/// The name of a bus that nobody has named: every host that sees this target port (its
	/// designator as Designator::text() writes it) derives the same. Two target ports may, by a
	/// chance of one in 2^31, derive one name; bus_sharing finds that as it finds a class that
	/// was given twice. Errors: EINVAL the identifier is empty.
	[[nodiscard]] static Result<BusName> derive(std::string_view target_port);
};

} // namespace swpath
