// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/report_json.h"

#include <nlohmann/json.hpp>

#include "tests/unit/control/reports.h"

namespace swpath
{
namespace
{

using testing::unit_from;

/// Every field differs from its default, so that one that is forgotten shows.
UnitReport full_unit()
{
	UnitReport unit = unit_from(testing::draining_line, MonitorWord::Failed, MonitorWord::Ok);
	const SwitchRecord records[] = {testing::timeout_switch()};
	set_history(unit, records);
	unit.suspended = true;
	unit.pinned = true;
	unit.active = 1;
	unit.failback =
		FailbackReport{true, "settling", 0, testing::noon + std::chrono::seconds(9)};
	unit.servers = {{"beta", "10.0.0.2:10809", 10}, {"gamma", "10.0.0.3:10809", 100}};
	unit.reservation = ReservationReport{
		"0xfedcba9876543210", ReservationType::WriteExclusiveRegistrants, {0}};
	unit.opened_by = {{812, "sleep", "sda", testing::noon, true},
			  {{}, "dm-3 (vg0-root)", "sdb1", testing::noon, false}};
	unit.paths[0].text = "no answer for 2 s";
	unit.paths[0].since = testing::noon - std::chrono::seconds(3);
	unit.paths[0].last_probe = testing::noon - std::chrono::seconds(1);
	unit.paths[0].next_probe = testing::noon + std::chrono::seconds(4);
	unit.paths[1].active = true;
	unit.history[0].record.flush_us = 77;
	unit.history[0].record.doubt = 2;
	unit.history[0].record.evidence = "peer";
	unit.history[0].identity = "vpd83";
	unit.history[0].proved = testing::noon - std::chrono::seconds(12);
	return unit;
}

TEST(ReportJson, ReportSurvivesTheRoundTrip)
{
	const Report report = testing::report_of(full_unit());
	const auto again = report_from_json(Json::parse(to_json(report).dump()));
	ASSERT_TRUE(again) << again.error().message();
	EXPECT_EQ(*again, report);
}

TEST(ReportJson, UnitOfDefaultsSurvivesTheRoundTrip)
{
	const UnitReport unit;
	const auto again = unit_from_json(Json::parse(to_json(unit).dump()));
	ASSERT_TRUE(again);
	EXPECT_EQ(*again, unit);
}

TEST(ReportJson, HistorySurvivesTheRoundTrip)
{
	Report report = testing::report_of(full_unit());
	auto record = report.units[0].history[0];
	record.record.to.reset();
	record.to.clear();
	report.units[0].history.push_back(record);
	const auto again = history_from_json(history_to_json(report));
	ASSERT_TRUE(again) << again.error().message();
	ASSERT_EQ(again->units.size(), 1u);
	EXPECT_EQ(again->units[0].history, report.units[0].history);
	EXPECT_EQ(again->generated, report.generated);
}

TEST(ReportJson, EventSurvivesTheRoundTrip)
{
	Event event;
	event.seq = 41;
	event.at = testing::noon;
	event.kind = EventKind::Switch;
	event.unit = "sw0";
	event.path = 1;
	event.path_name = "served beta";
	event.changes = {{"state", "ok", "failed"}, {"device", "", "sda"}};
	event.switched = SwitchReport{testing::timeout_switch(), "direct sda", "served beta"};
	const auto again = event_from_json(Json::parse(to_json(event).dump()));
	ASSERT_TRUE(again) << again.error().message();
	EXPECT_EQ(*again, event);
}

TEST(ReportJson, KeysThatAreNotKnownAreSkipped)
{
	Json json = to_json(testing::report_of(full_unit()));
	json["later"] = {{"a", 1}};
	json["units"][0]["later"] = 1;
	json["units"][0]["paths"][0]["later"] = Json::array();
	EXPECT_TRUE(report_from_json(json));
}

TEST(ReportJson, OtherSchemaOrNewerVersionIsRefused)
{
	Json json = to_json(testing::report_of(full_unit()));
	EXPECT_EQ(history_from_json(json).error().code.value(), EPROTONOSUPPORT);
	json["version"] = 2;
	EXPECT_EQ(report_from_json(json).error().code.value(), EPROTONOSUPPORT);
}

TEST(ReportJson, EveryValueOfAWrongTypeIsNamed)
{
	const Json good = to_json(testing::report_of(full_unit()));
	const Json &unit = good["units"][0];
	for (const auto &[key, value] : unit.items()) {
		if (key == "dm")
			continue; // written for readers only, made from "number"
		Json bad = good;
		bad["units"][0][key] = Json::array({1});
		if (key == "paths")
			bad["units"][0][key] = "x";
		const auto read = report_from_json(bad);
		ASSERT_FALSE(read) << key;
		EXPECT_EQ(read.error().code.value(), EBADMSG);
	}
	for (const auto &[key, value] : unit["paths"][0].items()) {
		Json bad = good;
		bad["units"][0]["paths"][0][key] = Json::object();
		const auto read = report_from_json(bad);
		ASSERT_FALSE(read) << key;
		EXPECT_NE(read.error().context.find("'" + key + "'"), std::string::npos)
			<< read.error().context;
	}
}

// Whatever compares two reports goes by the names.
TEST(ReportJson, TwoUnitsOfOneNameAreRefused)
{
	Report report = testing::report_of(full_unit());
	report.units.push_back(report.units[0]);
	report.units[1].pinned = false;
	for (const auto &read :
	     {report_from_json(to_json(report)), history_from_json(history_to_json(report))}) {
		ASSERT_FALSE(read);
		EXPECT_EQ(read.error().code.value(), EBADMSG);
		EXPECT_NE(read.error().context.find("'units' has two units 'sw0'"),
			  std::string::npos)
			<< read.error().context;
	}
	report.units[1].name = "sw1";
	EXPECT_TRUE(report_from_json(to_json(report)));
}

TEST(ReportJson, NumbersOutOfRangeAreRefused)
{
	Json json = to_json(testing::report_of(full_unit()));
	json["units"][0]["stall_ms"] = 4294967296ULL;
	EXPECT_FALSE(report_from_json(json));
	json["units"][0]["stall_ms"] = -1;
	EXPECT_FALSE(report_from_json(json));
	json["units"][0]["stall_ms"] = 1.5;
	EXPECT_FALSE(report_from_json(json));
}

TEST(ReportJson, TextsOfAnyBytesCanBeWritten)
{
	UnitReport unit = full_unit();
	unit.paths[0].device = "sd\xff";
	EXPECT_FALSE(to_json(unit).dump(-1, ' ', false, Json::error_handler_t::replace).empty());
}

} // namespace
} // namespace swpath
