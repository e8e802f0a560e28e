// SPDX-License-Identifier: GPL-2.0-or-later
/// Of paths whose reservation keys a fence of ours takes away.
#include "libpath/policy/mount_verification.h"

#include <array>
#include <cerrno>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/mount_verification_fixture.h"
#include "tests/unit/policy/time_points.h"
#include "tests/unit/policy/unit_status_maker.h"

namespace swpath
{
namespace
{

using Kind = MvAction::Kind;
using test::at_ms;
using test::at_s;
using test::Mv;
using test::online_unit;
using test::verifying_unit;
using testing::HasSubstr;

/// A direct path with writes in doubt, and a served one that can shut it out by its key.
class MvKeys : public Mv
{
protected:
	UnitStatus status_ = verifying_unit();

	MvKeys()
	{
		for (unsigned i = 0; i < 2; i++)
			candidates_[i].fencing = {
				.reachable = true, .reservations = true, .key = 0xa0 + i};
		candidates_[1].fencing.server = 1;
		EXPECT_TRUE(step(online_unit(), -60).empty());
		for (unsigned i = 0; i < 2; i++)
			mv_.key_seen(i, 0xa0 + i, at_s(0));
		status_.doubt = 1;
	}
	/// Until the fence takes the old path's key away, at 0.1 s. Its order.
	FenceAction preempt()
	{
		(void)step(status_, 0);
		mv_.refuted(3, 0, at_ms(5), Reason::TIMEOUT);
		mv_.verified(3, 1, at_ms(10), "medium");
		const auto read = *find(step(status_, 0.05), Kind::Fence);
		EXPECT_EQ(read.fence.kind, FenceAction::Kind::ReadKeys);
		FenceAnswer answer;
		answer.keys = {0xa0, 0xa1};
		answer.type = ReservationType::WriteExclusiveRegistrants;
		mv_.fence_done(read.fence.token, answer, at_ms(60));
		const auto action = *find(step(status_, 0.1), Kind::Fence);
		EXPECT_EQ(action.fence.kind, FenceAction::Kind::PreemptAbort);
		return action.fence;
	}
};

TEST_F(MvKeys, DoesNotGoOnWithAPathWhoseKeyIsBeingTaken)
{
	const auto order = preempt();
	// A check that had seen the key.
	mv_.key_seen(0, 0xa0, at_ms(90));
	mv_.verified(3, 0, at_ms(150), "vpd83");
	EXPECT_EQ(count(step(status_, 0.2), Kind::Commit), 0U);
	EXPECT_THAT(waits(status_, 0.2), HasSubstr("proved, but it may be without its key"));
	mv_.fence_failed(order.token, EBADE, at_ms(300));
	EXPECT_EQ(count(step(status_, 0.4), Kind::Commit), 0U);
	mv_.key_seen(0, 0xa0, at_ms(700));
	mv_.verified(3, 0, at_ms(710), "vpd83");
	const auto actions = step(status_, 0.72);
	const auto *commit = find(actions, Kind::Commit);
	ASSERT_NE(commit, nullptr);
	EXPECT_EQ(commit->path, 0U);
	EXPECT_EQ(commit->method, Method::NONE_NEEDED);
}

TEST_F(MvKeys, VerifiesAPathAnewWhenItsKeyIsNoMoreBeingTaken)
{
	const auto order = preempt();
	mv_.verified(3, 0, at_ms(150), "vpd83");
	EXPECT_EQ(count(step(status_, 0.9), Kind::Verify), 0U);
	mv_.fence_done(order.token, {}, at_ms(1000));
	const auto actions = step(status_, 1.1);
	const auto *verify = find(actions, Kind::Verify);
	ASSERT_NE(verify, nullptr);
	EXPECT_EQ(verify->path, 0U);
}

TEST_F(MvKeys, APathThatIsBeingShutOutGetsItsKeyBackOnlyIfThereIsNowhereElseToGo)
{
	EXPECT_FALSE(mv_.may_register(status_, 0)) << "nobody has looked yet";
	(void)step(status_, 0);
	EXPECT_FALSE(mv_.may_register(status_, 0));
	EXPECT_TRUE(mv_.may_register(status_, 1));
	mv_.verified(3, 1, at_ms(10), "medium");
	EXPECT_FALSE(mv_.may_register(status_, 0));
	mv_.refuted(3, 1, at_ms(20), Reason::TRANSPORT);
	EXPECT_TRUE(mv_.may_register(status_, 0));
	mv_.verified(3, 1, at_ms(30), "medium");
	EXPECT_FALSE(mv_.may_register(status_, 0));
	EXPECT_TRUE(mv_.may_register(online_unit(), 0));
}

TEST_F(MvKeys, WhatAnotherLookMayHavePutBackTheFenceReadsAnew)
{
	const auto order = preempt();
	mv_.fence_done(order.token, {}, at_ms(110));
	const auto read = *find(step(status_, 0.12), Kind::Fence);
	FenceAnswer answer;
	answer.keys = {0xa1};
	answer.type = ReservationType::WriteExclusiveRegistrants;
	mv_.fence_done(read.fence.token, answer, at_ms(130));
	mv_.refuted(3, 1, at_ms(140), Reason::TRANSPORT);
	(void)step(status_, 0.15); // a check of the old path may register now
	mv_.verified(3, 1, at_ms(160), "medium");
	const auto actions = step(status_, 0.17);
	EXPECT_EQ(count(actions, Kind::Commit), 0U);
	ASSERT_NE(find(actions, Kind::Fence), nullptr);
	EXPECT_EQ(find(actions, Kind::Fence)->fence.kind, FenceAction::Kind::ReadKeys);
}

TEST_F(MvKeys, APathThatIsWellIsNoWayOutIfTheOldOneCannotBeShutOutForIt)
{
	(void)step(status_, 0);
	mv_.refuted(3, 0, at_ms(5), Reason::RESERVATION);
	mv_.verified(3, 1, at_ms(10), "medium");
	candidates_[1].fencing.reachable = false; // its server goes on, its pathd does not
	(void)step(status_, 0.05);
	EXPECT_TRUE(mv_.may_register(status_, 0));
	candidates_[1].fencing.reachable = true;
	const auto actions = step(status_, 0.1);
	ASSERT_NE(find(actions, Kind::Fence), nullptr);
	EXPECT_EQ(find(actions, Kind::Fence)->fence.kind, FenceAction::Kind::ReadKeys);
	EXPECT_FALSE(mv_.may_register(status_, 0));
}

/// The direct path failed, and its server's revocation is no proof for it: a third path is.
class MvKeysOfThree : public MvKeys
{
protected:
	MvKeysOfThree()
	{
		status_.paths.push_back(status_.paths[1]);
		three_ = {candidates_[0], candidates_[1], candidates_[1]};
		three_[2].name = "nbd1";
		three_[2].fencing.server = 2;
		three_[2].fencing.key = 0xa2;
	}
	std::vector<MvAction> step_three(double s)
	{
		const auto actions = mv_.step(status_, three_, at_s(s));
		return {actions.begin(), actions.end()};
	}

	std::array<MvCandidate, 3> three_;
};

TEST_F(MvKeysOfThree, APathThatMayBeWithoutItsKeyIsTakenLast)
{
	three_[1].fencing.export_key = 0xbb; // which nobody ever sees on the disk
	(void)step_three(0);
	mv_.refuted(3, 0, at_ms(5), Reason::TIMEOUT);
	mv_.verified(3, 1, at_ms(10), "medium");
	mv_.verified(3, 2, at_ms(10), "medium");
	mv_.key_seen(2, 0xa2, at_ms(10));
	const auto actions = step_three(0.05);
	ASSERT_NE(find(actions, Kind::Fence), nullptr);
	EXPECT_EQ(find(actions, Kind::Fence)->path, 2U);
}

} // namespace
} // namespace swpath
