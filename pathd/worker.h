// SPDX-License-Identifier: GPL-2.0-or-later
/// A thread of its own for calls that may hang: nothing else waits for it, not even the end of the
/// program.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "libpath/base/result.h"

namespace swpath
{

class Worker
{
public:
	using Job = std::function<void()>;

	/// Jobs that wait behind the running one; one more is refused.
	static constexpr std::size_t queue_max = 8;
	/// Stack of the thread: locked memory is paid for in full.
	static constexpr std::size_t stack_bytes = 256 * 1024;

	/// Starts the thread. `name` is shown by ps and top, at most 15 bytes.
	/// Errors: EAGAIN no more threads.
	[[nodiscard]] static Result<std::unique_ptr<Worker>> start(std::string name);
	/// Jobs that wait are dropped; one that runs goes on by itself, and its thread then ends.
	~Worker();
	Worker(const Worker &) = delete;
	Worker &operator=(const Worker &) = delete;

	/// False: the queue is full (the thread hangs), the job was not taken. A job owns what it
	/// uses, for it may outlive this object; its result goes through a Mailbox.
	[[nodiscard]] bool submit(Job job);

private:
	struct State;
	static void *main(void *state);
	explicit Worker(std::shared_ptr<State> state) : state_(std::move(state)) {}
	std::shared_ptr<State> state_;
};

} // namespace swpath
