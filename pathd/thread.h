// SPDX-License-Identifier: GPL-2.0-or-later
/// Threads that nobody waits for, not even the end of the program.
#pragma once

#include <string>

#include "libpath/base/result.h"

namespace swpath
{

/// Starts a detached thread with a small stack: locked memory is paid for in full. `name`: shown
/// by ps and top, at most 15 bytes of it. Errors: EAGAIN no more threads.
[[nodiscard]] Result<void> start_thread(const std::string &name, void *(*main)(void *), void *data);

/// The calling thread's from now on, at most 15 bytes of it.
void name_thread(const std::string &name) noexcept;

} // namespace swpath
