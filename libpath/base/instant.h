// SPDX-License-Identifier: LGPL-2.1-or-later
/// Time as the pure parts know it: handed in with every event, never read from a clock.
#pragma once

#include <chrono>

namespace swpath
{

using Duration = std::chrono::nanoseconds;

/// A point on CLOCK_BOOTTIME, the clock that also counts while the host is suspended: a ticket or
/// a lease must not outlive a pause. Nanoseconds since boot.
struct BootClock {
	using rep = Duration::rep;
	using period = Duration::period;
	using duration = Duration;
	using time_point = std::chrono::time_point<BootClock>;
	static constexpr bool is_steady = true;
};

using Instant = BootClock::time_point;

} // namespace swpath
