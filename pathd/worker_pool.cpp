// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/worker_pool.h"

#include <algorithm>
#include <thread>
#include <utility>

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
	std::unique_lock lock(mutex_);
	while (true) {
		wake_.wait(lock, [&] { return !ready_.empty(); });
		free_--;
		const auto line = std::move(ready_.front());
		ready_.pop_front();
		if (!line->jobs.empty()) {
			Job job = std::move(line->jobs.front());
			line->jobs.pop_front();
			line->running = true;
			lock.unlock();
			name_thread(line->name);
			job();
			job = nullptr;
			lock.lock();
			line->running = false;
			lines_ -= line->removed ? 1 : 0;
			ended_++;
		}
		// Behind the others, so that each line has its turn.
		line->queued = !line->jobs.empty();
		if (line->queued)
			ready_.push_back(line);
		free_++;
	}
}

void WorkerPool::watch()
{
	bool told = false;
	std::unique_lock lock(mutex_);
	while (true) {
		short_.wait(lock, [&] { return ready_.size() > free_; });
		const auto ended = ended_;
		lock.unlock();
		std::this_thread::sleep_for(limits_.patience);
		lock.lock();
		if (ended_ - ended >= limits_.enough)
			continue;
		const auto waiting = ready_.size() - std::min(ready_.size(), free_);
		for (auto more = std::min(waiting, limits_.threads); more > 0; more--) {
			threads_++;
			free_++;
			lock.unlock();
			const auto started = start_one();
			lock.lock();
			if (!started) {
				threads_--;
				free_--;
				if (!std::exchange(told, true))
					log::say(log::Message::Warning, {},
						 "jobs that hang keep others waiting: {}",
						 started.error().message());
				break;
			}
			told = false;
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
