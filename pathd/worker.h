// SPDX-License-Identifier: GPL-2.0-or-later
/// A line of calls that may hang: nothing else waits for it, not even the end of the program.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "libpath/base/result.h"
#include "pathd/worker_pool.h"

namespace swpath
{

/// Runs its jobs one after the other, on threads that it shares with other lines.
class Worker
{
public:
	using Job = std::function<void()>;

	/// Jobs that wait behind the running one; one more is refused.
	static constexpr std::size_t queue_max = 8;

	/// `name` is what ps and top show of the thread that runs a job, or ran it last; at most 15
	/// bytes of it. Errors: EAGAIN no more threads.
	[[nodiscard]] static Result<std::unique_ptr<Worker>>
	start(const std::string &name, WorkerPool &pool = WorkerPool::shared());
	/// Jobs that wait are dropped; one that runs goes on by itself.
	~Worker();
	Worker(const Worker &) = delete;
	Worker &operator=(const Worker &) = delete;

	/// False: the queue is full (the running job hangs), the job was not taken. A job owns what
	/// it uses, for it may outlive this object; its result goes through a Mailbox.
	[[nodiscard]] bool submit(Job job);

private:
	Worker(WorkerPool &pool, std::shared_ptr<WorkerPool::Line> line)
		: pool_(pool), line_(std::move(line))
	{
	}
	WorkerPool &pool_;
	std::shared_ptr<WorkerPool::Line> line_;
};

} // namespace swpath
