// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/check.h"

#include "tests/unit/control/reports.h"

namespace swpath::ctl
{
namespace
{

using swpath::testing::report_of;
using swpath::testing::unit_from;
namespace lines = swpath::testing;

TEST(Check, OkWithPerformanceData)
{
	const auto result = check(report_of(unit_from(lines::online_line)));
	EXPECT_EQ(result.status, CheckStatus::Ok);
	EXPECT_EQ(result.text,
		  "SWPATH OK - 1 of 1 unit online | 'sw0_paths_usable'=2;;;0;2 'sw0_held'=0 "
		  "'sw0_oldest'=3ms 'sw0_doubt'=0 'sw0_switches'=1c 'sw0_errors'=0c\n");
}

TEST(Check, WarningWhileIoFlowsOrAnOperatorHoldsIt)
{
	EXPECT_EQ(check(report_of(unit_from(lines::on_served_line))).status, CheckStatus::Warning);
	EXPECT_EQ(check(report_of(unit_from(lines::held_line))).status, CheckStatus::Warning);
}

TEST(Check, CriticalWhenIoDoesNotFlow)
{
	for (const auto line : {lines::draining_line, lines::proving_line, lines::failed_line})
		EXPECT_EQ(check(report_of(unit_from(line))).status, CheckStatus::Critical) << line;
	UnitReport waiting;
	sum_up(waiting);
	EXPECT_EQ(check(report_of(waiting)).status, CheckStatus::Critical);
}

TEST(Check, AHostThatOnlyServesIsWellWhileItsDiskIsProved)
{
	UnitReport unit;
	unit.name = "sw0";
	unit.only_served = true;
	unit.paths.resize(2);
	for (auto &path : unit.paths) {
		path.number = DevNumber{8, 0};
		path.monitor = MonitorWord::Ok;
	}
	sum_up(unit);
	const auto result = check(report_of(unit));
	EXPECT_EQ(result.status, CheckStatus::Ok);
	EXPECT_TRUE(result.text.starts_with("SWPATH OK - 1 of 1 unit online or serving | "))
		<< result.text;

	unit.paths[1].number.reset();
	sum_up(unit);
	EXPECT_EQ(check(report_of(unit)).status, CheckStatus::Warning);
	unit.paths[0].monitor = MonitorWord::Failed;
	sum_up(unit);
	EXPECT_EQ(check(report_of(unit)).status, CheckStatus::Critical);
}

TEST(Check, WithoutUnitsAndWithoutPathdSaysBoth)
{
	Report report;
	report.source = Source::Pathd;
	EXPECT_EQ(check(report).text, "SWPATH UNKNOWN - no unit exists\n");
	report.source = Source::Kernel;
	EXPECT_EQ(check(report).text,
		  "SWPATH UNKNOWN - no unit exists, and pathd does not answer\n");
}

TEST(Check, WorstUnitDecidesAndIsNamedFirst)
{
	auto report = report_of(unit_from(lines::online_line));
	report.units.push_back(unit_from(lines::failed_line));
	report.units[1].name = "sw1";
	const auto result = check(report);
	EXPECT_EQ(result.status, CheckStatus::Critical);
	EXPECT_TRUE(result.text.starts_with("SWPATH CRITICAL - 1 of 2 units online: sw1 is failed: "
					    "mount verification timed out | "))
		<< result.text;
}

TEST(Check, SaysWhatADrainedFenceRisksWithAServer)
{
	auto unit = unit_from(lines::online_line);
	unit.fence = Fence::PROVE;
	EXPECT_EQ(check(report_of(unit)).text.find("fence=drain"), std::string::npos);
	unit.fence = Fence::DRAIN;
	const auto risky = check(report_of(unit));
	EXPECT_EQ(risky.status, CheckStatus::Ok);
	EXPECT_NE(risky.text.find("sw0 has fence=drain: a server that stalls"), std::string::npos);
	for (auto &path : unit.paths)
		path.kind = PathKind::DIRECT;
	EXPECT_EQ(check(report_of(unit)).text.find("fence=drain"), std::string::npos);
}

TEST(Check, WarnsOfWhoHasALegOpenPastTheUnit)
{
	auto unit = unit_from(lines::online_line);
	unit.opened_by = {{812, "dd", "sda", {}, true}, {{}, "swap|\n", "sdb1", {}, false}};
	const auto result = check(report_of(unit));
	EXPECT_EQ(result.status, CheckStatus::Warning);
	EXPECT_TRUE(result.text.starts_with("SWPATH WARNING - 1 of 1 unit online; sw0: dd (process "
					    "812) writes sda, past the unit | "))
		<< result.text;
	EXPECT_TRUE(result.text.ends_with("\nsw0: dd (process 812) writes sda, past the unit\n"
					  "sw0: swap/  reads sdb1, past the unit\n"))
		<< result.text;
	// What is worse comes first.
	auto failed = unit_from(lines::failed_line);
	failed.opened_by = unit.opened_by;
	const auto worse = check(report_of(failed));
	EXPECT_EQ(worse.status, CheckStatus::Critical);
	EXPECT_TRUE(worse.text.starts_with("SWPATH CRITICAL - 0 of 1 unit online: sw0 is failed: "))
		<< worse.text;
	EXPECT_NE(worse.text.find("\nsw0: dd (process 812) writes sda, past the unit\n"),
		  std::string::npos);
}

TEST(Check, WithoutDaemonNothingIsQuiteOk)
{
	const auto result = check(report_of(unit_from(lines::online_line), Source::Kernel));
	EXPECT_EQ(result.status, CheckStatus::Warning);
	EXPECT_NE(result.text.find("pathd does not answer"), std::string::npos);
}

TEST(Check, UnknownWithoutUnitsOrWithoutAnswer)
{
	EXPECT_EQ(check(Report{}).status, CheckStatus::Unknown);
	EXPECT_EQ(check_failed("a|b\nc").text, "SWPATH UNKNOWN - a/b c\n");
}

TEST(Check, TextsCannotEndTheLineOrBeginTheData)
{
	auto unit = unit_from(lines::failed_line);
	unit.reason_text = "x | 'sw0_paths_usable'=9\ny";
	const auto text = check(report_of(unit)).text;
	EXPECT_EQ(std::count(text.begin(), text.end(), '|'), 1);
}

} // namespace
} // namespace swpath::ctl
