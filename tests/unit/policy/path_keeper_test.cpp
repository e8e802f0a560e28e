// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/path_keeper.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/policy/time_points.h"
#include "tests/unit/policy/unit_status_maker.h"

namespace swpath
{
namespace
{

using Kind = KeeperAction::Kind;
using std::chrono::seconds;
using test::at_s;

class PathKeeper : public testing::Test
{
protected:
	UnitStatus status_ = test::online_unit();
	std::array<KeptPath, 2> paths_{};

	PathKeeper()
	{
		for (auto &path : paths_)
			path = {MonitorState::Ok, Reason::NONE, 0, at_s(0)};
		for (auto &path : status_.paths)
			path.ticket_ms = 15000;
	}
	std::vector<KeeperAction> keep()
	{
		const auto actions = keep_paths(status_, paths_, seconds(5), at_s(0));
		return {actions.begin(), actions.end()};
	}
	void fail(unsigned i, Reason reason, std::uint32_t failures = 1)
	{
		paths_[i] = {reason == Reason::IDENTITY ? MonitorState::Rejected
							: MonitorState::Failed,
			     reason, failures, std::nullopt};
	}
};

TEST_F(PathKeeper, IsStillWhenKernelAndMonitorsAgree)
{
	EXPECT_TRUE(keep().empty());
}

TEST_F(PathKeeper, WithdrawsTheTicketOfAPathWhoseKeyMayBeGone)
{
	paths_[1].may_lack_key = true;
	const auto actions = keep();
	ASSERT_EQ(actions.size(), 1U);
	EXPECT_EQ(actions[0].kind, Kind::Ticket);
	EXPECT_EQ(actions[0].path, 1U);
	EXPECT_EQ(actions[0].ttl_ms, 0U);
}

TEST_F(PathKeeper, DepositsTicketsOfTheNewEpochAfterASwitch)
{
	for (auto &path : status_.paths)
		path.ticket_ms = 0;
	const auto actions = keep();
	ASSERT_EQ(actions.size(), 2U);
	for (const auto &action : actions) {
		EXPECT_EQ(action.kind, Kind::Ticket);
		EXPECT_EQ(action.ttl_ms, 15000U);
	}
}

TEST_F(PathKeeper, FailsAStandbyPathAtItsFirstFailedProbe)
{
	fail(1, Reason::TIMEOUT);
	const auto actions = keep();
	ASSERT_EQ(actions.size(), 1U);
	EXPECT_EQ(actions[0].kind, Kind::Fail);
	EXPECT_EQ(actions[0].path, 1U);
	EXPECT_EQ(actions[0].reason, Reason::TIMEOUT);
}

TEST_F(PathKeeper, LeavesTheActivePathAfterTwoFailedProbesIfAnotherIsReady)
{
	fail(0, Reason::OFFLINE, 1);
	const auto withdrawn = keep();
	ASSERT_EQ(withdrawn.size(), 1U);
	EXPECT_EQ(withdrawn[0].kind, Kind::Ticket);
	EXPECT_EQ(withdrawn[0].ttl_ms, 0U);

	status_.paths[0].ticket_ms = 0;
	EXPECT_TRUE(keep().empty());
	fail(0, Reason::OFFLINE, 2);
	const auto actions = keep();
	ASSERT_EQ(actions.size(), 1U);
	EXPECT_EQ(actions[0].kind, Kind::Fail);
	EXPECT_EQ(actions[0].path, 0U);
}

TEST_F(PathKeeper, DoesNotTakeTheOnlyPathAwayOnTheWordOfProbes)
{
	fail(0, Reason::OFFLINE, 9);
	fail(1, Reason::OFFLINE, 9);
	status_.paths[0].ticket_ms = 0;
	status_.paths[1].state = PathState::FAILED;
	status_.paths[1].reason = Reason::OFFLINE;
	EXPECT_TRUE(keep().empty());
}

TEST_F(PathKeeper, TakesTheWrongDiskAwayEvenIfItIsTheOnlyPath)
{
	fail(0, Reason::IDENTITY);
	status_.paths[1].state = PathState::ABSENT;
	auto actions = keep();
	ASSERT_EQ(actions.size(), 1U);
	EXPECT_EQ(actions[0].kind, Kind::Fail);
	EXPECT_EQ(actions[0].reason, Reason::IDENTITY);

	// The kernel now verifies; the path is failed, and is to be rejected.
	status_.state = UnitState::VERIFY;
	status_.paths[0].state = PathState::FAILED;
	status_.paths[0].reason = Reason::IDENTITY;
	actions = keep();
	ASSERT_EQ(actions.size(), 1U);
	EXPECT_EQ(actions[0].kind, Kind::Reject);
	status_.paths[0].state = PathState::REJECTED;
	EXPECT_TRUE(keep().empty());
}

TEST_F(PathKeeper, ReinstatesAPathThatIsOkAgain)
{
	status_.paths[1].state = PathState::FAILED;
	status_.paths[1].reason = Reason::ERROR;
	const auto actions = keep();
	ASSERT_EQ(actions.size(), 1U);
	EXPECT_EQ(actions[0].kind, Kind::Reinstate);
	EXPECT_EQ(actions[0].path, 1U);
}

TEST_F(PathKeeper, DoesNotReinstateAPathThatIsCheckedOrDamped)
{
	status_.paths[1].state = PathState::FAILED;
	status_.paths[1].reason = Reason::ERROR;
	for (const auto state : {MonitorState::Unknown, MonitorState::Checking,
				 MonitorState::Damped, MonitorState::Failed}) {
		paths_[1].monitor = state;
		EXPECT_TRUE(keep().empty()) << monitor_state_word(state);
	}
}

TEST_F(PathKeeper, DoesNotReinstateWhatTheOperatorFailed)
{
	status_.paths[1].state = PathState::FAILED;
	status_.paths[1].reason = Reason::OPERATOR;
	EXPECT_TRUE(keep().empty());
}

TEST_F(PathKeeper, LeavesTheTicketsOfAnEarlierDaemonUntilItHasLooked)
{
	for (auto &path : paths_)
		path = {};
	EXPECT_TRUE(keep().empty());
}

TEST_F(PathKeeper, GivesNoTicketToAPathThatIsNotOk)
{
	status_.paths[1].ticket_ms = 0;
	for (const auto state :
	     {MonitorState::Unknown, MonitorState::Checking, MonitorState::Damped}) {
		paths_[1].monitor = state;
		EXPECT_TRUE(keep().empty()) << monitor_state_word(state);
	}
}

/// A path as the kernel shows it now.
PathStatus shown(PathState state, std::uint64_t errors = 0, Reason reason = Reason::ERROR)
{
	PathStatus path;
	path.state = state;
	path.errors = errors;
	path.reason = reason;
	return path;
}

TEST(PathLoss, IsAPathThatTheKernelFailed)
{
	const LastLook ready{PathState::READY, 3};
	EXPECT_TRUE(is_loss(ready, shown(PathState::FAILED, 4), MonitorState::Ok));
	// A stall has no error to count.
	EXPECT_TRUE(is_loss(ready, shown(PathState::FAILED, 3, Reason::STALL), MonitorState::Ok));
	EXPECT_FALSE(is_loss(ready, shown(PathState::READY, 4), MonitorState::Ok));
	EXPECT_FALSE(is_loss(ready, shown(PathState::ABSENT, 3), MonitorState::Ok));
}

TEST(PathLoss, IsWhatTheFirstLookFindsFailed)
{
	EXPECT_TRUE(is_loss(std::nullopt, shown(PathState::FAILED, 4), MonitorState::Unknown));
	EXPECT_TRUE(is_loss(std::nullopt, shown(PathState::FAILED), MonitorState::Unknown));
	EXPECT_FALSE(is_loss(std::nullopt, shown(PathState::READY, 4), MonitorState::Unknown));
}

TEST(PathLoss, IsToldAgainOnlyWithMoreErrors)
{
	const LastLook failed{PathState::FAILED, 4};
	EXPECT_FALSE(is_loss(failed, shown(PathState::FAILED, 4), MonitorState::Ok));
	EXPECT_TRUE(is_loss(failed, shown(PathState::FAILED, 5), MonitorState::Ok));
	// A table that was made anew counts from zero.
	EXPECT_FALSE(is_loss(failed, shown(PathState::FAILED, 0), MonitorState::Ok));
}

TEST(PathLoss, IsNotWhatPathdOrAPersonToldTheKernel)
{
	const LastLook ready{PathState::READY, 3};
	for (const auto reason : {Reason::OPERATOR, Reason::IDENTITY, Reason::SIZE,
				  Reason::WRITE_PROTECTED, Reason::STALE_DATA}) {
		EXPECT_FALSE(is_loss(ready, shown(PathState::FAILED, 4, reason), MonitorState::Ok))
			<< word(reason);
		EXPECT_FALSE(is_loss(std::nullopt, shown(PathState::FAILED, 4, reason),
				     MonitorState::Unknown))
			<< word(reason);
	}
}

TEST(PathLoss, IsNoNewsToAMonitorThatKnows)
{
	const LastLook ready{PathState::READY, 3};
	const auto failed = shown(PathState::FAILED, 4);
	for (const auto state : {MonitorState::Failed, MonitorState::Rejected})
		EXPECT_FALSE(is_loss(ready, failed, state)) << monitor_state_word(state);
	for (const auto state : {MonitorState::Unknown, MonitorState::Checking, MonitorState::Ok,
				 MonitorState::Damped})
		EXPECT_TRUE(is_loss(ready, failed, state)) << monitor_state_word(state);
}

} // namespace
} // namespace swpath
