// SPDX-License-Identifier: GPL-2.0-or-later
/// docs/schema/ against what is written: the same members, the same words.
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libpath/control/flight_recorder.h"
#include "libpath/control/refusal.h"
#include "libpath/control/report_json.h"
#include "tests/unit/control/reports.h"

namespace swpath
{
namespace
{

Json schema(const std::string &name)
{
	std::ifstream file(SW_SCHEMA_DIR "/" + name + ".json");
	EXPECT_TRUE(file) << name;
	return Json::parse(file, nullptr, false);
}

std::vector<std::string> keys(const Json &json)
{
	std::vector<std::string> names;
	for (const auto &[key, value] : json.items())
		names.push_back(key);
	return names;
}

void expect_members(const Json &described, const Json &written, const char *what)
{
	EXPECT_EQ(keys(described["properties"]), keys(written)) << what;
}

template <class E>
void expect_words(const Json &described, const char *member)
{
	Json words = Json::array();
	for (const auto each : Words<E>::all)
		words.push_back(std::string(each));
	EXPECT_EQ(described["properties"][member]["enum"], words) << member;
}

TEST(Schema, OfStatusHasTheMembersAndWordsThatAreWritten)
{
	const Json status = schema("status");
	UnitReport unit = testing::unit_from(testing::online_line);
	unit.failback.emplace();
	unit.reservation.emplace();
	unit.servers.emplace_back();
	unit.opened_by.resize(1);
	const Json written = to_json(testing::report_of(unit));
	expect_members(status, written, "status");
	expect_members(status["$defs"]["unit"], written["units"][0], "unit");
	expect_members(status["$defs"]["path"], written["units"][0]["paths"][0], "path");
	expect_members(status["$defs"]["unit"]["properties"]["failback"],
		       written["units"][0]["failback"], "failback");
	expect_members(status["$defs"]["unit"]["properties"]["reservation"],
		       written["units"][0]["reservation"], "reservation");
	expect_members(status["$defs"]["unit"]["properties"]["servers"]["items"],
		       written["units"][0]["servers"][0], "server");
	expect_members(status["$defs"]["unit"]["properties"]["opened_by"]["items"],
		       written["units"][0]["opened_by"][0], "opened_by");
	expect_members(status["$defs"]["switch"], to_json(SwitchReport{}), "switch");

	expect_words<Source>(status, "source");
	expect_words<Health>(status["$defs"]["unit"], "state");
	expect_words<UnitState>(status["$defs"]["unit"], "kernel_state");
	expect_words<Phase>(status["$defs"]["unit"], "phase");
	expect_words<Reason>(status["$defs"]["unit"], "reason_code");
	expect_words<Fence>(status["$defs"]["unit"], "fence");
	expect_words<PathKind>(status["$defs"]["path"], "kind");
	expect_words<PathHealth>(status["$defs"]["path"], "state");
	expect_words<PathState>(status["$defs"]["path"], "kernel_state");
	expect_words<Reason>(status["$defs"]["path"], "reason_code");
	expect_words<MonitorWord>(status["$defs"]["path"], "monitor");
	expect_words<Method>(status["$defs"]["switch"], "method");
	expect_words<Reason>(status["$defs"]["switch"], "reason_code");
}

TEST(Schema, OfFlightHasTheMembersAndWordsThatAreWritten)
{
	const Json flight = schema("flight");
	FlightReport report;
	report.samples.resize(1);
	report.samples[0].nr_paths = 1;
	const Json written = to_json(report);
	expect_members(flight, written, "flight");
	const Json &sample = flight["$defs"]["sample"];
	expect_members(sample, written["samples"][0], "sample");
	const Json &path = sample["properties"]["paths"]["items"];
	expect_members(path, written["samples"][0]["paths"][0], "path");
	EXPECT_EQ(flight["properties"]["samples"]["maxItems"], flight_samples_max);
	EXPECT_EQ(sample["properties"]["paths"]["maxItems"], SW_PATHS_MAX);

	expect_words<Source>(flight, "source");
	expect_words<UnitState>(sample, "kernel_state");
	expect_words<Phase>(sample, "phase");
	expect_words<Reason>(sample, "reason_code");
	expect_words<PathState>(path, "kernel_state");
	expect_words<MonitorWord>(path, "monitor");
}

TEST(Schema, OfPeersHasTheMembersAndWordsThatAreWritten)
{
	const Json peers = schema("peers");
	ClusterReport report;
	report.peers.resize(1);
	const Json written = to_json(report);
	expect_members(peers, written, "peers");
	expect_members(peers["$defs"]["peer"], written["peers"][0], "peer");
	expect_words<Source>(peers, "source");
	expect_words<RecoveryPhase>(peers, "phase");
}

TEST(Schema, OfExportsHasTheMembersAndWordsThatAreWritten)
{
	const Json exports = schema("exports");
	ExportsReport report;
	report.exports.resize(1);
	report.not_served.resize(1);
	const Json written = to_json(report);
	expect_members(exports, written, "exports");
	expect_members(exports["$defs"]["export"], written["exports"][0], "export");
	expect_members(exports["$defs"]["not_served"], written["not_served"][0], "not_served");
	expect_words<Source>(exports, "source");
	expect_words<ExportState>(exports["$defs"]["export"], "state");
}

TEST(Schema, OfExplainHasTheMembersThatAreWritten)
{
	const Json explain = schema("explain");
	ExplainReport report;
	report.explanations.resize(1);
	const Json written = to_json(report);
	expect_members(explain, written, "explain");
	expect_members(explain["properties"]["explanations"]["items"], written["explanations"][0],
		       "explanation");
	expect_words<Source>(explain, "source");
}

TEST(Schema, OfHintsHasTheMembersAndWordsThatAreWritten)
{
	const Json hints = schema("hints");
	HintsReport report;
	report.ports.resize(1);
	report.buses.resize(1);
	const Json written = to_json(report);
	expect_members(hints, written, "hints");
	expect_members(hints["$defs"]["port"], written["ports"][0], "port");
	expect_members(hints["$defs"]["bus"], written["buses"][0], "bus");
	expect_words<Source>(hints, "source");
	expect_words<HintsState>(hints, "state");
}

TEST(Schema, OfHistoryEventsAndErrorsHasTheMembersAndWordsThatAreWritten)
{
	const Json history = schema("history");
	const Json written =
		history_to_json(testing::report_of(testing::unit_from(testing::online_line)));
	expect_members(history, written, "history");
	expect_members(history["properties"]["units"]["items"], written["units"][0], "unit");
	EXPECT_EQ(history["$defs"]["switch"], schema("status")["$defs"]["switch"]);

	const Json event = schema("event");
	Event full;
	full.unit = "sw0";
	full.path = 0;
	full.changes.push_back({"state", "", "ok"});
	full.switched.emplace();
	expect_members(event, to_json(full), "event");
	expect_words<EventKind>(event, "event");
	EXPECT_EQ(event["$defs"]["switch"], schema("status")["$defs"]["switch"]);

	expect_words<RefusalKind>(schema("error"), "error");
}

} // namespace
} // namespace swpath
