// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/wall_clock.h"

#include "libpath/sys/clock.h"

namespace swpath
{

WallTime wall_now()
{
	return WallTime(std::chrono::milliseconds(wall_ms()));
}

WallTime wall_time(Instant at)
{
	// The two clocks at one moment.
	return wall_time(at, now(), wall_now());
}

} // namespace swpath
