// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/worker.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

#include <limits.h>
#include <pthread.h>

namespace swpath
{

struct Worker::State {
	std::mutex mutex;
	std::condition_variable wake;
	std::deque<Job> jobs;
	bool ended = false;
};

void *Worker::main(void *data)
{
	const std::unique_ptr<std::shared_ptr<State>> mine(
		static_cast<std::shared_ptr<State> *>(data));
	State &state = **mine;

	std::unique_lock lock(state.mutex);
	while (true) {
		state.wake.wait(lock, [&] { return state.ended || !state.jobs.empty(); });
		if (state.ended)
			return nullptr;
		Job job = std::move(state.jobs.front());
		state.jobs.pop_front();
		lock.unlock();
		job();
		job = nullptr;
		lock.lock();
	}
}

Result<std::unique_ptr<Worker>> Worker::start(std::string name)
{
	auto state = std::make_shared<State>();
	auto handed = std::make_unique<std::shared_ptr<State>>(state);

	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes,
				  std::max<std::size_t>(stack_bytes, PTHREAD_STACK_MIN));
	pthread_t thread{};
	const int error = pthread_create(&thread, &attributes, main, handed.get());
	pthread_attr_destroy(&attributes);
	if (error != 0)
		return fail(error, "start thread '" + name + "'");
	(void)handed.release();
	(void)pthread_setname_np(thread, name.substr(0, 15).c_str());
	return std::unique_ptr<Worker>(new Worker(std::move(state)));
}

Worker::~Worker()
{
	std::deque<Job> dropped;
	{
		const std::lock_guard lock(state_->mutex);
		state_->ended = true;
		std::swap(dropped, state_->jobs);
	}
	state_->wake.notify_one();
}

bool Worker::submit(Job job)
{
	{
		const std::lock_guard lock(state_->mutex);
		if (state_->jobs.size() >= queue_max)
			return false;
		state_->jobs.push_back(std::move(job));
	}
	state_->wake.notify_one();
	return true;
}

} // namespace swpath
