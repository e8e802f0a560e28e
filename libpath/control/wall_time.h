// SPDX-License-Identifier: LGPL-2.1-or-later
/// Time as people and other programs read it: RFC 3339 in UTC, to the millisecond.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "libpath/base/instant.h"

namespace swpath
{

/// A point on the wall clock, as the history of the kernel gives it: milliseconds since 1970.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// What the wall clock would have shown at `at`, if it always went as it goes now: at `now` it
/// shows `wall`. So an age is the same whatever the clock was set to since.
[[nodiscard]] WallTime wall_time(Instant at, Instant now, WallTime wall);

/// "2026-11-20T14:02:11.482Z".
[[nodiscard]] std::string rfc3339(WallTime time);

/// Reads what rfc3339() writes; the fraction may be missing or have 1 to 9 digits (what is finer
/// than a millisecond is cut off), the zone must be "Z". Years 1970 to 9999. Nothing otherwise.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text) noexcept;

} // namespace swpath
