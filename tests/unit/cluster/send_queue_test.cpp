// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/send_queue.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

constexpr Instant start{std::chrono::seconds(1000)};

std::string take(SendQueue &queue, Instant now = start)
{
	const auto *offered = queue.offer(now);
	if (!offered)
		return {};
	auto message = *offered;
	queue.taken();
	return message;
}

TEST(SendQueue, GivesOutInOrderAndIntroductionsFirst)
{
	SendQueue queue;
	EXPECT_EQ(queue.next(start), std::nullopt);
	queue.push("one");
	queue.push("two");
	queue.push_introduction("me");
	queue.push_introduction("me");
	EXPECT_EQ(queue.next(start), start);
	EXPECT_EQ(take(queue), "me");
	EXPECT_EQ(take(queue), "one");
	EXPECT_EQ(take(queue), "two");
	EXPECT_EQ(take(queue), "");
	EXPECT_TRUE(queue.empty());
}

TEST(SendQueue, WaitsLongerEachTimeThatItIsRefused)
{
	SendQueue queue;
	queue.push("one");
	auto now = start;
	Duration last{};
	for (unsigned i = 0; i < 20; i++) {
		ASSERT_TRUE(queue.offer(now));
		queue.refused(now);
		EXPECT_FALSE(queue.offer(now));
		const auto next = queue.next(now);
		ASSERT_TRUE(next);
		EXPECT_GE(*next - now, std::max(last, SendQueue::first));
		EXPECT_LE(*next - now, SendQueue::most);
		last = *next - now;
		now = *next;
	}
	EXPECT_EQ(last, SendQueue::most);
	EXPECT_EQ(queue.held_up(), 20U);
	EXPECT_EQ(take(queue, now), "one");
	queue.push("two");
	EXPECT_TRUE(queue.offer(now));
}

TEST(SendQueue, IsBoundedAndCountsWhatItDrops)
{
	SendQueue queue;
	for (std::size_t i = 0; i < SendQueue::frames_max + 3; i++)
		queue.push("x");
	EXPECT_EQ(queue.dropped(), 3U);
	queue.drop_frames();
	const std::string big(SendQueue::bytes_max / 2, 'x');
	queue.push(big);
	queue.push(big);
	queue.push("x");
	EXPECT_EQ(queue.dropped(), 4U);
	// There is room again when one is gone.
	EXPECT_EQ(take(queue).size(), big.size());
	queue.push("x");
	EXPECT_EQ(queue.dropped(), 4U);
}

TEST(SendQueue, AnIntroductionOutlivesTheFrames)
{
	SendQueue queue;
	queue.push("one");
	queue.push_introduction("me");
	queue.drop_frames();
	EXPECT_EQ(take(queue), "me");
	EXPECT_TRUE(queue.empty());
	queue.push_introduction("me");
	queue.clear();
	EXPECT_TRUE(queue.empty());
}

} // namespace
} // namespace swpath
