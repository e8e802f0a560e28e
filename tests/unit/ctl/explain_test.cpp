// SPDX-License-Identifier: GPL-2.0-or-later
/// From what pathd knows to what `pathctl explain` prints, at 80 columns, against golden files.
#include "libpath/control/explain.h"

#include <gmock/gmock.h>

#include "pathd/ctl/render.h"
#include "tests/unit/control/reports.h"
#include "tests/unit/ctl/golden.h"

namespace swpath
{
namespace
{

using swpath::testing::noon;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

const std::string wwid = "naa.60014051234567890abcdef012345678";
const std::string file = "/etc/swpath/swpath.toml";

std::string told(const ExplainFacts &facts)
{
	ExplainReport report;
	report.explanations = explain(facts);
	return ctl::render_explanation(ctl::Style{}, report);
}

void expect_told(const std::string &name, const ExplainFacts &facts)
{
	const auto text = told(facts);
	testing::expect_fits(text, 80);
	testing::expect_golden(name, text);
}

/// A unit with a direct path and one that the peer beta serves.
ExplainFacts facts_of(UnitReport report)
{
	UnitConfig config;
	config.name = "sw0";
	config.wwid = wwid;
	config.paths.resize(2);
	config.paths[0].name = "direct";
	config.paths[0].hctl = "2:0:*:*";
	config.paths[1].kind = PathKind::SERVED;
	config.paths[1].name = config.paths[1].peer = "beta";
	report.paths[1].endpoint = "peer beta";

	UnitFacts unit;
	unit.config = config;
	unit.origin = file + ":3:1";
	unit.paths.resize(2);
	for (unsigned i = 0; i < 2; i++) {
		unit.paths[i].report = report.paths[i];
		unit.paths[i].config = config.paths[i];
		unit.paths[i].origin = file + (i == 0 ? ":6:1" : ":10:1");
		unit.paths[i].proof = "vpd83+capacity+medium";
		unit.paths[i].fence.kind = config.paths[i].kind;
		unit.paths[i].fence.reachable = unit.paths[i].fence.lu_reset = true;
	}
	unit.paths[0].hctl = "2:0:0:0";
	unit.paths[1].fence.server = 1;
	unit.paths[1].fence.export_epoch = 7;
	PeerFacts peer;
	peer.reachable = true;
	peer.epoch = 7;
	peer.attestation.emplace();
	peer.attestation->direct = true;
	peer.attestation->capacity_bytes = 1ULL << 40;
	peer.attestation->designators = {wwid};
	unit.paths[1].peer = peer;
	unit.report = std::move(report);
	ExplainFacts facts;
	facts.asked = "sw0";
	facts.configured = {{config, unit.origin}};
	facts.unit = std::move(unit);
	return facts;
}

TEST(Explain, AUnitThatIsWell)
{
	auto unit = testing::unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Ok);
	expect_told("explain-online", facts_of(std::move(unit)));
}

TEST(Explain, ServersAreThoseThatWereToldInAdvance)
{
	auto facts = facts_of(
		testing::unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Ok));
	EXPECT_THAT(told(facts), Not(HasSubstr("in advance")));
	facts.unit->report.servers = {{"beta", "10.0.0.2:10809", 10},
				      {"gamma", "10.0.0.3:10809", 100}};
	const auto said = explain(facts).back();
	EXPECT_EQ(said.about, "servers");
	EXPECT_THAT(
		said.sentences,
		ElementsAre(
			"Known in advance to serve the disk: beta (10.0.0.2:10809), then gamma "
			"(10.0.0.3:10809).",
			"The unit has no path through gamma: leave its paths out, or add one with "
			"peer = \"gamma\"."));
}

TEST(Explain, WhyADiskDoesNotBecomeAUnitByItself)
{
	ExplainFacts facts;
	facts.device = DiskFacts{"sdc", "scsi", "naa.6002", "3:0:0:0", "", "", ""};
	EXPECT_THAT(told(facts), Not(HasSubstr("by itself")));
	facts.device->not_found = "[discover] excepts it";
	EXPECT_THAT(told(facts), HasSubstr("a unit by itself: [discover] excepts it."));
}

TEST(Explain, ADeviceOfAUnitIsSaidToBeOneFirst)
{
	auto facts = facts_of(
		testing::unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Ok));
	facts.device = DiskFacts{"nbd0", "nbd", "", "", "", "swpath:sw0:peer beta:"};
	EXPECT_TRUE(told(facts).starts_with(
		"device nbd0\n  It stands for path 1 of sw0.\n\nunit sw0\n"));
}

