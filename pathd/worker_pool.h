// SPDX-License-Identifier: GPL-2.0-or-later
/// The threads that run what may hang, shared by all lines of jobs (Worker).
///
/// There are as many threads as lines, up to `threads`: until then no line waits for another. More
/// lines share that many, for most of them rest most of the time, and the stack of a thread is
/// locked memory. A job that hangs keeps its thread. When so many hang that the rest does not get
/// on, more threads are started, by a thread of the pool's own: neither the loop nor a job waits
/// for the memory. A thread that only waits for a CPU does not hang: while more of them want one
/// than there are, another one would but wait with them, and only those that hang are made up for.
/// Threads that were not needed for a while end.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"

namespace swpath
{

class WorkerPool
{
public:
	using Job = std::function<void()>;
	struct Line;

	struct Limits {
		/// Threads that are there before they are needed.
		std::size_t threads = 64;
		/// After jobs have waited so long for a thread it is asked whether others end.
		Duration patience = std::chrono::milliseconds(20);
		/// So many that ended meanwhile: the threads work, they do not hang.
		std::size_t enough = 8;
		/// How long threads beyond `threads` stay that are not needed.
		Duration rest = std::chrono::minutes(1);
		/// A job that takes longer is one for which such a thread is needed.
		Duration long_job = std::chrono::seconds(1);
	};

	explicit WorkerPool(const Limits &limits) : limits_(limits) {}
	WorkerPool(const WorkerPool &) = delete;
	WorkerPool &operator=(const WorkerPool &) = delete;
	/// There is no end of a pool: its threads may hang.
	~WorkerPool() = delete;

	/// The process's own.
	[[nodiscard]] static WorkerPool &shared();

	/// A new line, with room for `waiting_max` jobs behind the one that runs. Errors: EAGAIN no
	/// more threads.
	[[nodiscard]] Result<std::shared_ptr<Line>> add(const std::string &name,
							std::size_t waiting_max);
	/// Drops the jobs that wait there; nothing is submitted to the line after this.
	void remove(Line &line);
	/// False: there is no room, the job was not taken.
	[[nodiscard]] bool submit(const std::shared_ptr<Line> &line, Job job);

	[[nodiscard]] std::size_t threads() const;
	/// Those whose job still runs after remove() too.
	[[nodiscard]] std::size_t lines() const;

private:
	struct Thread;
	struct Standing;
	using Lock = std::unique_lock<std::mutex>;
	[[nodiscard]] Result<void> start_one();
	void run();
	void watch();
	[[nodiscard]] std::size_t missing(Lock &lock);
	[[nodiscard]] std::vector<Standing> all_threads() const;
	void start_more(std::size_t more, Lock &lock);
	void review();
	[[nodiscard]] std::size_t extra() const
	{
		return threads_ > limits_.threads ? threads_ - limits_.threads : 0;
	}

	const Limits limits_;
	mutable std::mutex mutex_;
	std::condition_variable wake_;            ///< a thread's: a line is ready
	std::condition_variable short_;           ///< the watch's: more lines are than threads
	std::deque<std::shared_ptr<Line>> ready_; ///< have a job, and no thread has taken it yet
	std::size_t lines_ = 0;                   ///< also those removed whose job still runs
	std::size_t threads_ = 0;
	std::size_t free_ = 0; ///< of `threads_`, those that look for a line, or are about to
	std::uint64_t ended_ = 0;
	bool watched_ = false;
	bool told_ = false; ///< that no thread could be started
	std::vector<std::shared_ptr<Thread>> all_;
	std::size_t leaving_ = 0; ///< threads that are to end as soon as they are free
	// Since the last review:
	std::size_t started_ = 0;
	std::size_t long_ended_ = 0; ///< jobs
};

} // namespace swpath
