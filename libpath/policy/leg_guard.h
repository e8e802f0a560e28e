// SPDX-License-Identifier: LGPL-2.1-or-later
/// Who goes past a unit and uses its legs, and what of it is news.
///
/// udev's workers, blkid and the like open every disk for a moment. So a reader is told of only
/// when two looks in a row have seen it; who writes is told of at once, and so is a reader that
/// begins to. Each is told once, and once more when it has gone.
///
/// Pure: looks come in with their time, news come out.
#pragma once

#include <string>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/unit/device_use.h"

namespace swpath
{

/// "sleep (process 812) has sda open for writing", "dm-3 (vg0-root) uses sdb". Pure.
[[nodiscard]] std::string use_text(const DeviceUse &use);

class LegGuard
{
public:
	struct Opened {
		DeviceUse use;
		Instant since{}; ///< of the first look that saw it

		bool operator==(const Opened &) const = default;
	};
	struct News {
		Opened what;
		bool gone = false;

		bool operator==(const News &) const = default;
	};

	/// One look at all legs. Who is missing in one that was not complete has not gone by that.
	[[nodiscard]] std::vector<News> look(const DeviceUses &seen, Instant now);

	/// Those that were told of, and have not gone.
	[[nodiscard]] std::vector<Opened> opened() const;

private:
	struct Known {
		Opened what;
		bool told = false;
	};
	std::vector<Known> known_;
};

} // namespace swpath
