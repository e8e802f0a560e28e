// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/worker_pool.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <sched.h>

#include "libpath/sys/clock.h"
#include "pathd/log.h"
#include "pathd/thread.h"

namespace swpath
{

struct WorkerPool::Line {
	std::string name;
	std::size_t waiting_max = 0;
	std::deque<Job> jobs;
	bool queued = false; ///< in `ready_`, or a thread has it
	bool running = false;
	bool removed = false;
};

struct WorkerPool::Thread {
	ThreadView view = ThreadView::own();
	std::uint64_t jobs = 0; ///< that it has begun
	bool busy = false;      ///< with the last of them
	Instant began{};
};

/// A thread at one moment.
struct WorkerPool::Standing {
	std::shared_ptr<const Thread> thread;
	std::uint64_t jobs = 0;
	bool busy = false;
	Duration used{};
};

namespace
{

std::size_t allowed_cpus()
{
	cpu_set_t set;
	// More CPUs than fit into the set: so many are never wanted.
	return sched_getaffinity(0, sizeof(set), &set) == 0
		       ? static_cast<std::size_t>(CPU_COUNT(&set))
		       : CPU_SETSIZE;
}

} // namespace

WorkerPool &WorkerPool::shared()
{
	static auto *const pool = new WorkerPool(Limits{});
	return *pool;
}

Result<void> WorkerPool::start_one()
{
	const auto main = [](void *data) -> void * {
		static_cast<WorkerPool *>(data)->run();
		return nullptr;
	};
	return start_thread("worker", main, this);
}

Result<std::shared_ptr<WorkerPool::Line>> WorkerPool::add(const std::string &name,
							  std::size_t waiting_max)
{
	auto line = std::make_shared<Line>();
	line->name = name;
	line->waiting_max = waiting_max;
	const std::lock_guard lock(mutex_);
	Result<void> started;
	if (threads_ <= lines_ && threads_ < limits_.threads) {
		started = start_one();
		threads_ += started ? 1 : 0;
		free_ += started ? 1 : 0;
	} else if (threads_ <= lines_ && !watched_) {
		const auto main = [](void *data) -> void * {
			static_cast<WorkerPool *>(data)->watch();
			return nullptr;
		};
		started = start_thread("workers", main, this);
		watched_ = started.has_value();
	}
	if (!started)
		return tl::unexpected(started.error());
	lines_++;
	return line;
}

void WorkerPool::remove(Line &line)
{
	std::deque<Job> dropped;
	const std::lock_guard lock(mutex_);
	std::swap(dropped, line.jobs);
	line.removed = true;
	lines_ -= line.running ? 0 : 1;
}

bool WorkerPool::submit(const std::shared_ptr<Line> &line, Job job)
{
	const std::lock_guard lock(mutex_);
	// The first is behind nothing, though no thread may have taken it yet.
	if (line->jobs.size() >= line->waiting_max + (line->running ? 0 : 1))
		return false;
	line->jobs.push_back(std::move(job));
	if (std::exchange(line->queued, true))
		return true;
	ready_.push_back(line);
	(ready_.size() > free_ ? short_ : wake_).notify_one();
	return true;
}

void WorkerPool::run()
{
	const auto self = std::make_shared<Thread>();
	std::unique_lock lock(mutex_);
	all_.push_back(self);
	while (true) {
		wake_.wait(lock, [&] { return !ready_.empty() || leaving_ > 0; });
		free_--;
		if (ready_.empty()) {
			leaving_--;
			threads_--;
			std::erase(all_, self);
			return;
		}
		const auto line = std::move(ready_.front());
		ready_.pop_front();
		if (!line->jobs.empty()) {
			Job job = std::move(line->jobs.front());
			line->jobs.pop_front();
			line->running = true;
			self->jobs++;
			self->busy = true;
			self->began = now();
			lock.unlock();
			name_thread(line->name);
			job();
			job = nullptr;
			lock.lock();
			self->busy = false;
			line->running = false;
			lines_ -= line->removed ? 1 : 0;
			ended_++;
			long_ended_ += now() - self->began > limits_.long_job ? 1 : 0;
		}
		// Behind the others, so that each line has its turn.
		line->queued = !line->jobs.empty();
		if (line->queued)
			ready_.push_back(line);
		free_++;
	}
}

std::vector<WorkerPool::Standing> WorkerPool::all_threads() const
{
	std::vector<Standing> all;
	all.reserve(all_.size());
	for (const auto &thread : all_)
		all.push_back({thread, thread->jobs, thread->busy, {}});
	return all;
}

/// How many more threads there should be, when there are more lines with a job than free threads:
/// asked with the lock, and answered after the pool's patience.
std::size_t WorkerPool::missing(Lock &lock)
{
	const auto ended = ended_;
	auto before = all_threads();
	lock.unlock();
	const auto cpus = allowed_cpus();
	std::size_t want_cpu = 0;
	for (auto &each : before) {
		each.used = each.thread->view.used();
		want_cpu += want_cpu <= cpus && each.thread->view.wants_cpu() ? 1 : 0;
	}
	const bool short_before = want_cpu > cpus;
	std::this_thread::sleep_for(limits_.patience);
	lock.lock();
	if (ended_ - ended >= limits_.enough)
		return 0;
	lock.unlock();
	want_cpu = 0;
	std::vector<Standing> hanging;
	for (auto &each : before) {
		const bool wants = each.thread->view.wants_cpu();
		want_cpu += wants ? 1 : 0;
		if (each.busy && !wants && each.thread->view.used() == each.used)
			hanging.push_back(std::move(each));
	}
	lock.lock();
	const auto waiting = ready_.size() - std::min(ready_.size(), free_);
	if (!short_before && want_cpu <= cpus)
		return std::min(waiting, limits_.threads);
	const auto hang = static_cast<std::size_t>(
		std::count_if(hanging.begin(), hanging.end(), [](const Standing &each) {
			return each.thread->busy && each.thread->jobs == each.jobs;
		}));
	return std::min({waiting, limits_.threads, hang - std::min(hang, extra())});
}

void WorkerPool::start_more(std::size_t more, Lock &lock)
{
	leaving_ = 0;
	for (; more > 0; more--) {
		threads_++;
		free_++;
		started_++;
		lock.unlock();
		const auto started = start_one();
		lock.lock();
		if (!started) {
			threads_--;
			free_--;
			started_--;
			if (!std::exchange(told_, true))
				log::say(log::Message::Warning, {},
					 "jobs that hang keep others waiting: {}",
					 started.error().message());
			break;
		}
		told_ = false;
	}
}

/// Sends threads away that were not needed since the last review.
void WorkerPool::review()
{
	const auto at = now();
	const auto running = static_cast<std::size_t>(
		std::count_if(all_.begin(), all_.end(), [&](const auto &each) {
			return each->busy && at - each->began > limits_.long_job;
		}));
	const auto needed = running + std::exchange(long_ended_, 0) + std::exchange(started_, 0);
	leaving_ = extra() - std::min(extra(), needed);
	if (leaving_ > 0)
		wake_.notify_all();
}

void WorkerPool::watch()
{
	const auto is_short = [&] { return ready_.size() > free_; };
	Instant review_at{};
	std::unique_lock lock(mutex_);
	while (true) {
		if (extra() == 0)
			short_.wait(lock, is_short);
		else
			(void)short_.wait_for(lock, review_at - now(), is_short);
		if (is_short()) {
			if (const auto more = missing(lock); more > 0) {
				if (extra() == 0)
					review_at = now() + limits_.rest;
				start_more(more, lock);
			}
		}
		if (extra() > 0 && now() >= review_at) {
			review_at = now() + limits_.rest;
			review();
		}
	}
}

std::size_t WorkerPool::threads() const
{
	const std::lock_guard lock(mutex_);
	return threads_;
}

std::size_t WorkerPool::lines() const
{
	const std::lock_guard lock(mutex_);
	return lines_;
}

} // namespace swpath
