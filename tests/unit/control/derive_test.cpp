// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/control/reports.h"

namespace swpath
{
namespace
{

using testing::unit_from;

TEST(Derive, UnitWithAllPathsUsableIsOnline)
{
	const auto unit = unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Ok);
	EXPECT_EQ(unit.health, Health::Online);
	EXPECT_EQ(unit.reason_text, "");
	EXPECT_EQ(unit.since, testing::noon - std::chrono::minutes(1));
	EXPECT_EQ(unit.active, 0u);
	EXPECT_EQ(unit.paths[0].inflight_bios, 212u);
}

TEST(Derive, FailedStandbyMakesTheUnitDegradedAndSaysWhy)
{
	const auto unit = unit_from(testing::on_served_line, MonitorWord::Failed, MonitorWord::Ok);
	EXPECT_EQ(unit.health, Health::Degraded);
	EXPECT_EQ(unit.reason_text, "direct sda: command timeout; there is no path to switch to");
	EXPECT_EQ(unit.paths[0].health, PathHealth::Failed);
	EXPECT_EQ(unit.paths[1].health, PathHealth::Ok);
}

TEST(Derive, PathThatAnswersAgainIsCheckingUntilTheKernelTakesIt)
{
	EXPECT_EQ(unit_from(testing::on_served_line, MonitorWord::Checking, MonitorWord::Ok)
			  .paths[0]
			  .health,
		  PathHealth::Checking);
	EXPECT_EQ(unit_from(testing::on_served_line, MonitorWord::Ok, MonitorWord::Ok)
			  .paths[0]
			  .health,
		  PathHealth::Checking);
	EXPECT_EQ(unit_from(testing::on_served_line, MonitorWord::Damped, MonitorWord::Ok)
			  .paths[0]
			  .health,
		  PathHealth::Damped);
}

TEST(Derive, UnitOnAPathThatIsNotPreferredSaysSo)
{
	auto unit = unit_from(testing::on_served_line, MonitorWord::Ok, MonitorWord::Ok);
	unit.paths[0].kernel_state = PathState::READY;
	sum_up(unit);
	EXPECT_EQ(unit.health, Health::Online);
	EXPECT_EQ(unit.reason_text, "not on the preferred path direct sda");
}

TEST(Derive, WithoutDaemonAStandbyIsOkOnlyWhileItsTicketLives)
{
	auto unit = unit_from(testing::online_line);
	EXPECT_EQ(unit.health, Health::Online);
	unit.paths[1].ticket_left_ms = 0;
	sum_up(unit);
	EXPECT_EQ(unit.paths[1].health, PathHealth::Unproved);
	EXPECT_EQ(unit.health, Health::Degraded);
	EXPECT_EQ(unit.reason_text, "served beta is not proved; there is no path to switch to");
}

TEST(Derive, UnitWithOnePathSaysThatThereIsNoOther)
{
	const auto unit = unit_from("14 online - 0 1 0 0 0 0 0 none 5 - - prove 1 8 "
				    "direct 8:0 ready 0 0 1 0 none");
	EXPECT_EQ(unit.health, Health::Online);
	EXPECT_EQ(unit.reason_text, "only one path is configured, there is nothing to switch to");
}

TEST(Derive, DrainSaysWhatHasNotComeBack)
{
	const auto unit = unit_from(testing::draining_line);
	EXPECT_EQ(unit.health, Health::Verifying);
	EXPECT_EQ(unit.reason_text, "direct sda: command timeout");
	EXPECT_EQ(unit.missing, "3 I/Os given to direct sda to come back");
	EXPECT_EQ(unit.mv_left_ms, 3598920u);
}

TEST(Derive, DoubtUnderFenceProveSaysWhatProofIsMissing)
{
	const auto unit = unit_from(testing::proving_line);
	EXPECT_EQ(unit.missing,
		  "proof that 2 writes in doubt on direct sda can no longer reach the "
		  "disk (fence=prove)");
}

TEST(Derive, ProveWithoutDoubtWaitsForIdentity)
{
	auto unit = unit_from(testing::proving_line);
	unit.doubt = 0;
	unit.missing.clear();
	sum_up(unit);
	EXPECT_EQ(unit.missing, "proof of identity of a path that answers");
	unit.paths[1].kernel_state = PathState::FAILED;
	unit.missing.clear();
	sum_up(unit);
	EXPECT_EQ(unit.missing, "a path that answers");
}

TEST(Derive, SentenceOfTheDaemonIsKept)
{
	auto unit = unit_from(testing::proving_line);
	unit.missing = "the export of beta to be revoked";
	sum_up(unit);
	EXPECT_EQ(unit.missing, "the export of beta to be revoked");
}

TEST(Derive, HeldFailedSuspendedAndWaitingHaveTheirOwnWords)
{
	EXPECT_EQ(unit_from(testing::held_line).health, Health::Held);
	EXPECT_EQ(unit_from(testing::held_line).reason_text, "by an operator");

	const auto failed = unit_from(testing::failed_line);
	EXPECT_EQ(failed.health, Health::Failed);
	EXPECT_EQ(failed.reason_text, "mount verification timed out");
	EXPECT_EQ(failed.paths[1].health, PathHealth::Absent);

	auto suspended = unit_from(testing::online_line);
	suspended.suspended = true;
	sum_up(suspended);
	EXPECT_EQ(suspended.health, Health::Suspended);

	UnitReport waiting;
	sum_up(waiting);
	EXPECT_EQ(waiting.health, Health::Waiting);
}

TEST(Derive, PathThatAnOperatorFailedIsFailedHoweverWellItAnswers)
{
	auto unit = unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Ok);
	unit.paths[1].kernel_state = PathState::FAILED;
	unit.paths[1].reason = Reason::OPERATOR;
	for (const auto monitor : {MonitorWord::Ok, MonitorWord::Checking, MonitorWord::Failed}) {
		unit.paths[1].monitor = monitor;
		sum_up(unit);
		EXPECT_EQ(unit.paths[1].health, PathHealth::Failed);
		EXPECT_EQ(unit.reason_text,
			  "served beta: failed by an operator; there is no path to switch to");
	}
}

