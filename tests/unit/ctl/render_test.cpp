// SPDX-License-Identifier: GPL-2.0-or-later
/// Every text that pathctl prints about units, at 80 columns, against golden files. To accept a new
/// look: SW_UPDATE_GOLDEN=1 in the environment, then read the diff.
#include "pathd/ctl/render.h"

#include "pathd/ctl/check.h"
#include "tests/unit/control/reports.h"
#include "tests/unit/ctl/golden.h"

namespace swpath
{
namespace
{

using ctl::Style;
using swpath::testing::expect_fits;
using swpath::testing::expect_golden;
using swpath::testing::noon;
using swpath::testing::report_of;
using swpath::testing::unit_from;
using namespace std::chrono_literals;

void expect_status(const std::string &name, const UnitReport &unit)
{
	const auto text = ctl::render_status(Style{}, report_of(unit));
	expect_fits(text, 80);
	expect_golden(name, text);
}

UnitReport with_history(UnitReport unit)
{
	set_history(unit, std::vector{testing::timeout_switch()});
	return unit;
}

UnitReport online()
{
	auto unit = unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Ok);
	unit.paths[1].last_probe = noon - 2s;
	return unit;
}

UnitReport degraded()
{
	auto unit = unit_from(testing::on_served_line, MonitorWord::Failed, MonitorWord::Ok);
	unit.paths[0].text = "no answer, checking every 5 s";
	unit.paths[0].since = noon - 8s;
	unit.failback = FailbackReport{true, "settling", 0, noon + 19s};
	return with_history(std::move(unit));
}

TEST(RenderStatus, Online)
{
	expect_status("status-online", online());
}
TEST(RenderStatus, Degraded)
{
	expect_status("status-degraded", degraded());
}
TEST(RenderStatus, NamesWhoHasLegsOpen)
{
	auto unit = online();
	unit.opened_by = {{812, "dd", "sda", noon - 90s, true},
			  {4711, "cat", "sda1", noon - 20s, false},
			  {{}, "dm-3 (vg0-root)", "sdb", noon - 10s, true}};
	expect_status("status-opened", unit);
}
TEST(RenderStatus, WaitsForTheOldPathToDrain)
{
	expect_status("status-draining", unit_from(testing::draining_line));
}
TEST(RenderStatus, WaitsForAProofWithWritesInDoubt)
{
	expect_status("status-proving", unit_from(testing::proving_line));
}
TEST(RenderStatus, HeldByAnOperator)
{
	expect_status("status-held", unit_from(testing::held_line));
}
TEST(RenderStatus, FailedSaysWhatToDoNext)
{
	auto unit = unit_from(testing::failed_line);
	SwitchRecord record = testing::timeout_switch();
	record.to.reset();
	record.reason = Reason::MV_TIMEOUT;
	record.method = Method::NONE;
	record.drain_us = 3'600'000'000;
	record.prove_us = record.release_us = 0;
	record.doubt = 2;
	set_history(unit, std::vector{record});
	expect_status("status-failed", unit);
}
TEST(RenderStatus, FailedByTimeoutEndsByItselfIfThereIsADaemon)
{
	auto unit = unit_from(testing::failed_line);
	unit.failback.emplace();
	Style wide;
	wide.width = 200;
	constexpr const char *by_itself = "pathd goes on by itself";
	EXPECT_NE(ctl::render_unit(wide, unit, noon).find(by_itself), std::string::npos);
	unit.reason = Reason::ABORT;
	EXPECT_EQ(ctl::render_unit(wide, unit, noon).find(by_itself), std::string::npos);
}
TEST(RenderStatus, Suspended)
{
	auto unit = online();
	unit.suspended = true;
	sum_up(unit);
	expect_status("status-suspended", unit);
}
TEST(RenderStatus, Waiting)
{
	UnitReport unit;
	unit.name = "sw1";
	unit.wwid = "naa.60014051234567890abcdef012345678";
	sum_up(unit);
	expect_status("status-waiting", unit);
}

TEST(RenderStatus, FailbackTellsWhenAndWhyNot)
{
	auto unit = degraded();
	const auto line = [&] {
		const auto text = ctl::render_unit(Style{}, unit, noon);
		const auto at = text.find("  failback");
		return at == text.npos ? std::string() : text.substr(at);
	};
	EXPECT_EQ(line(), "  failback    to direct sda in 19 s if it stays well\n");
	unit.failback->next.reset();
	EXPECT_EQ(line(), "  failback    to direct sda when it is well\n");
	unit.failback->automatic = false;
	EXPECT_EQ(line(), "  failback    by hand: `pathctl failback sw0` goes to direct sda\n");
	unit.pinned = true;
	EXPECT_EQ(line(),
		  "  failback    none, a person chose this path; `pathctl unpin sw0` ends that\n");
	unit.failback.reset();
	EXPECT_EQ(line(), "");
}

TEST(RenderStatus, ReservationTellsWhichPathsHaveTheKey)
{
	auto unit = online();
	const auto line = [&] {
		const auto text = ctl::render_unit(Style{}, unit, noon);
		const auto at = text.find("  reservation");
		return at == text.npos ? std::string() : text.substr(at);
	};
	EXPECT_EQ(line(), "");
	unit.reservation =
		ReservationReport{"0xa11ce1", ReservationType::WriteExclusiveRegistrants, {0}};
	EXPECT_EQ(line(),
		  "  reservation write exclusive, registrants only; key 0xa11ce1 of the unit's\n"
		  "              users on direct sda\n");
	unit.reservation->type = ReservationType::None;
	unit.reservation->paths.clear();
	EXPECT_EQ(line(),
		  "  reservation none; key 0xa11ce1 of the unit's users on no path of this host\n");
}

TEST(RenderStatus, ServersAreInTheOrderInWhichTheyAreAsked)
{
	auto unit = online();
	const auto line = [&] {
		const auto text = ctl::render_unit(Style{}, unit, noon);
		const auto at = text.find("  servers");
		return at == text.npos ? std::string() : text.substr(at);
	};
	EXPECT_EQ(line(), "");
	unit.servers = {{"beta", "10.0.0.2:10809", 10}, {"gamma", "10.0.0.3:10809", 100}};
	EXPECT_EQ(line(), "  servers     beta at 10.0.0.2:10809, then gamma at 10.0.0.3:10809\n");
}

TEST(RenderStatus, WithoutDaemonNothingIsInvented)
{
	auto unit = unit_from(testing::online_line);
	unit.paths[1].label.clear();
	unit.paths[1].endpoint.clear();
	unit.paths[1].ticket_left_ms = 0;
	sum_up(unit);
	expect_status("status-kernel-only", unit);
}

TEST(RenderStatus, UnitsAreApartByAnEmptyLine)
{
	auto report = report_of(online());
	report.units.push_back(online());
	report.units[1].name = "sw1";
	const auto text = ctl::render_status(Style{}, report);
	EXPECT_NE(text.find("\n\n/dev/sw1  online\n"), text.npos);
	EXPECT_EQ(ctl::render_status(Style{}, Report{}), "");
}

TEST(RenderStatus, NarrowTerminalsBreakLinesNotWords)
{
	Style narrow;
	narrow.width = 40;
	const auto text =
		ctl::render_unit(narrow, with_history(unit_from(testing::proving_line)), noon);
	std::string joined;
	for (const char c : text)
		if (joined.empty() || !(c == '\n' || c == ' ') || joined.back() != ' ')
			joined += c == '\n' ? ' ' : c;
	EXPECT_NE(
		joined.find(
			"proof that 2 writes in doubt on direct sda can no longer reach the disk"),
		joined.npos);
	EXPECT_NE(text.find("`pathctl abort sw0`"), text.npos);
}

TEST(RenderStatus, ColourIsAddedAndChangesNoText)
{
	Style colored;
	colored.color = true;
	for (const auto &unit : {online(), degraded(), unit_from(testing::failed_line),
				 unit_from(testing::proving_line)}) {
		const auto plain = ctl::render_unit(Style{}, unit, noon);
		const auto painted = ctl::render_unit(colored, unit, noon);
		std::string stripped;
		for (std::size_t i = 0; i < painted.size(); i++) {
			if (painted[i] == '\x1b')
				i = painted.find('m', i);
			else
				stripped += painted[i];
		}
		EXPECT_EQ(stripped, plain);
		EXPECT_NE(painted, plain);
	}
}

TEST(RenderTables, List)
{
	auto report = report_of(degraded());
	UnitReport waiting;
	waiting.name = "sw12";
	waiting.wwid = "eui.0025385971b0a4c2";
	sum_up(waiting);
	report.units.push_back(waiting);
	// A WWID of 16 bytes may make a line longer than 80 columns: a name is never cut off.
	expect_golden("list", ctl::render_list(Style{}, report));
}

TEST(RenderTables, Paths)
{
	const auto text = ctl::render_paths(Style{}, report_of(degraded()));
	expect_fits(text, 80);
	expect_golden("paths", text);
}

TEST(Render, PeersAndHowFarTheyHaveComeTogether)
{
	ClusterReport report;
	report.name = "alpha";
	report.phase = RecoveryPhase::Complete;
	report.epoch = 5;
	report.members = {"alpha", "beta"};
	report.peers = {{"beta", "10.0.0.2:10808", true, true, ""},
			{"gamma", "10.0.0.3:10808", false, false,
			 "gamma at 10.0.0.3:10808: connect: Connection refused"}};
	auto text = ctl::render_peers(Style{}, report);
	report.phase = RecoveryPhase::Barrier;
	report.waiting_for = {"beta"};
	report.peers.clear();
	text += ctl::render_peers(Style{}, report);
	report.peers = {{"delta", "", false, true, "it is no [[cluster.peer]] of this host"}};
	text += ctl::render_peers(Style{}, report);
	report.peers.clear();
	report.phase = RecoveryPhase::Alone;
	report.members.clear();
	text += ctl::render_peers(Style{}, report);
	report.trouble = "corosync: Connection refused";
	text += ctl::render_peers(Style{}, report);
	report.discovery = "avahi-daemon does not run: start it";
	text += ctl::render_peers(Style{}, report);
	expect_fits(text, 80);
	expect_golden("peers", text);
}

TEST(Render, ExportsAndWhatIsNotServed)
{
	ExportsReport report;
	report.generated = noon;
	report.address = "10.0.0.2:10809";
	report.tls = true;
	report.answers = true;
	report.process = 812;
	report.told = noon - 1s;
	ExportReport open;
	open.unit = "sw0";
	open.wwid = "naa.60014051234567890abcdef012345678";
	open.client = "alpha";
	open.epoch = 7;
	open.since = noon - 90s;
	open.device = "/dev/sda";
	open.addresses = {"10.0.0.1"};
	open.connections = 1;
	open.inflight_requests = 3;
	open.oldest_ms = 12;
	open.requests = 123456;
	ExportReport draining = open;
	draining.client = "gamma";
	draining.epoch = 2;
	draining.state = ExportState::Draining;
	draining.oldest_ms = 4300;
	draining.lost = 1;
	draining.refused = 17;
	ExportReport left = open;
	left.unit.clear();
	left.wwid = "naa.5001";
	left.state = ExportState::Drained;
	left.connections = left.inflight_requests = 0;
	left.oldest_ms = 0;
	left.read_only = true;
	left.since = noon - 48h;
	report.exports = {open, draining, left};
	report.not_served = {{"sw1", "naa.6002", why_not_served({})}};
	auto text = ctl::render_exports(Style{}, report);
	report.answers = false;
	report.tls = false;
	report.trouble = "the server has ended; its own words are above";
	report.exports = {open};
	report.not_served = {{"sw0", open.wwid, "the server does not answer"}};
	text += ctl::render_exports(Style{}, report);
	expect_fits(text, 80);
	expect_golden("exports", text);
}

TEST(Render, WhyAUnitIsNotServed)
{
	ServeFacts facts;
	facts.direct_text = "direct: no device";
	EXPECT_EQ(why_not_served(facts),
		  "no direct path of this host is proved: direct: no device");
	facts.direct = true;
	EXPECT_EQ(why_not_served(facts), "no peer has asked for it");
	facts.looped = "served beta";
	EXPECT_EQ(why_not_served(facts),
		  "this host uses the disk through another one itself (served beta)");
	facts.server_trouble = "it is being started";
	EXPECT_EQ(why_not_served(facts), "the server does not answer: it is being started");
	facts.enabled = false;
	EXPECT_EQ(why_not_served(facts), "the unit is switched off here (enabled = false)");
}

TEST(Render, HintsAndWhatTheyMean)
{
	HintsReport report;
	report.state = HintsState::Ready;
	report.engine = "dlm";
	report.lockspace = "swpath";
	report.number = 2;
	report.process = 812;
	report.ports = {{"host2", "$17$B", true, true,
			 "host2 is on bus $17$B: shared, its mark shows another host, with a disk "
			 "that is here too"},
			{"host3", "$2147483649$A", false, false,
			 "host3 is on bus $2147483649$A: not known to be shared, its mark is not "
			 "valid: it was left half-written"}};
	report.buses = {
		{"$17$B", "swbus$17$B", true, true, "", true, true, 2, true, 7, "00c0ffee00c0ffee"},
		{"$2147483649$A", "swbus$2147483649$A", true, false,
		 "its mark is not valid: it was left half-written", false, false, 0, false, 0, ""}};
	auto text = ctl::render_hints(Style{}, report);
	report.state = HintsState::Down;
	report.process = 0;
	report.restarts = 3;
	report.trouble = "its process (812) has ended; its own words are in the journal";
	report.ports.clear();
	report.buses.resize(1);
	report.buses[0].held = report.buses[0].marked = false;
	text += ctl::render_hints(Style{}, report);
	expect_fits(text, 80);
	expect_golden("hints", text);
}

TEST(RenderTables, History)
{
	auto unit = degraded();
	SwitchRecord failback = testing::timeout_switch();
	failback.at_ms -= 90'000'000; // the day before
	failback.epoch = 6;
	failback.from = 1;
	failback.to = 0;
	failback.reason = Reason::FAILBACK;
	failback.drain_us = 400;
	failback.flush_us = 2'100;
	failback.prove_us = failback.release_us = 20;
	failback.held_bios = 3;
	SwitchRecord failed = testing::timeout_switch();
	failed.to.reset();
	failed.doubt = 4;
	failed.reason = Reason::ABORT;
	failed.method = Method::NONE;
	SwitchRecord fenced = testing::timeout_switch();
	fenced.method = Method::PREEMPT_ABORT;
	fenced.evidence = "0x5357000000000001,gen=12,rejected,by=beta";
	fenced.doubt = 2;
	set_history(unit, std::vector{failback, failed, fenced});
	unit.history[2].identity = "export+size+medium";
	unit.history[2].proved = unit.history[2].at() + 1090ms;
	unit.history[0].identity = "vpd83+capacity+medium";
	unit.history[0].proved = unit.history[0].at() - 4s;
	const auto text = ctl::render_history(Style{}, report_of(unit));
	expect_fits(text, 80);
	expect_golden("history", text);
	EXPECT_EQ(ctl::render_history(Style{}, Report{}), "");
}

TEST(RenderSwitch, SaysWhatKindOfHoldItWas)
{
	SwitchReport report{testing::timeout_switch(), "direct sda", "direct sda"};
	report.record.to = 0;
	report.record.reason = Reason::OPERATOR;
	Style wide;
	wide.width = 200;
	EXPECT_EQ(ctl::render_switch(wide, report, noon, ""),
		  "11:59:51, held and resumed on direct sda: operator. I/O held 1.11 s (drain 1.08 "
		  "s, "
		  "prove 30 ms, release 4 ms), 37 I/Os, 0 in doubt\n");
	report.record.from.reset();
	report.from.clear();
	EXPECT_TRUE(ctl::render_switch(wide, report, noon, "")
			    .starts_with("11:59:51, a path that is gone to direct sda: operator."));
	report.record.reason = Reason::LOAD;
	EXPECT_TRUE(ctl::render_switch(wide, report, noon, "")
			    .starts_with("11:59:51, first opened on direct sda. I/O held"));
	report.record.to.reset();
	report.record.from = 0;
	report.record.reason = Reason::OPERATOR;
	report.record.method = Method::NONE;
	report.record.doubt = 2;
	EXPECT_TRUE(
		ctl::render_switch(wide, report, noon, "")
			.starts_with("11:59:51, mount verification failed: operator. I/O held"));
}

TEST(RenderEvents, DumpAndSwitch)
{
	std::string text;
	for (const auto &event : dump_events(report_of(online()), 4))
		text += ctl::render_event(Style{}, event);
	for (const auto &event : diff_events(report_of(online()), report_of(degraded()), 4))
		text += ctl::render_event(Style{}, event);
	Event gap;
	gap.kind = EventKind::Gap;
	gap.at = noon;
	gap.seq = 9;
	text += ctl::render_event(Style{}, gap);
	expect_golden("events", text);
}

TEST(RenderRefusal, NamesTheUnitOnceAndGivesTheHint)
{
	EXPECT_EQ(ctl::render_refusal(Style{},
				      {RefusalKind::Unsafe, "cannot hold: it is failed", "retry"},
				      "sw0"),
		  "pathctl: sw0: cannot hold: it is failed\nhint: retry\n");
	EXPECT_EQ(ctl::render_refusal(
			  Style{}, {RefusalKind::NotFound, "sw0: there is no path 'x'", ""}, "sw0"),
		  "pathctl: sw0: there is no path 'x'\n");
	EXPECT_EQ(ctl::render_refusal(Style{},
				      {RefusalKind::NotFound, "there is no unit 'sw9'", ""}, "sw9"),
		  "pathctl: there is no unit 'sw9'\n");
}

} // namespace
} // namespace swpath
