// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where events get their time from. The only places that read a clock.
#pragma once

#include <cstdint>

#include "libpath/base/instant.h"

namespace swpath
{

/// CLOCK_BOOTTIME. Cannot fail, does not block.
[[nodiscard]] Instant now() noexcept;

/// Wall clock in milliseconds since 1970 (UTC), for records that people read.
[[nodiscard]] std::uint64_t wall_ms() noexcept;

} // namespace swpath
