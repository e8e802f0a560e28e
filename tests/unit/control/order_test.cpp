// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/order.h"
#include "tests/unit/control/reports.h"

namespace swpath
{
namespace
{

using testing::unit_from;

std::string plan(Verb verb, const UnitReport &unit, std::optional<unsigned> path = {},
		 bool forced = false)
{
	const auto done = plan_order({verb, unit.name, path, forced, false}, unit);
	if (!done)
		return std::string(word(done.error().kind)) + ": " + done.error().message;
	std::string text;
	for (const auto &message : done->messages)
		text += (text.empty() ? "" : "; ") + message;
	return text;
}

TEST(Order, BecomesTheKernelsMessage)
{
	const auto online = unit_from(testing::online_line);
	EXPECT_EQ(plan(Verb::Switch, online, 1), "switch 1 cooperative operator");
	EXPECT_EQ(plan(Verb::Switch, online, 1, true), "switch 1 forced operator");
	EXPECT_EQ(plan(Verb::Hold, online), "hold operator");
	EXPECT_EQ(plan(Verb::Fail, online, 0), "fail 0 operator");
	EXPECT_EQ(plan(Verb::Release, unit_from(testing::held_line)), "release");
	EXPECT_EQ(plan(Verb::Abort, unit_from(testing::proving_line)), "abort");
	EXPECT_EQ(plan(Verb::Retry, unit_from(testing::failed_line)), "retry");
	EXPECT_EQ(plan(Verb::Reinstate, unit_from(testing::on_served_line), 0), "reinstate 0");
}

TEST(Order, APersonsWordForAFenceMustBeGivenInFull)
{
	auto unit = unit_from(testing::proving_line);
	unit.doubt = 2;
	const auto asked = plan_order({Verb::Fenced, "sw0", {}, false, false}, unit);
	ASSERT_FALSE(asked);
	EXPECT_EQ(asked.error().kind, RefusalKind::Unsafe);
	EXPECT_NE(asked.error().hint.find("--i-am-sure"), std::string::npos);
	const auto sure = plan_order({Verb::Fenced, "sw0", {}, true, false}, unit);
	ASSERT_TRUE(sure);
	EXPECT_TRUE(sure->messages.empty());
	unit.doubt = 0;
	EXPECT_EQ(plan_order({Verb::Fenced, "sw0", {}, false, false}, unit)->text,
		  "no fence is waited for");
}

TEST(Order, ThatIsSoAlreadyDoesNothing)
{
	const auto online = unit_from(testing::online_line);
	EXPECT_EQ(plan(Verb::Switch, online, 0), "");
	EXPECT_EQ(plan(Verb::Release, online), "");
	EXPECT_EQ(plan(Verb::Abort, online), "");
	EXPECT_EQ(plan(Verb::Retry, online), "");
	EXPECT_EQ(plan(Verb::Reinstate, online, 1), "");
	EXPECT_EQ(plan(Verb::Hold, unit_from(testing::held_line)), "");
	EXPECT_EQ(plan(Verb::Failback, online), "");
}

TEST(Order, SwitchToAPathThatIsNotProvedIsRefusedUnlessForced)
{
	auto unit = unit_from(testing::online_line);
	unit.paths[1].ticket_left_ms = 0;
	EXPECT_EQ(plan(Verb::Switch, unit, 1),
		  "Unsafe: cannot switch to 'served beta': there is no live proof that it leads to "
		  "this disk");
	EXPECT_EQ(plan(Verb::Switch, unit, 1, true), "switch 1 forced operator");
}

TEST(Order, SwitchToAPathThatCannotCarryIsRefusedEvenIfForced)
{
	auto unit = unit_from(testing::online_line);
	unit.paths[1].kernel_state = PathState::REJECTED;
	unit.paths[1].reason = Reason::IDENTITY;
	EXPECT_EQ(plan(Verb::Switch, unit, 1, true),
		  "Unsafe: cannot switch to 'served beta': it was rejected (another disk)");
	unit.paths[1].kernel_state = PathState::ABSENT;
	EXPECT_EQ(plan(Verb::Switch, unit, 1, true),
		  "Unsafe: cannot switch to 'served beta': it has no device");
}

TEST(Order, FailingTheLastUsablePathNeedsForce)
{
	const auto unit = unit_from(testing::on_served_line);
	EXPECT_EQ(
		plan(Verb::Fail, unit, 1),
		"Unsafe: cannot fail 'served beta': it is the only usable path, I/O would be held");
	EXPECT_EQ(plan(Verb::Fail, unit, 1, true), "fail 1 operator");
}

TEST(Order, InTheWrongStateIsRefusedWithTheWayOut)
{
	EXPECT_EQ(plan(Verb::Switch, unit_from(testing::held_line), 1),
		  "Unsafe: cannot switch to 'served beta': its I/O is held by an operator");
	EXPECT_EQ(plan(Verb::Release, unit_from(testing::proving_line)),
		  "Unsafe: cannot release: a mount verification holds the I/O, not an operator");
	EXPECT_EQ(plan(Verb::Hold, unit_from(testing::failed_line)),
		  "Unsafe: cannot hold: the unit is failed");
	UnitReport waiting;
	waiting.name = "sw1";
	EXPECT_EQ(plan(Verb::Hold, waiting),
		  "Unsafe: cannot hold: the unit does not exist in the kernel yet");
}

TEST(Order, EveryRefusalOfAPlanHasAHint)
{
	for (const auto line :
	     {testing::online_line, testing::on_served_line, testing::draining_line,
	      testing::proving_line, testing::held_line, testing::failed_line})
		for (const Verb verb : {Verb::Switch, Verb::Hold, Verb::Release, Verb::Fail,
					Verb::Reinstate, Verb::Failback, Verb::Pin, Verb::Unpin,
					Verb::Abort, Verb::Retry, Verb::Fenced})
			for (unsigned path = 0; path < 3; path++) {
				const auto unit = unit_from(line);
				const auto done =
					plan_order({verb, "sw0", path, false, true}, unit);
				if (done)
					EXPECT_FALSE(done->text.empty()) << word(verb);
				else
					EXPECT_FALSE(done.error().hint.empty())
						<< word(verb) << ": " << done.error().message;
			}
}

TEST(Order, FailbackGoesToTheMostPreferredPathThatIsUsable)
{
	auto unit = unit_from(testing::on_served_line, MonitorWord::Ok, MonitorWord::Ok);
	EXPECT_EQ(plan(Verb::Failback, unit), "Unsafe: cannot fail back: 'direct sda' is checking");
	unit.paths[0].kernel_state = PathState::READY;
	unit.paths[0].ticket_left_ms = 9000;
	sum_up(unit);
	EXPECT_EQ(plan(Verb::Failback, unit), "switch 0 cooperative failback");
}

TEST(FindPath, KnowsEveryNameOfAPath)
{
	const auto unit = unit_from(testing::online_line);
	for (const char *name :
	     {"sda", "/dev/sda", "8:0", "0", "#0", "direct", "direct sda", "iscsi 2:0:0:0"})
		EXPECT_EQ(find_path(unit, name).value_or(9), 0u) << name;
	for (const char *name :
	     {"beta", "nbd0", "/dev/nbd0", "43:0", "1", "served", "served beta", "beta:10809"})
		EXPECT_EQ(find_path(unit, name).value_or(9), 1u) << name;
}

TEST(FindPath, NamesTheKnownOnesAndTheNearest)
{
	const auto unit = unit_from(testing::online_line);
	const auto none = find_path(unit, "betta");
	ASSERT_FALSE(none);
	EXPECT_EQ(none.error().kind, RefusalKind::NotFound);
	EXPECT_EQ(none.error().message, "sw0: there is no path 'betta'");
	EXPECT_EQ(none.error().hint,
		  "did you mean 'beta'? its paths are: 0 (direct sda), 1 (served beta)");
	EXPECT_FALSE(find_path(unit, "2"));
	EXPECT_FALSE(find_path(unit, ""));
}

TEST(FindPath, KindThatTwoPathsHaveIsAmbiguous)
{
	auto unit = unit_from(testing::online_line);
	unit.paths[1].kind = PathKind::DIRECT;
	const auto several = find_path(unit, "direct");
	ASSERT_FALSE(several);
	EXPECT_EQ(several.error().kind, RefusalKind::Usage);
}

TEST(FindUnit, KnowsEveryNameAndListsTheKnown)
{
	const auto report = testing::report_of(unit_from(testing::online_line));
	for (const char *name :
	     {"sw0", "/dev/sw0", "/dev/dm-3", "253:3", "naa.60014051234567890abcdef012345678"})
		EXPECT_TRUE(find_unit(report, name)) << name;
	const auto none = find_unit(report, "sw9");
	ASSERT_FALSE(none);
	EXPECT_EQ(none.error().kind, RefusalKind::NotFound);
	EXPECT_EQ(none.error().message, "there is no unit 'sw9'");
	EXPECT_EQ(none.error().hint, "the units are: sw0");
	const auto leg = find_unit(report, "/dev/sda");
	ASSERT_FALSE(leg);
	EXPECT_EQ(leg.error().hint, "it is a path of sw0");
}

} // namespace
} // namespace swpath
