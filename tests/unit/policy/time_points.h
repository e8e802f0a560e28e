// SPDX-License-Identifier: GPL-2.0-or-later
/// Points in time for tests: any origin but zero, so that "never" cannot pass for "now".
#pragma once

#include "libpath/base/instant.h"

namespace swpath::test
{

inline constexpr Instant t0{std::chrono::hours(1)};

constexpr Instant at_ms(std::int64_t ms)
{
	return t0 + std::chrono::milliseconds(ms);
}

constexpr Instant at_s(double seconds)
{
	return at_ms(static_cast<std::int64_t>(seconds * 1000));
}

} // namespace swpath::test
