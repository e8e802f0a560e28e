// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/failback.h"

#include <array>

#include <gtest/gtest.h>

#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using std::chrono::seconds;
using test::at_s;

class Failback : public testing::Test
{
protected:
	std::array<FailbackView::Path, 3> paths_{};
	FailbackView view_;
	FailbackRule rule_{.automatic = true, .interval = seconds(300), .stable = seconds(20)};

	Failback()
	{
		for (auto &path : paths_)
			path = {true, true, MonitorState::Ok, at_s(0)};
		view_.online = true;
		view_.active = 1;
		view_.paths = paths_;
	}
	FailbackDecision decide(double s) { return decide_failback(view_, rule_, at_s(s)); }
};

TEST_F(Failback, GoesToTheMostPreferredStablePath)
{
	const auto decision = decide(20);
	EXPECT_EQ(decision.verdict, FailbackVerdict::Go);
	EXPECT_EQ(decision.to, 0U);
}

TEST_F(Failback, NeverGoesToALessPreferredPath)
{
	paths_[0].ready = false;
	EXPECT_EQ(decide(1000).verdict, FailbackVerdict::NoCandidate);
	view_.active = 0;
	EXPECT_EQ(decide(1000).verdict, FailbackVerdict::Preferred);
}

TEST_F(Failback, WaitsForTheStablePeriod)
{
	const auto decision = decide(19.9);
	EXPECT_EQ(decision.verdict, FailbackVerdict::Settling);
	EXPECT_EQ(decision.at, at_s(20));
}

TEST_F(Failback, DoesNotTryTwiceWithinTheInterval)
{
	view_.last_try = at_s(100);
	const auto decision = decide(399);
	EXPECT_EQ(decision.verdict, FailbackVerdict::TooSoon);
	EXPECT_EQ(decision.at, at_s(400));
	EXPECT_EQ(decide(400).verdict, FailbackVerdict::Go);
}

TEST_F(Failback, LeavesAPinnedPathAlone)
{
	view_.pinned = true;
	EXPECT_EQ(decide(1000).verdict, FailbackVerdict::Pinned);
}

TEST_F(Failback, ManualPolicyNeverGoes)
{
	rule_.automatic = false;
	EXPECT_EQ(decide(1000).verdict, FailbackVerdict::Manual);
}

TEST_F(Failback, OnlyWhenOnline)
{
	view_.online = false;
	EXPECT_EQ(decide(1000).verdict, FailbackVerdict::NotOnline);
}

TEST_F(Failback, NeedsTheKernelsTicket)
{
	paths_[0].ticket = false;
	EXPECT_EQ(decide(1000).verdict, FailbackVerdict::Settling);
}

TEST_F(Failback, TakesTheSecondChoiceWhileTheFirstSettles)
{
	view_.active = 2;
	paths_[0].good_since = at_s(95);
	const auto decision = decide(100);
	EXPECT_EQ(decision.verdict, FailbackVerdict::Go);
	EXPECT_EQ(decision.to, 1U);
}

TEST_F(Failback, GoOnlyIfEveryConditionHolds)
{
	// Every combination of the conditions, each judged by the rule as DESIGN states it.
	for (unsigned bits = 0; bits < 256; bits++) {
		const auto bit = [&](unsigned i) { return ((bits >> i) & 1) != 0; };
		view_.online = bit(0);
		view_.pinned = bit(1);
		rule_.automatic = bit(2);
		view_.last_try = bit(3) ? std::optional(at_s(900)) : std::nullopt;
		view_.active = 1;
		paths_[0].ready = bit(4);
		paths_[0].ticket = bit(5);
		paths_[0].state = bit(6) ? MonitorState::Ok : MonitorState::Damped;
		paths_[0].good_since = bit(7) ? at_s(0) : at_s(990);
		const bool go = bit(0) && !bit(1) && bit(2) && !bit(3) && bit(4) && bit(5) &&
				bit(6) && bit(7);
		EXPECT_EQ(decide(1000).verdict == FailbackVerdict::Go, go) << bits;
	}
}

} // namespace
} // namespace swpath
