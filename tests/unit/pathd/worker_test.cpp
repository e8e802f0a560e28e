// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/worker.h"

#include <future>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

#include "pathd/mailbox.h"

namespace swpath
{
namespace
{

/// A thread that hangs until it is let go.
struct Hang {
	std::promise<void> started;
	std::promise<void> go;
};

TEST(Worker, RunsJobsInOrder)
{
	auto worker = Worker::start("test");
	ASSERT_TRUE(worker);
	std::vector<int> order;
	std::promise<void> done;
	for (int i = 0; i < 3; i++)
		ASSERT_TRUE((*worker)->submit([&order, i] { order.push_back(i); }));
	ASSERT_TRUE((*worker)->submit([&done] { done.set_value(); }));
	done.get_future().get();
	EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

TEST(Worker, RefusesMoreThanItsQueueHolds)
{
	auto worker = Worker::start("test");
	ASSERT_TRUE(worker);
	auto hang = std::make_shared<Hang>();
	ASSERT_TRUE((*worker)->submit([hang] {
		hang->started.set_value();
		hang->go.get_future().get();
	}));
	hang->started.get_future().get();
	for (std::size_t i = 0; i < Worker::queue_max; i++)
		EXPECT_TRUE((*worker)->submit([] {}));
	EXPECT_FALSE((*worker)->submit([] {}));
	hang->go.set_value();
}

TEST(Worker, ItsEndDoesNotWaitForAJobThatHangs)
{
	auto hang = std::make_shared<Hang>();
	auto ended = std::make_shared<std::promise<void>>();
	{
		auto worker = Worker::start("test");
		ASSERT_TRUE(worker);
		ASSERT_TRUE((*worker)->submit([hang, ended] {
			hang->started.set_value();
			hang->go.get_future().get();
			ended->set_value();
		}));
		hang->started.get_future().get();
	}
	// Here only because the destructor came back; now the thread may end, too.
	hang->go.set_value();
	ended->get_future().get();
}

TEST(Mailbox, RunsLettersOnTheReadersSideInOrder)
{
	auto mailbox = Mailbox::create();
	ASSERT_TRUE(mailbox);
	pollfd ready{(*mailbox)->fd(), POLLIN, 0};
	EXPECT_EQ(::poll(&ready, 1, 0), 0);
	std::vector<int> order;
	auto worker = Worker::start("test");
	ASSERT_TRUE(worker);
	ASSERT_TRUE((*worker)->submit([mailbox = *mailbox, &order] {
		for (int i = 0; i < 3; i++)
			mailbox->post([&order, i] { order.push_back(i); });
	}));
	while (order.size() < 3) {
		ASSERT_EQ(::poll(&ready, 1, 10000), 1);
		(*mailbox)->run();
	}
	EXPECT_EQ(order, (std::vector{0, 1, 2}));
	EXPECT_EQ(::poll(&ready, 1, 0), 0);
}

TEST(Mailbox, ALetterMayPostAnother)
{
	auto mailbox = Mailbox::create();
	ASSERT_TRUE(mailbox);
	bool second = false;
	(*mailbox)->post([&] { (*mailbox)->post([&] { second = true; }); });
	(*mailbox)->run();
	EXPECT_FALSE(second);
	(*mailbox)->run();
	EXPECT_TRUE(second);
}

} // namespace
} // namespace swpath
