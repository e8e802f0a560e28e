// SPDX-License-Identifier: GPL-2.0-or-later
/// Threads that nobody waits for, not even the end of the program.
#pragma once

#include <ctime>
#include <string>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"

namespace swpath
{

/// Starts a detached thread with a small stack: locked memory is paid for in full. `name`: shown
/// by ps and top, at most 15 bytes of it. Errors: EAGAIN no more threads.
[[nodiscard]] Result<void> start_thread(const std::string &name, void *(*main)(void *), void *data);

/// The calling thread's from now on, at most 15 bytes of it.
void name_thread(const std::string &name) noexcept;

/// What the kernel says of a thread, to any other one.
class ThreadView
{
public:
	/// Of the calling thread: opens what is read later, so that nothing has to be opened then.
	[[nodiscard]] static ThreadView own();
	/// It runs, or would if there was a CPU for it. False: it waits for something else, has
	/// ended, or the kernel does not say. Does not block.
	[[nodiscard]] bool wants_cpu() const noexcept;
	/// CPU time that it has used; 0: it has ended.
	[[nodiscard]] Duration used() const noexcept;

private:
	UniqueFd stat_;
	clockid_t clock_ = CLOCK_MONOTONIC;
};

} // namespace swpath
