// SPDX-License-Identifier: GPL-2.0-or-later
/// The description of the protocol against what the code does.
#include <cctype>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libpath/control/report_json.h"
#include "libpath/control/service.h"
#include "tests/unit/control/reports.h"

namespace swpath
{
namespace
{

/// Names of the members between the brackets after `head`.
std::vector<std::string> members_after(const std::string &head)
{
	const std::string text(control_interface_text());
	const auto begin = text.find(head);
	EXPECT_NE(begin, text.npos) << head;
	const auto body = text.substr(begin + head.size(), text.find("\n)", begin) - begin);
	std::vector<std::string> names;
	for (auto colon = body.find(": "); colon != body.npos; colon = body.find(": ", colon + 1)) {
		auto first = colon;
		while (first > 0 && (std::isalnum(body[first - 1]) || body[first - 1] == '_'))
			first--;
		names.push_back(body.substr(first, colon - first));
	}
	return names;
}

std::vector<std::string> keys(const Json &json)
{
	std::vector<std::string> names;
	for (const auto &[key, value] : json.items())
		names.push_back(key);
	return names;
}

TEST(Interface, DescribesEveryMemberInTheOrderOfWriting)
{
	UnitReport unit = testing::unit_from(testing::online_line);
	unit.failback.emplace();
	unit.reservation.emplace();
	unit.servers.emplace_back();
	unit.opened_by.resize(1);
	const Json json = to_json(unit);
	EXPECT_EQ(members_after("type Unit ("), keys(json));
	EXPECT_EQ(members_after("type Path ("), keys(json["paths"][0]));
	EXPECT_EQ(members_after("type Failback ("), keys(json["failback"]));
	EXPECT_EQ(members_after("type Reservation ("), keys(json["reservation"]));
	EXPECT_EQ(members_after("type Server ("), keys(json["servers"][0]));
	EXPECT_EQ(members_after("type LegUser ("), keys(json["opened_by"][0]));
	EXPECT_EQ(members_after("type Switch ("), keys(to_json(SwitchReport{})));
	EXPECT_EQ(members_after("method Status(unit: ?string) -> ("), keys(to_json(Report{})));
	EXPECT_EQ(members_after("method History(unit: ?string) -> ("),
		  keys(history_to_json(Report{})));
	FlightReport flight;
	flight.samples.resize(1);
	flight.samples[0].nr_paths = 1;
	const Json flown = to_json(flight);
	EXPECT_EQ(members_after("method Flight(unit: string) -> ("), keys(flown));
	EXPECT_EQ(members_after("type FlightSample ("), keys(flown["samples"][0]));
	EXPECT_EQ(members_after("type FlightPath ("), keys(flown["samples"][0]["paths"][0]));
	ClusterReport cluster;
	cluster.peers.resize(1);
	const Json peers = to_json(cluster);
	EXPECT_EQ(members_after("method Peers() -> ("), keys(peers));
	EXPECT_EQ(members_after("type Peer ("), keys(peers["peers"][0]));
	ExportsReport exports;
	exports.exports.resize(1);
	exports.not_served.resize(1);
	const Json served = to_json(exports);
	EXPECT_EQ(members_after("method Exports(unit: ?string) -> ("), keys(served));
	EXPECT_EQ(members_after("type Export ("), keys(served["exports"][0]));
	EXPECT_EQ(members_after("type NotServed ("), keys(served["not_served"][0]));
	ExplainReport explained;
	explained.explanations.resize(1);
	const Json said = to_json(explained);
	EXPECT_EQ(members_after("method Explain(disk: string) -> ("), keys(said));
	EXPECT_EQ(members_after("type Explanation ("), keys(said["explanations"][0]));
	HintsReport hints;
	hints.ports.resize(1);
	hints.buses.resize(1);
	const Json hinted = to_json(hints);
	EXPECT_EQ(members_after("method Hints() -> ("), keys(hinted));
	EXPECT_EQ(members_after("type Port ("), keys(hinted["ports"][0]));
	EXPECT_EQ(members_after("type Bus ("), keys(hinted["buses"][0]));
	Event event;
	event.unit = "sw0";
	event.path = 0;
	event.changes.push_back({"state", "", "ok"});
	event.switched.emplace();
	EXPECT_EQ(members_after("method Events(unit: ?string) -> ("), keys(to_json(event)));
}

TEST(Interface, DescribesEveryVerbAndEveryError)
{
	const std::string text(control_interface_text());
	for (const auto each : Words<Verb>::all) {
		std::string verb(each);
		verb.front() = char(verb.front() - 'a' + 'A');
		EXPECT_NE(text.find("method " + verb + "(unit: string,"), text.npos) << verb;
	}
	for (const auto name : Words<RefusalKind>::all) {
		const bool described = text.find("error " + std::string(name) + "(") != text.npos;
		EXPECT_EQ(described, name != word(RefusalKind::NotReachable))
			<< name; // the client's own
	}
}

} // namespace
} // namespace swpath