TEST(Derive, UnitThatIsOnlyServedIsServingWhenItsDiskIsProved)
{
	UnitReport unit;
	unit.only_served = true;
	unit.paths.resize(1);
	auto &path = unit.paths.front();
	path.device = "sda";
	path.number = DevNumber{8, 0};
	path.monitor = MonitorWord::Ok;
	sum_up(unit);
	EXPECT_EQ(unit.health, Health::Serving);
	EXPECT_EQ(path.health, PathHealth::Ok);
	EXPECT_EQ(unit.reason_text, "its disk is proved, peers may use it; it is not built here, "
				    "only served (build = false)");

	path.monitor = MonitorWord::Rejected;
	path.reason = Reason::IDENTITY;
	sum_up(unit);
	EXPECT_EQ(unit.health, Health::Waiting);
	EXPECT_EQ(path.health, PathHealth::Rejected);

	path.number.reset();
	sum_up(unit);
	EXPECT_EQ(unit.health, Health::Waiting);
	EXPECT_EQ(path.health, PathHealth::Absent);
}

TEST(Derive, UnitThatIsNotBuiltYetTellsWhatItsPathsLack)
{
	UnitReport unit;
	unit.paths.resize(2);
	sum_up(unit);
	EXPECT_EQ(unit.reason_text, "none of its paths has appeared yet");

	auto &path = unit.paths.back();
	path.device = "sda";
	path.number = DevNumber{8, 0};
	path.monitor = MonitorWord::Failed;
	path.text = "no answer";
	sum_up(unit);
	EXPECT_EQ(unit.health, Health::Waiting);
	EXPECT_EQ(unit.reason_text, "none of its paths is proved yet; direct sda: no answer");
	EXPECT_EQ(path.health, PathHealth::Failed);
}

TEST(Derive, DeviceNameIsForgottenWhenTheNumberChanges)
{
	auto unit = unit_from(testing::online_line);
	auto status = parse_status(testing::online_line);
	ASSERT_TRUE(status);
	set_kernel_status(unit, *status, testing::noon);
	EXPECT_EQ(unit.paths[0].device, "sda");
	status->paths[0].device = DevNumber{8, 16};
	set_kernel_status(unit, *status, testing::noon);
	EXPECT_EQ(unit.paths[0].device, "");
	EXPECT_EQ(unit.paths[1].label, "beta");
}

TEST(Derive, HistoryCarriesTheNamesOfNow)
{
	auto unit = unit_from(testing::on_served_line);
	const SwitchRecord records[] = {testing::timeout_switch()};
	set_history(unit, records);
	ASSERT_EQ(unit.history.size(), 1u);
	EXPECT_EQ(unit.history[0].from, "direct sda");
	EXPECT_EQ(unit.history[0].to, "served beta");
}

TEST(Derive, TableGivesTheValuesThatTheStatusLacks)
{
	UnitReport unit;
	Table table;
	table.sectors = 131072;
	table.stall_ms = 0;
	set_kernel_table(unit, table);
	EXPECT_EQ(unit.size_bytes, 64u << 20);
	EXPECT_EQ(unit.stall_ms, 0u);
	EXPECT_EQ(unit.mv_timeout_s, unsigned(SW_MV_TIMEOUT_S_DEFAULT));
}

} // namespace
} // namespace swpath
