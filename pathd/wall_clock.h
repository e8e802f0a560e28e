// SPDX-License-Identifier: GPL-2.0-or-later
/// The wall clock, for people. What pathd remembers is kept on the boot clock and told by today's
/// wall clock when it is asked: a clock that was set makes nothing older or younger.
#pragma once

#include "libpath/control/wall_time.h"

namespace swpath
{

/// To the millisecond. Cannot fail, does not block.
[[nodiscard]] WallTime wall_now();

/// A point on the boot clock; may lie ahead.
[[nodiscard]] WallTime wall_time(Instant at);

} // namespace swpath
