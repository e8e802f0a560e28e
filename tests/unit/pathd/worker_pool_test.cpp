// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/worker_pool.h"

#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "pathd/worker.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

constexpr auto deadline = 20s;

/// Pools have no end, nor have these.
WorkerPool &pool_of(std::size_t threads)
{
	return *new WorkerPool({.threads = threads, .patience = 1ms, .enough = 1});
}

std::vector<std::unique_ptr<Worker>> lines_of(WorkerPool &pool, std::size_t count)
{
	std::vector<std::unique_ptr<Worker>> lines;
	for (std::size_t i = 0; i < count; i++) {
		auto line = Worker::start("line", pool);
		EXPECT_TRUE(line);
		lines.push_back(std::move(*line));
	}
	return lines;
}

/// Jobs that hang until they are let go.
class Hang
{
public:
	~Hang() { go_.set_value(); }
	/// Comes back when the job hangs.
	void on(Worker &line)
	{
		auto started = std::make_shared<std::promise<void>>();
		ASSERT_TRUE(line.submit([started, let_go = let_go_] {
			started->set_value();
			let_go.wait();
		}));
		ASSERT_EQ(started->get_future().wait_for(deadline), std::future_status::ready);
	}

private:
	std::promise<void> go_;
	std::shared_future<void> let_go_{go_.get_future()};
};

void expect_served(Worker &line)
{
	auto done = std::make_shared<std::promise<void>>();
	ASSERT_TRUE(line.submit([done] { done->set_value(); }));
	EXPECT_EQ(done->get_future().wait_for(deadline), std::future_status::ready);
}

TEST(WorkerPool, HasAThreadForEachLineUpToItsLimit)
{
	auto &pool = pool_of(3);
	EXPECT_EQ(pool.threads(), 0U);
	const auto two = lines_of(pool, 2);
	EXPECT_EQ(pool.threads(), 2U);
	const auto others = lines_of(pool, 5);
	EXPECT_EQ(pool.threads(), 3U);
}

TEST(WorkerPool, LinesBeyondItsThreadsAreServedInOrder)
{
	constexpr int jobs = 5;
	auto &pool = pool_of(2);
	const auto lines = lines_of(pool, 50);
	std::vector<std::vector<int>> ran(lines.size());
	std::vector<std::promise<void>> last(lines.size());
	for (int job = 0; job < jobs; job++)
		for (std::size_t i = 0; i < lines.size(); i++)
			ASSERT_TRUE(lines[i]->submit([&, i, job] {
				ran[i].push_back(job);
				if (job + 1 == jobs)
					last[i].set_value();
			}));
	for (std::size_t i = 0; i < lines.size(); i++) {
		ASSERT_EQ(last[i].get_future().wait_for(deadline), std::future_status::ready);
		EXPECT_EQ(ran[i], (std::vector{0, 1, 2, 3, 4}));
	}
}

TEST(WorkerPool, LinesThatHangKeepNoOtherWaiting)
{
	auto &pool = pool_of(2);
	const auto lines = lines_of(pool, 10);
	Hang hang;
	for (std::size_t i = 0; i + 1 < lines.size(); i++)
		hang.on(*lines[i]);
	expect_served(*lines.back());
	// Never more threads than lines: each has one job under way.
	EXPECT_LE(pool.threads(), lines.size());
}

TEST(WorkerPool, ThreadsStartedForLinesThatHungAreThereTheNextTime)
{
	auto &pool = pool_of(1);
	const auto lines = lines_of(pool, 4);
	{
		Hang hang;
		for (const auto &line : lines)
			hang.on(*line);
	}
	EXPECT_EQ(pool.threads(), lines.size());
	Hang again;
	for (const auto &line : lines)
		again.on(*line);
	EXPECT_EQ(pool.threads(), lines.size());
}

TEST(WorkerPool, ALineThatIsGoneWhileItHangsTakesNoOthersThread)
{
	auto &pool = pool_of(8);
	Hang hang;
	{
		const auto gone = lines_of(pool, 1);
		hang.on(*gone.front());
	}
	const auto two = lines_of(pool, 2);
	EXPECT_EQ(pool.threads(), 3U);
	hang.on(*two[0]);
	expect_served(*two[1]);
}

TEST(WorkerPool, ALineThatIsGoneLeavesItsThreadToTheNext)
{
	auto &pool = pool_of(8);
	for (int i = 0; i < 5; i++) {
		expect_served(*lines_of(pool, 1).front());
		// Its job has answered, and may not have ended.
		const auto end = std::chrono::steady_clock::now() + deadline;
		while (pool.lines() > 0 && std::chrono::steady_clock::now() < end)
			std::this_thread::yield();
		ASSERT_EQ(pool.lines(), 0U);
	}
	EXPECT_LE(pool.threads(), 2U);
}

TEST(WorkerPool, WhatALineThatIsGoneHadWaitingIsDropped)
{
	auto &pool = pool_of(8);
	const auto held_by_the_job = std::make_shared<int>();
	Hang hang;
	{
		const auto gone = lines_of(pool, 1);
		hang.on(*gone.front());
		ASSERT_TRUE(gone.front()->submit([held_by_the_job] {}));
		EXPECT_EQ(held_by_the_job.use_count(), 2);
	}
	EXPECT_EQ(held_by_the_job.use_count(), 1);
}

} // namespace
} // namespace swpath
