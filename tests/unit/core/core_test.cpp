// SPDX-License-Identifier: GPL-2.0-or-later
/// Facts about single decisions of sw-core that the exhaustive search does not spell out.
#include <gtest/gtest.h>

#include "world.h"

namespace swpath::test
{
namespace
{

class Core : public ::testing::Test
{
protected:
	void ticket(int path)
	{
		EXPECT_EQ(sw_core_ticket(&core(), path, core().epoch, unit_ns, now(), &actions_),
			  0);
	}
	unsigned drained() { return sw_core_drained(&core(), core().current_path, now()); }
	enum sw_verdict error(int path, bool write, unsigned tries = 1)
	{
		return sw_core_error(&core(), path, SW_REASON_TIMEOUT, write, tries, now(),
				     &actions_);
	}
	const sw_now *now()
	{
		now_ = {world_.now, 1795219687692, world_.now + slept_};
		return &now_;
	}
	void pass(std::uint64_t ns) { world_.now += ns; }
	void sleep(std::uint64_t ns) { slept_ += ns; }
	sw_core &core() { return world_.core; }
	const sw_record &last() { return world_.last_record(); }

	World world_{SW_FENCE_PROVE};
	sw_now now_{};
	std::uint64_t slept_ = 0; ///< by the host
	unsigned actions_ = 0;
};

TEST_F(Core, StartsOnTheFirstReadyPathInOrderOfPreference)
{
	EXPECT_EQ(core().state, SW_STATE_ONLINE);
	EXPECT_EQ(core().current_path, 0);
	EXPECT_EQ(core().epoch, 1u);
}

TEST_F(Core, StartsInMountVerificationWhenEveryPathIsAbsent)
{
	sw_core all_absent;
	sw_core_init(&all_absent, &core().config);
	EXPECT_EQ(sw_core_start(&all_absent, now()) & SW_DO_OPEN, 0u);
	EXPECT_EQ(all_absent.state, SW_STATE_VERIFY);
	EXPECT_EQ(all_absent.reason, SW_REASON_NO_PATH);
	EXPECT_EQ(all_absent.phase, SW_PHASE_PROVE);
}

TEST_F(Core, SwitchesAloneAfterAReadErrorWhenTheOtherPathHasATicket)
{
	ticket(1);
	EXPECT_EQ(error(0, false), SW_BIO_HOLD);
	EXPECT_TRUE(actions_ & SW_DO_HOLD);
	EXPECT_TRUE(drained() & SW_DO_OPEN);
	EXPECT_EQ(core().current_path, 1);
	EXPECT_EQ(last().method, SW_METHOD_TICKET);
	EXPECT_EQ(last().reason, SW_REASON_TIMEOUT);
}

TEST_F(Core, WaitsForAProofAfterAWriteErrorEvenWithATicket)
{
	ticket(1);
	error(0, true);
	EXPECT_FALSE(drained() & SW_DO_OPEN);
	EXPECT_EQ(core().phase, SW_PHASE_PROVE);
	EXPECT_EQ(core().doubt, 1u);
	EXPECT_EQ(
		sw_core_commit(&core(), core().mv, 1, SW_METHOD_NONE_NEEDED, "x", now(), &actions_),
		-EPERM);
	EXPECT_EQ(sw_core_commit(&core(), core().mv, 1, SW_METHOD_DRAINED, "x", now(), &actions_),
		  -EPERM);
	EXPECT_EQ(sw_core_commit(&core(), core().mv, 1, SW_METHOD_LU_RESET, "x", now(), &actions_),
		  0);
	EXPECT_EQ(core().doubt, 0u);
}

TEST_F(Core, TakesACompletedDrainForProofOnlyUnderThePolicyThatSaysSo)
{
	core().config.fence = SW_FENCE_DRAIN;
	ticket(1);
	error(0, true);
	EXPECT_TRUE(drained() & SW_DO_OPEN);
	EXPECT_EQ(last().method, SW_METHOD_DRAINED);
	EXPECT_EQ(last().doubt, 1u);
}

TEST_F(Core, RemembersAWriteInDoubtAfterItsErrorWentUp)
{
	error(0, true);
	drained();
	EXPECT_EQ(sw_core_abort(&core(), now(), &actions_), 0);
	EXPECT_EQ(sw_core_retry(&core(), now(), &actions_), 0);
	EXPECT_EQ(core().doubt, 1u);
	EXPECT_EQ(
		sw_core_commit(&core(), core().mv, 1, SW_METHOD_NONE_NEEDED, "x", now(), &actions_),
		-EPERM);
}

TEST_F(Core, AsksForTheTimeInEveryHoldNotOnlyInOneThatClosesAPath)
{
	EXPECT_EQ(sw_core_fail(&core(), 0, SW_REASON_OFFLINE, now(), &actions_), 0);
	EXPECT_TRUE(actions_ & SW_DO_TICK);
	drained();
	EXPECT_EQ(sw_core_abort(&core(), now(), &actions_), 0);
	actions_ = 0;
	EXPECT_EQ(sw_core_retry(&core(), now(), &actions_), 0);
	EXPECT_TRUE(actions_ & SW_DO_TICK);
}

TEST_F(Core, GivesUpARequestThatFailsOnProvedPathAfterProvedPath)
{
	EXPECT_EQ(error(0, false, SW_BIO_TRIES_MAX - 1), SW_BIO_HOLD);
	EXPECT_EQ(error(0, false, SW_BIO_TRIES_MAX), SW_BIO_ERROR);
}

TEST_F(Core, LeavesAPathThatStalledPastItsBudgetAndNotBefore)
{
	EXPECT_EQ(sw_core_tick(&core(), stall_units * unit_ns - 1, now()), 0u);
	EXPECT_TRUE(sw_core_tick(&core(), stall_units * unit_ns, now()) & SW_DO_HOLD);
	EXPECT_EQ(core().paths[0].reason, SW_REASON_STALL);
}

TEST_F(Core, CountsNoSleepOfTheHostInAHoldButInATicketAndInItsState)
{
	ticket(1);
	error(0, true);
	(void)drained();
	sleep(1000 * mv_timeout_units * unit_ns);
	(void)sw_core_tick(&core(), 0, now());
	EXPECT_EQ(core().state, SW_STATE_VERIFY) << "held past a deadline that was slept through";
	EXPECT_EQ(sw_core_ticket_left(&core(), 1, now()->boot_ns), 0u);
	EXPECT_EQ(now()->boot_ns - core().since, 1000 * mv_timeout_units * unit_ns);
	pass(mv_timeout_units * unit_ns);
	(void)sw_core_tick(&core(), 0, now());
	EXPECT_EQ(core().state, SW_STATE_FAILED);
	EXPECT_EQ(last().drain_ns + last().prove_ns, mv_timeout_units * unit_ns);
}

TEST_F(Core, NeverStallsWithoutABudget)
{
	core().config.stall_ns = 0;
	EXPECT_EQ(sw_core_tick(&core(), UINT64_MAX, now()), 0u);
}

TEST_F(Core, FlushesAHealthyPathBeforeACooperativeSwitchLeavesIt)
{
	ticket(1);
	EXPECT_EQ(sw_core_switch(&core(), 1, SW_COOPERATIVE, SW_REASON_OPERATOR, now(), &actions_),
		  0);
	EXPECT_EQ(drained(), static_cast<unsigned>(SW_DO_FLUSH));
	EXPECT_TRUE(sw_core_flushed(&core(), true, now()) & SW_DO_OPEN);
	EXPECT_EQ(core().current_path, 1);
	EXPECT_EQ(core().paths[0].state, SW_PATH_READY);
}

TEST_F(Core, DoesNotWaitForTheFlushOfAPathThatIsGivenUpMeanwhile)
{
	ticket(1);
	EXPECT_EQ(sw_core_switch(&core(), 1, SW_COOPERATIVE, SW_REASON_FAILBACK, now(), &actions_),
		  0);
	EXPECT_EQ(drained(), static_cast<unsigned>(SW_DO_FLUSH));
	// The flush hangs, and pathd, which knows no more than that checks fail, says so.
	EXPECT_EQ(sw_core_fail(&core(), 0, SW_REASON_TIMEOUT, now(), &actions_), 0);
	EXPECT_EQ(core().state, SW_STATE_ONLINE);
	EXPECT_EQ(core().current_path, 1);
	EXPECT_TRUE(actions_ & SW_DO_OPEN);
}

TEST_F(Core, ProvesAnotherPathWhenTheOneThatIsFlushedIsRejected)
{
	ticket(1);
	EXPECT_EQ(sw_core_switch(&core(), 1, SW_COOPERATIVE, SW_REASON_FAILBACK, now(), &actions_),
		  0);
	drained();
	pass(ticket_units * unit_ns);
	EXPECT_EQ(sw_core_reject(&core(), core().mv, 0, SW_REASON_IDENTITY, now(), &actions_), 0);
	EXPECT_EQ(core().phase, SW_PHASE_PROVE);
	EXPECT_EQ(sw_core_flushed(&core(), true, now()), 0u);
	EXPECT_EQ(
		sw_core_commit(&core(), core().mv, 1, SW_METHOD_NONE_NEEDED, "e", now(), &actions_),
		0);
}

TEST_F(Core, RefusesACooperativeSwitchToAPathWithoutATicket)
{
	EXPECT_EQ(sw_core_switch(&core(), 1, SW_COOPERATIVE, SW_REASON_OPERATOR, now(), &actions_),
		  -ENOKEY);
	EXPECT_EQ(core().state, SW_STATE_ONLINE);
}

TEST_F(Core, ReturnsToTheSamePathAfterAnOperatorsHoldWithoutATicket)
{
	EXPECT_EQ(sw_core_hold(&core(), SW_REASON_OPERATOR, now(), &actions_), 0);
	drained();
	EXPECT_EQ(sw_core_release(&core(), now(), &actions_), 0);
	EXPECT_EQ(core().state, SW_STATE_ONLINE);
	EXPECT_EQ(core().epoch, 1u);
}

TEST_F(Core, WaitsForAProofOfAPathThatFailedDuringAnOperatorsHold)
{
	EXPECT_EQ(sw_core_hold(&core(), SW_REASON_OPERATOR, now(), &actions_), 0);
	drained();
	EXPECT_EQ(sw_core_fail(&core(), 0, SW_REASON_OFFLINE, now(), &actions_), 0);
	EXPECT_EQ(sw_core_release(&core(), now(), &actions_), 0);
	EXPECT_EQ(sw_core_reinstate(&core(), 0, now(), &actions_), 0);
	EXPECT_EQ(core().state, SW_STATE_VERIFY);
}

TEST_F(Core, KeepsAPathOutOfUseThatAPersonFailedWhenItsBiosComeBackWithErrors)
{
	EXPECT_EQ(sw_core_fail(&core(), 0, SW_REASON_OPERATOR, now(), &actions_), 0);
	EXPECT_EQ(error(0, false, 1), SW_BIO_HOLD);
	EXPECT_EQ(core().paths[0].state, SW_PATH_FAILED);
	EXPECT_EQ(core().paths[0].reason, SW_REASON_OPERATOR);
	EXPECT_EQ(core().paths[0].errors, 1u);
}

TEST_F(Core, KeepsTheOldPathOfAForcedSwitchOutOfUseWhenItsBiosComeBackWithErrors)
{
	EXPECT_EQ(sw_core_switch(&core(), 1, SW_FORCED, SW_REASON_OPERATOR, now(), &actions_), 0);
	EXPECT_EQ(error(0, true, 1), SW_BIO_HOLD);
	EXPECT_EQ(core().paths[0].reason, SW_REASON_OPERATOR);
}

TEST_F(Core, KeepsAPathRejectedWhenItsBiosComeBackWithErrors)
{
	EXPECT_EQ(sw_core_switch(&core(), 1, SW_FORCED, SW_REASON_FAILBACK, now(), &actions_), 0);
	EXPECT_EQ(sw_core_reject(&core(), core().mv, 0, SW_REASON_IDENTITY, now(), &actions_), 0);
	EXPECT_EQ(error(0, false, 1), SW_BIO_HOLD);
	EXPECT_EQ(core().paths[0].state, SW_PATH_REJECTED);
	EXPECT_EQ(core().paths[0].reason, SW_REASON_IDENTITY);
}

TEST_F(Core, RecordsHowLongEachPhaseTook)
{
	ticket(1);
	EXPECT_EQ(sw_core_switch(&core(), 1, SW_COOPERATIVE, SW_REASON_FAILBACK, now(), &actions_),
		  0);
	pass(100);
	drained();
	pass(20);
	sw_core_flushed(&core(), false, now());
	pass(3);
	sw_core_released(&core(), now());
	EXPECT_EQ(last().drain_ns, 100u);
	EXPECT_EQ(last().flush_ns, 20u);
	EXPECT_EQ(last().prove_ns, 0u);
	EXPECT_EQ(last().release_ns, 3u);
	EXPECT_EQ(last().wall_ms, 1795219687692u);
}

TEST_F(Core, KeepsTheLastRecordsAndNoOthers)
{
	for (unsigned i = 0; i < SW_HISTORY_MAX + 3; i++) {
		EXPECT_EQ(sw_core_hold(&core(), SW_REASON_OPERATOR, now(), &actions_), 0);
		drained();
		EXPECT_EQ(sw_core_release(&core(), now(), &actions_), 0);
	}
	EXPECT_EQ(core().nr_records, SW_HISTORY_MAX + 3u);
	EXPECT_EQ(sw_core_record(&core(), 2), nullptr);
	EXPECT_NE(sw_core_record(&core(), 3), nullptr);
	EXPECT_EQ(sw_core_record(&core(), SW_HISTORY_MAX + 3), nullptr);
}

TEST_F(Core, CountsTheNoticesThatNobodyTookInTime)
{
	for (unsigned i = 0; i < SW_NOTICES_MAX; i++) {
		EXPECT_EQ(sw_core_fail(&core(), 1, SW_REASON_OPERATOR, now(), &actions_), 0);
		EXPECT_EQ(sw_core_reinstate(&core(), 1, now(), &actions_), 0);
	}
	sw_notice notice;
	unsigned taken = 0;
	while (sw_core_notice(&core(), &notice))
		taken++;
	EXPECT_EQ(taken, static_cast<unsigned>(SW_NOTICES_MAX));
	EXPECT_GE(core().notices_lost, static_cast<unsigned>(SW_NOTICES_MAX));
}

class Reload : public Core
{
protected:
	/// The unit after a reload in which path i was path origin[i] before.
	sw_core reload(std::vector<int> origin, std::vector<sw_path_state> states,
		       std::uint64_t epoch = 1)
	{
		sw_core_config config = core().config;
		config.nr_paths = static_cast<unsigned>(origin.size());
		config.epoch = epoch;
		sw_core fresh;
		sw_core_init(&fresh, &config);
		for (unsigned i = 0; i < origin.size(); i++)
			fresh.paths[i].state = states[i];
		actions_ = sw_core_adopt(&fresh, &core(), origin.data(), now());
		return fresh;
	}
};

TEST_F(Reload, StaysOnlineOnTheSamePathAtItsNewPlace)
{
	ticket(1);
	const sw_core after = reload({1, 0}, {SW_PATH_READY, SW_PATH_READY});
	EXPECT_EQ(after.state, SW_STATE_ONLINE);
	EXPECT_EQ(after.current_path, 1);
	EXPECT_GT(sw_core_ticket_left(&after, 0, world_.now), 0u);
	EXPECT_TRUE(actions_ & SW_DO_OPEN);
}

TEST_F(Reload, HoldsWhenTheActivePathIsGone)
{
	const sw_core after = reload({SW_NO_PATH, 1}, {SW_PATH_ABSENT, SW_PATH_READY});
	EXPECT_EQ(after.state, SW_STATE_VERIFY);
	EXPECT_EQ(after.reason, SW_REASON_PATH_GONE);
	EXPECT_EQ(actions_ & (SW_DO_OPEN | SW_DO_HOLD), 0u);
}

TEST_F(Reload, GoesOnWithAHoldAndItsWritesInDoubt)
{
	error(0, true);
	drained();
	const sw_core after = reload({0, 1}, {SW_PATH_READY, SW_PATH_READY});
	EXPECT_EQ(after.state, SW_STATE_VERIFY);
	EXPECT_EQ(after.doubt, 1u);
	EXPECT_EQ(after.mv, core().mv);
	EXPECT_EQ(after.paths[0].state, SW_PATH_FAILED);
}

TEST_F(Reload, KeepsAPathOutOfUseThatAPersonFailedWhileItWasAbsent)
{
	EXPECT_EQ(sw_core_fail(&core(), 1, SW_REASON_OPERATOR, now(), &actions_), 0);
	core() = reload({0, 1}, {SW_PATH_READY, SW_PATH_ABSENT});
	EXPECT_EQ(core().paths[1].state, SW_PATH_ABSENT);
	core() = reload({0, 1}, {SW_PATH_READY, SW_PATH_READY});
	EXPECT_EQ(core().paths[1].state, SW_PATH_FAILED);
	EXPECT_EQ(core().paths[1].reason, SW_REASON_OPERATOR);
	EXPECT_EQ(sw_core_reinstate(&core(), 1, now(), &actions_), 0);
	EXPECT_EQ(core().paths[1].state, SW_PATH_READY);
}

TEST_F(Reload, CountsASwitchFromAPathWhoseDeviceWasReplaced)
{
	error(0, true);
	drained();
	sw_core after = reload({SW_NO_PATH, 1}, {SW_PATH_READY, SW_PATH_READY});
	const std::uint64_t before = after.epoch;
	ASSERT_EQ(after.current_path, SW_NO_PATH);
	EXPECT_EQ(sw_core_commit(&after, after.mv, 1, SW_METHOD_OPERATOR, "e", now(), &actions_),
		  0);
	EXPECT_EQ(after.epoch, before + 1);
}

TEST_F(Reload, NamesThePathThatWasLeftThoughItsDeviceHasGoneMeanwhile)
{
	error(0, true);
	drained();
	sw_core after = reload({0, 1}, {SW_PATH_ABSENT, SW_PATH_READY});
	ASSERT_EQ(after.current_path, SW_NO_PATH);
	EXPECT_EQ(sw_core_commit(&after, after.mv, 1, SW_METHOD_OPERATOR, "e", now(), &actions_),
		  0);
	EXPECT_EQ(sw_core_record(&after, 0)->from, 0);
	EXPECT_EQ(after.left_path, 0);
}

TEST_F(Reload, FlushesNoPathThatItTookAway)
{
	ticket(1);
	EXPECT_EQ(sw_core_switch(&core(), 1, SW_COOPERATIVE, SW_REASON_OPERATOR, now(), &actions_),
		  0);
	pass(ticket_units * unit_ns);
	drained();
	const sw_core after = reload({SW_NO_PATH, 1}, {SW_PATH_ABSENT, SW_PATH_READY});
	EXPECT_EQ(after.current_path, SW_NO_PATH);
	EXPECT_EQ(after.phase, SW_PHASE_PROVE);
	EXPECT_EQ(actions_ & SW_DO_FLUSH, 0u);
}

TEST_F(Reload, TakesALargerEpochAndNeverASmallerOne)
{
	EXPECT_EQ(reload({0, 1}, {SW_PATH_READY, SW_PATH_READY}, 7).epoch, 7u);
	core().epoch = 9;
	EXPECT_EQ(reload({0, 1}, {SW_PATH_READY, SW_PATH_READY}, 7).epoch, 9u);
}

TEST_F(Reload, RemembersInItsHistoryAPathThatIsAbsentNow)
{
	ticket(1);
	EXPECT_EQ(sw_core_switch(&core(), 1, SW_FORCED, SW_REASON_OPERATOR, now(), &actions_), 0);
	drained();
	core().paths[0].errors = 5;
	const sw_core after = reload({0, 1}, {SW_PATH_ABSENT, SW_PATH_READY});
	EXPECT_EQ(sw_core_record(&after, 0)->from, 0);
	EXPECT_EQ(after.left_path, 0);
	EXPECT_EQ(after.paths[0].state, SW_PATH_ABSENT);
	EXPECT_EQ(after.paths[0].errors, 5u);
}

TEST_F(Reload, DoesNotTrustAPathThatWasAbsent)
{
	core().paths[1].state = SW_PATH_ABSENT;
	const sw_core after = reload({0, 1}, {SW_PATH_READY, SW_PATH_READY});
	EXPECT_EQ(after.paths[1].state, SW_PATH_READY);
	EXPECT_EQ(sw_core_ticket_left(&after, 1, world_.now), 0u);
}

} // namespace
} // namespace swpath::test
