// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/clock.h"

#include <ctime>

namespace swpath
{
namespace
{

timespec read_clock(clockid_t clock) noexcept
{
	timespec time{};
	(void)clock_gettime(clock, &time); // cannot fail for these clocks
	return time;
}

} // namespace

Instant now() noexcept
{
	const auto time = read_clock(CLOCK_BOOTTIME);
	return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

std::uint64_t wall_ms() noexcept
{
	const auto time = read_clock(CLOCK_REALTIME);
	return static_cast<std::uint64_t>(time.tv_sec) * 1000 +
	       static_cast<std::uint64_t>(time.tv_nsec) / 1'000'000;
}

} // namespace swpath
