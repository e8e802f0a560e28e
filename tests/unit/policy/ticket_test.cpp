// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/ticket.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::at_ms;
using test::at_s;

TEST(Ticket, FreshProofIsDepositedForThreeIntervals)
{
	const auto order = order_ticket({.proved_at = at_s(0)}, seconds(5), at_s(0));
	ASSERT_TRUE(order);
	EXPECT_EQ(order->ttl_ms, 15000U);
}

TEST(Ticket, LivesFromTheBeginOfTheProofNotFromItsDeposit)
{
	const auto order = order_ticket({.proved_at = at_s(0)}, seconds(5), at_s(4));
	ASSERT_TRUE(order);
	EXPECT_EQ(order->ttl_ms, 11000U);
}

TEST(Ticket, OfADeadEpochIsDepositedAgainWithoutAnewProbe)
{
	const auto order = order_ticket({.proved_at = at_s(0), .left = {}}, seconds(5), at_s(7));
	ASSERT_TRUE(order);
	EXPECT_EQ(order->ttl_ms, 8000U);
}

TEST(Ticket, IsWithdrawnWhenTheProofIsGone)
{
	const auto order = order_ticket({.proved_at = {}, .left = seconds(9)}, seconds(5), at_s(0));
	ASSERT_TRUE(order);
	EXPECT_EQ(order->ttl_ms, 0U);
	EXPECT_FALSE(order_ticket({.proved_at = {}, .left = {}}, seconds(5), at_s(0)));
}

TEST(Ticket, IsNotSentAgainForNothing)
{
	EXPECT_FALSE(order_ticket({.proved_at = at_s(0), .left = milliseconds(13900)}, seconds(5),
				  at_s(1)));
}

TEST(Ticket, NeverOutlivesItsProof)
{
	EXPECT_TRUE(rc::check([](bool proved) {
		const auto interval = milliseconds(*rc::gen::inRange(100, 600000));
		const auto age = milliseconds(*rc::gen::inRange(0, 4000000));
		const auto left = milliseconds(*rc::gen::inRange(0, 3600000));
		const Instant now = at_ms(5000000);
		TicketView view;
		if (proved)
			view.proved_at = now - age;
		view.left = left;
		const auto order = order_ticket(view, interval, now);
		if (!order)
			return;
		const Duration life = proved ? ticket_life(interval) - age : Duration::zero();
		RC_ASSERT(milliseconds(order->ttl_ms) <=
			  std::max<Duration>(life, Duration::zero()));
	}));
}

} // namespace
} // namespace swpath