TEST(Explain, AUnitOnTheOtherPathAndWhyItStaysThere)
{
	auto report =
		testing::unit_from(testing::on_served_line, MonitorWord::Failed, MonitorWord::Ok);
	report.fence = Fence::PROVE;
	report.failback = FailbackReport{true, "settling", 0, noon + 19s};
	report.history = {SwitchReport{testing::timeout_switch(), "direct sda", "served beta"}};
	report.paths[0].text = "no answer, next check in 4 s";
	auto facts = facts_of(std::move(report));
	auto &unit = *facts.unit;
	unit.spare = {{"sdb", PathKind::DIRECT, "2:0:1:0", "pci-1"},
		      {"sdc", PathKind::DIRECT, "5:0:0:0", "pci-2"},
		      {"nbd3", PathKind::SERVED, "", ""}};
	unit.paths[0].fence.reachable = false;
	expect_told("explain-served", facts);
	// Where nobody has written a path, there is a number to write.
	unit.config.paths_derived = true;
	EXPECT_THAT(told(facts),
		    HasSubstr("direct_paths = 2 in [unit.sw0] or [defaults] would use it"));
}

TEST(Explain, AUnitWithoutItsDiskAndWithoutItsPeer)
{
	auto report = testing::unit_from(testing::failed_line);
	report.missing = "a path that answers";
	auto facts = facts_of(std::move(report));
	auto &unit = *facts.unit;
	unit.paths[0].report.device.clear();
	unit.paths[0].stranger = "sdc at 2:0:0:0 is another disk, naa.5001";
	unit.paths[1].peer->reachable = false;
	unit.paths[1].peer->trouble = "connect: Connection refused";
	unit.paths[1].fence = {};
	expect_told("explain-failed", facts);
}

TEST(Explain, AForeignServerCannotBeFenced)
{
	auto facts = facts_of(
		testing::unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Ok));
	auto &path = facts.unit->paths[1];
	path.peer.reset();
	path.config.peer.clear();
	path.config.server = *NbdEndpoint::parse("gamma:10809");
	path.config.export_name = "sw0";
	path.fence = {};
	path.fence.kind = PathKind::SERVED;
	facts.unit->paths[0].fence.lu_reset = false;
	const auto text = told(facts);
	testing::expect_golden("explain-foreign", text);
	EXPECT_THAT(text, ::testing::HasSubstr("pathctl fenced sw0 --i-am-sure"));
	facts.unit->report.fence = Fence::DRAIN;
	EXPECT_THAT(told(facts), ::testing::HasSubstr("fence = \"drain\""));
}

TEST(Explain, WhatAPeerLacks)
{
	auto facts = facts_of(
		testing::unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Unknown));
	auto &peer = *facts.unit->paths[1].peer;
	peer.attestation->direct = false;
	EXPECT_THAT(told(facts), ::testing::HasSubstr("no direct path to"));
	peer.attestation.reset();
	EXPECT_THAT(told(facts), ::testing::HasSubstr("serve = true must be in"));
}

TEST(Explain, ADiskOfNoUnit)
{
	ExplainFacts facts;
	UnitConfig unit;
	unit.name = "sw0";
	unit.wwid = wwid;
	unit.paths.resize(1);
	unit.paths[0].name = "fc";
	unit.paths[0].hctl = "2:0:*:*";
	UnitConfig off = unit;
	off.name = "sw1";
	off.wwid = "naa.5001";
	off.enabled = false;
	off.paths[0].hctl = "9:*:*:*";
	facts.configured = {{unit, file + ":3:1"}, {off, file + ":20:1"}};
	std::string text;
	const auto add = [&](DiskFacts device) {
		facts.asked = device.name;
		facts.device = std::move(device);
		text += told(facts) + "\n";
	};
	add({"sdb", "scsi", "naa.6002", "2:0:0:0", "", ""});
	add({"sdc", "scsi", "naa.5001", "3:0:0:0", "", ""});
	add({"sdd", "scsi", "naa.60014051234567890abcdef012345679", "3:0:0:1", "", ""});
	add({"sde", "scsi", "", "3:0:0:2", "", ""});
	add({"nvme0n1", "nvme", "eui.1", "", "", ""});
	add({"nbd0", "nbd", "", "", "", "swpath:sw9:beta:10809:x"});
	add({"nbd1", "nbd", "", "", "", ""});
	add({"dm-3", "dm", "", "", "vg0-root", ""});
	facts.device.reset();
	facts.asked = "sw1";
	text += told(facts);
	testing::expect_fits(text, 80);
	testing::expect_golden("explain-strangers", text);
	facts.asked = "sw7";
	EXPECT_TRUE(explain(facts).empty()) << "nobody is called so";
}

} // namespace
} // namespace swpath
