// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/worker_pool.h"

#include <chrono>
#include <future>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>

#include "pathd/thread.h"
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

/// All threads that begin from here on share one CPU.
class OneCpu
{
public:
	OneCpu()
	{
		EXPECT_EQ(sched_getaffinity(0, sizeof(before_), &before_), 0);
		cpu_set_t one;
		CPU_ZERO(&one);
		for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++)
			if (CPU_ISSET(cpu, &before_))
				CPU_SET(cpu, &one);
		EXPECT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	}
	~OneCpu() { EXPECT_EQ(sched_setaffinity(0, sizeof(before_), &before_), 0); }

private:
	cpu_set_t before_{};
};

/// Jobs that need a CPU for a while, and nothing else; comes back when all have ended.
void expect_worked_off(std::span<const std::unique_ptr<Worker>> lines)
{
	std::vector<std::future<void>> ended;
	for (const auto &line : lines) {
		auto done = std::make_shared<std::promise<void>>();
		ended.push_back(done->get_future());
		ASSERT_TRUE(line->submit([done] {
			const auto view = ThreadView::own();
			const auto begun = view.used();
			while (view.used() - begun < 4ms)
				;
			done->set_value();
		}));
	}
	for (auto &each : ended)
		ASSERT_EQ(each.wait_for(deadline), std::future_status::ready);
}

TEST(WorkerPool, AThreadThatWaitsForTheCpuDoesNotHang)
{
	const OneCpu busy;
	auto &pool = pool_of(8);
	const auto lines = lines_of(pool, 100);
	expect_worked_off(lines);
	EXPECT_LE(pool.threads(), 24U);
}

TEST(WorkerPool, OnABusyCpuThreadsThatHangAreMadeUpFor)
{
	const OneCpu busy;
	auto &pool = pool_of(8);
	const auto lines = lines_of(pool, 108);
	Hang hang;
	for (std::size_t i = 0; i < 8; i++)
		hang.on(*lines[i]);
	expect_worked_off(std::span(lines).subspan(8));
	EXPECT_LE(pool.threads(), 40U);
}

TEST(WorkerPool, ThreadsThatAreNotNeededAnyMoreEnd)
{
	auto &pool = *new WorkerPool(
		{.threads = 2, .patience = 1ms, .enough = 1, .rest = 20ms, .long_job = 1ms});
	const auto lines = lines_of(pool, 12);
	{
		Hang hang;
		for (std::size_t i = 0; i < 10; i++)
			hang.on(*lines[i]);
		EXPECT_GE(pool.threads(), 10U);
		// While they hang, so many are needed.
		const auto begun = std::chrono::steady_clock::now();
		while (std::chrono::steady_clock::now() < begun + 200ms)
			expect_served(*lines[11]);
		EXPECT_GE(pool.threads(), 11U);
	}
	const auto end = std::chrono::steady_clock::now() + deadline;
	while (pool.threads() > 2 && std::chrono::steady_clock::now() < end)
		expect_served(*lines[0]);
	EXPECT_EQ(pool.threads(), 2U);
	Hang again;
	for (std::size_t i = 0; i < 10; i++)
		again.on(*lines[i]);
	expect_served(*lines[11]);
}

TEST(ThreadView, TellsWhoWantsACpuFromWhoWaitsForSomethingElse)
{
	const auto own = ThreadView::own();
	EXPECT_TRUE(own.wants_cpu());
	std::promise<ThreadView> view;
	std::promise<void> go;
	std::thread other([&] {
		name_thread("a) R (b");
		view.set_value(ThreadView::own());
		go.get_future().get();
	});
	auto of_other = view.get_future().get();
	const auto end = std::chrono::steady_clock::now() + deadline;
	// It may wait on its way to where it waits for us.
	for (auto used = -1ns; used != of_other.used() && std::chrono::steady_clock::now() < end;) {
		used = of_other.used();
		std::this_thread::sleep_for(20ms);
	}
	EXPECT_FALSE(of_other.wants_cpu());
	EXPECT_GT(of_other.used(), 0ns);
	EXPECT_EQ(of_other.used(), of_other.used());
	go.set_value();
	other.join();
	EXPECT_FALSE(of_other.wants_cpu());
	EXPECT_EQ(of_other.used(), 0ns);
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
