// SPDX-License-Identifier: GPL-2.0-or-later
/// The program itself, run against a server in this process: exit statuses, streams, JSON.
#include <sys/socket.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "libpath/control/report_json.h"
#include "libpath/control/server_socket.h"
#include "tests/unit/ctl/program.h"
#include "tests/unit/ctl/xml.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using namespace std::string_literals;

using testing::Program;

TEST_F(Program, ReadingVerbsPrintTextAndJsonOfTheSameReport)
{
	serve();
	EXPECT_TRUE(run({"status"}).out.starts_with("/dev/sw0  online\n"));
	EXPECT_TRUE(run({}).out.starts_with("/dev/sw0  online\n"));
	EXPECT_TRUE(run({"list"}).out.starts_with("UNIT  STATE"));
	EXPECT_TRUE(run({"paths", "sw0"}).out.starts_with("UNIT  PATH"));
	const auto json = run({"status", "253:3", "--json"});
	EXPECT_EQ(json.status, 0);
	EXPECT_EQ(json.error, "");
	const auto report = report_from_json(Json::parse(json.out));
	ASSERT_TRUE(report);
	EXPECT_EQ(*report, handler.state);
	EXPECT_EQ(Json::parse(run({"list", "--json"}).out), Json::parse(json.out));
	const auto history = run({"history", "/dev/sw0", "--json"});
	EXPECT_TRUE(history_from_json(Json::parse(history.out)));
}

TEST_F(Program, PeersAreShownOrSaidToBeNone)
{
	serve();
	const auto none = run({"peers"});
	EXPECT_EQ(none.status, exit_status(RefusalKind::NotFound));
	EXPECT_NE(none.error.find("[cluster]"), std::string::npos) << none.error;
	handler.joined.name = "alpha";
	handler.joined.members = {"alpha", "beta"};
	handler.joined.peers.push_back({"beta", "10.0.0.2:10808", true, true, ""});
	EXPECT_NE(run({"peers"}).out.find("10.0.0.2:10808"), std::string::npos);
	const auto json = cluster_from_json(Json::parse(run({"peers", "--json"}).out));
	ASSERT_TRUE(json);
	EXPECT_EQ(*json, handler.joined);
	EXPECT_EQ(run({"peers", "sw0"}).status, exit_status(RefusalKind::Usage));
}

TEST_F(Program, ExportsAreShownOrSaidToBeNone)
{
	EXPECT_EQ(run({"exports"}).status, exit_status(RefusalKind::NotReachable));
	serve();
	const auto none = run({"exports"});
	EXPECT_EQ(none.status, exit_status(RefusalKind::NotFound));
	EXPECT_NE(none.error.find("[cluster]"), std::string::npos) << none.error;
	handler.served.address = "10.0.0.2:10809";
	handler.served.answers = true;
	EXPECT_EQ(run({"exports", "sw0"}).status, exit_status(RefusalKind::NotFound));
	handler.served.exports.resize(2);
	handler.served.exports[0].unit = "sw0";
	handler.served.exports[1].unit = "sw1";
	handler.served.not_served = {{"sw2", "naa.2", "no peer has asked for it"}};
	EXPECT_NE(run({"exports"}).out.find("sw2"), std::string::npos);
	const auto json = exports_from_json(Json::parse(run({"exports", "--json"}).out));
	ASSERT_TRUE(json);
	EXPECT_EQ(*json, handler.served);
	const auto one = exports_from_json(Json::parse(run({"exports", "/dev/sw0", "--json"}).out));
	ASSERT_TRUE(one);
	EXPECT_EQ(one->exports, (std::vector{handler.served.exports[0]}));
	EXPECT_TRUE(one->not_served.empty());
	EXPECT_EQ(run({"exports", "sw9"}).status, exit_status(RefusalKind::NotFound));
}

TEST_F(Program, ExplainSaysItOrWhyNot)
{
	serve();
	EXPECT_EQ(run({"explain"}).status, exit_status(RefusalKind::Usage));
	handler.explained = refuse(RefusalKind::NotFound, "there is no such thing", "look for it");
	const auto none = run({"explain", "sdz"});
	EXPECT_EQ(none.status, exit_status(RefusalKind::NotFound));
	EXPECT_NE(none.error.find("hint: look for it"), std::string::npos) << none.error;
	ExplainReport report;
	report.unit = "sw0";
	report.explanations = {{"unit sw0", {"One.", "Two."}}, {"device sdb", {"Three."}}};
	handler.explained = report;
	const auto text = run({"explain", "/dev/sdb"});
	EXPECT_EQ(text.status, 0);
	EXPECT_EQ(text.out, "unit sw0\n  One. Two.\n\ndevice sdb\n  Three.\n");
	const auto json = explain_from_json(Json::parse(run({"explain", "sdb", "--json"}).out));
	ASSERT_TRUE(json);
	report.disk = "sdb";
	EXPECT_EQ(*json, report);
}

TEST_F(Program, HistoryIsDrawnIntoAFileOrOnStandardOutput)
{
	handler.state.units[0].history = {
		SwitchReport{testing::timeout_switch(), "direct sda", "served beta"}};
	handler.flown.source = Source::Pathd;
	handler.flown.generated = testing::noon;
	handler.flown.uptime_ms = 86'400'000;
	handler.flown.path_names = {"direct sda", "served beta"};
	handler.flown.samples.resize(1);
	serve();
	const auto shown = run({"history", "sw0", "--svg", "-"});
	EXPECT_EQ(shown.status, 0) << shown.error;
	EXPECT_EQ(shown.error, "");
	EXPECT_EQ(testing::xml_problem(shown.out), "");
	EXPECT_NE(shown.out.find("command timeout"), std::string::npos);

	const auto file = dir / "a picture.svg";
	EXPECT_EQ(run({"history", "--svg", file}).status, 0) << "the only unit need not be named";
	EXPECT_EQ(read(file), shown.out);
	std::filesystem::permissions(file, std::filesystem::perms::owner_read |
						   std::filesystem::perms::owner_write);
	std::filesystem::create_symlink(file, dir / "link");
	EXPECT_EQ(run({"history", "sw0", "--svg", dir / "link"}).status, 0);
	EXPECT_TRUE(std::filesystem::is_symlink(dir / "link"));
	EXPECT_EQ(read(file), shown.out);
	EXPECT_EQ(std::filesystem::status(file).permissions(),
		  std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
	// A link to a file that is not there yet is followed, too.
	std::filesystem::remove(file);
	EXPECT_EQ(run({"history", "sw0", "--svg", dir / "link"}).status, 0);
	EXPECT_TRUE(std::filesystem::is_symlink(dir / "link"));
	EXPECT_EQ(read(file), shown.out);
	std::size_t files = 0;
	for ([[maybe_unused]] const auto &each : std::filesystem::directory_iterator(dir))
		files++;
	EXPECT_EQ(files, 5u) << "socket, out, err, the picture and the link: nothing is left over";
}

TEST_F(Program, APictureThatCannotBeWrittenSaysWhichAndWhy)
{
	serve();
	const auto nowhere = run({"history", "sw0", "--svg", dir / "no" / "x.svg"});
	EXPECT_EQ(nowhere.status, 1);
	EXPECT_EQ(nowhere.error,
		  fmt::format(
			  "pathctl: sw0: cannot write the picture: {}: No such file or directory\n"
			  "hint: name a file in a directory that you may write to, or - for "
			  "standard output\n",
			  (dir / "no" / "x.svg").string()));
	std::filesystem::create_symlink("round", dir / "round");
	const auto round = run({"history", "sw0", "--svg", dir / "round"});
	EXPECT_EQ(round.status, 1);
	EXPECT_NE(round.error.find("Too many levels of symbolic links"), std::string::npos);
	const auto device = run({"history", "sw0", "--svg", "/dev/null"});
	EXPECT_EQ(device.status, 1);
	EXPECT_NE(device.error.find("/dev/null is no regular file"), std::string::npos);
	EXPECT_EQ(run({"history", "sw0", "--json", "--svg", "-"}).status, 2);
	EXPECT_EQ(run({"history", "sw9", "--svg", "-"}).status, 4);
	handler.state.units.push_back(handler.state.units[0]);
	handler.state.units[1].name = "sw1";
	handler.state.units[1].wwid = "naa.2";
	handler.state.units[1].number = DevNumber{253, 9};
	const auto several = run({"history", "--svg", "-"});
	EXPECT_EQ(several.status, 2);
	EXPECT_NE(several.error.find("pathctl history sw0 --svg FILE"), std::string::npos);
}

TEST_F(Program, ExitStatusIsTheKindOfRefusal)
{
	serve();
	EXPECT_EQ(run({"nonsense"}).status, 2);
	const auto none = run({"status", "sw9"});
	EXPECT_EQ(none.status, 4);
	EXPECT_EQ(none.out, "");
	EXPECT_EQ(none.error, "pathctl: there is no unit 'sw9'\nhint: the units are: sw0\n");
	EXPECT_EQ(run({"switch", "sw0", "nowhere"}).status, 4);

	const std::pair<RefusalKind, int> kinds[] = {
		{RefusalKind::Failed, 1},        {RefusalKind::Permission, 5},
		{RefusalKind::Unsafe, 6},        {RefusalKind::Timeout, 7},
		{RefusalKind::ConfigInvalid, 8},
	};
	for (const auto &[kind, status] : kinds) {
		handler.on_call = [&, kind = kind](CallId id) {
			server->answer(id, Refusal{kind, "cannot", "do that"});
		};
		const auto refused = run({"hold", "sw0"});
		if (::geteuid() == 0) {
			EXPECT_EQ(refused.status, status);
			EXPECT_EQ(refused.error, "pathctl: sw0: cannot\nhint: do that\n");
		} else {
			EXPECT_EQ(refused.status, 5);
		}
	}
}

TEST_F(Program, WithoutDaemonOrdersAreNotReachable)
{
	const auto hold = run({"hold", "sw0"});
	EXPECT_EQ(hold.status, 3);
	EXPECT_NE(hold.error.find("hint: start it with `systemctl start pathd`"),
		  std::string::npos);
	EXPECT_NE(hold.error.find("--kernel"), std::string::npos);
	EXPECT_EQ(run({"pin", "sw0"}).error.find("--kernel"), std::string::npos);
	EXPECT_EQ(run({"events"}).status, 3);
	EXPECT_EQ(run({"reload"}).status, 3);
	EXPECT_EQ(run({"check"}).status, 3);
}

TEST_F(Program, DaemonThatHangsCostsOneTimeout)
{
	UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	const auto address = socket_address(path);
	ASSERT_EQ(::bind(fd.get(), address->get(), address->length), 0);
	ASSERT_EQ(::listen(fd.get(), 8), 0);
	const auto began = std::chrono::steady_clock::now();
	EXPECT_EQ(run({"--timeout", "0.1", "hold", "sw0"}).status, 7);
	EXPECT_EQ(run({"--timeout", "0.1", "events"}).status, 7);
	EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

TEST_F(Program, ErrorsAreObjectsIfJsonIsAskedFor)
{
	serve();
	const auto none = run({"status", "sw9", "--json"});
	EXPECT_EQ(none.status, 4);
	const auto error = Json::parse(none.error);
	EXPECT_EQ(error["schema"], "swpath.error");
	EXPECT_EQ(error["error"], "NotFound");
	EXPECT_EQ(error["status"], 4);
	EXPECT_EQ(error["hint"], "the units are: sw0");
}

TEST_F(Program, DryRunPrintsTheMessageAndAsksNobodyToDoIt)
{
	serve();
	const auto dry = run({"switch", "sw0", "beta", "--dry-run"});
	EXPECT_EQ(dry.status, 0);
	EXPECT_EQ(dry.out, "dmsetup message sw0 0 switch 1 cooperative operator\n");
	EXPECT_EQ(run({"pin", "sw0", "--dry-run"}).out,
		  "no message to the kernel: pinned to direct sda: no failback until `unpin`\n");
	EXPECT_EQ(run({"release", "sw0", "--dry-run"}).out,
		  "no message to the kernel: its I/O is not held\n");
	const auto json = Json::parse(run({"hold", "sw0", "--dry-run", "--json"}).out);
	EXPECT_EQ(json["messages"], Json({"hold operator"}));
	EXPECT_TRUE(handler.orders.empty());
}

TEST_F(Program, SwitchWaitsUntilIoFlowsAndTellsHowLongItWasHeld)
{
	if (::geteuid() != 0)
		GTEST_SKIP() << "orders are for root";
	serve();
	handler.on_call = [&](CallId id) {
		handler.state = testing::report_of(testing::unit_from(
			testing::on_served_line, MonitorWord::Ok, MonitorWord::Ok));
		set_history(handler.state.units[0], std::vector{testing::timeout_switch()});
		server->answer(id,
			       Done{{"switch 1 cooperative operator"}, "switching to served beta"});
	};
	const auto ran = run({"switch", "sw0", "beta"});
	EXPECT_EQ(ran.status, 0) << ran.error;
	EXPECT_TRUE(ran.out.starts_with("sw0: switching to served beta\nsw0: ")) << ran.out;
	EXPECT_NE(ran.out.find("I/O held 1.11 s"), std::string::npos) << ran.out;
	EXPECT_EQ(handler.orders.at(0).second.path, 1u);
}

// The path that was asked for failed while I/O was held, and it went on where it came from.
TEST_F(Program, SwitchThatEndsOnAnotherPathHasFailed)
{
	if (::geteuid() != 0)
		GTEST_SKIP() << "orders are for root";
	serve();
	std::string message;
	handler.on_call = [&](CallId id) {
		handler.state = testing::report_of(testing::unit_from(
			testing::on_served_line, MonitorWord::Ok, MonitorWord::Ok));
		set_history(handler.state.units[0], std::vector{testing::timeout_switch()});
		server->answer(id, Done{{message}, "on its way"});
	};
	message = "switch 0 cooperative failback";
	const auto ran = run({"failback", "sw0"});
	EXPECT_EQ(ran.status, 1);
	EXPECT_NE(ran.out.find("I/O held 1.11 s"), std::string::npos) << ran.out;
	EXPECT_NE(ran.error.find("pathctl: sw0: I/O goes on over served beta, not over direct"),
		  std::string::npos)
		<< ran.error;
	EXPECT_EQ(run({"failback", "sw0", "--no-wait"}).status, 0);
	// It had not begun when the time was over.
	EXPECT_EQ(run({"--timeout", "0.2", "switch", "sw0", "direct"}).status, 1);
	message = "switch 1 cooperative operator";
	EXPECT_EQ(run({"--timeout", "0.2", "switch", "sw0", "direct"}).status, 0);
}

TEST_F(Program, SwitchThatDoesNotEndInTimeSaysWhatItWaitsFor)
{
	if (::geteuid() != 0)
		GTEST_SKIP() << "orders are for root";
	serve();
	handler.on_call = [&](CallId id) {
		handler.state = testing::report_of(testing::unit_from(testing::proving_line));
		server->answer(id, Done{{"switch 1 forced operator"}, "switching"});
	};
	const auto ran = run({"--timeout", "0.2", "switch", "--force", "sw0", "beta"});
	EXPECT_EQ(ran.status, 7);
	EXPECT_NE(ran.error.find("waits for proof that 2 writes in doubt"), std::string::npos)
		<< ran.error;
	EXPECT_EQ(run({"switch", "--no-wait", "--force", "sw0", "beta"}).status, 0);
}

TEST_F(Program, EventsOnceIsTheDump)
{
	serve();
	const auto text = run({"events", "--once"});
	EXPECT_EQ(text.status, 0);
	EXPECT_TRUE(text.out.ends_with("exists -\n"));
	const auto json = run({"events", "--once", "--json"});
	std::istringstream lines(json.out);
	int count = 0;
	for (std::string line; std::getline(lines, line); count++)
		EXPECT_TRUE(event_from_json(Json::parse(line))) << line;
	EXPECT_EQ(count, 4);
}

TEST_F(Program, WatchOnceIsOneFrame)
{
	serve();
	const auto frame = run({"watch", "--once"});
	EXPECT_EQ(frame.status, 0);
	EXPECT_TRUE(frame.out.starts_with("pathctl watch  "));
	EXPECT_NE(frame.out.find("/dev/sw0  online\n"), std::string::npos);
	const auto none = run({"watch", "--once", "sw9"});
	EXPECT_EQ(none.status, 4);
	EXPECT_EQ(none.out, "");
	EXPECT_EQ(none.error, "pathctl: there is no unit 'sw9'\nhint: the units are: sw0\n");
}

TEST_F(Program, CheckHasTheStatusOfAPlugin)
{
	serve();
	EXPECT_EQ(run({"check"}).status, 0);
	handler.state = testing::report_of(testing::unit_from(testing::failed_line));
	const auto critical = run({"check", "sw0"});
	EXPECT_EQ(critical.status, 2);
	EXPECT_TRUE(critical.out.starts_with("SWPATH CRITICAL - "));
	EXPECT_EQ(run({"check", "sw9"}).status, 3);
	EXPECT_EQ(Json::parse(run({"check", "--json"}).out)["status"], 2);
}

TEST_F(Program, ReleaseIsNotDoneWhileItIsStillHeld)
{
	if (::geteuid() != 0)
		GTEST_SKIP() << "orders are for root";
	handler.state = testing::report_of(testing::unit_from(testing::held_line));
	handler.on_call = [&](CallId id) { server->answer(id, Done{{"release"}, "released"}); };
	serve();
	const auto ran = run({"--timeout", "0.2", "release", "sw0"});
	EXPECT_EQ(ran.status, 7);
	EXPECT_NE(ran.error.find("I/O is still held"), std::string::npos) << ran.error;
}

TEST_F(Program, AnEmptyNameOrdersNothing)
{
	serve();
	EXPECT_EQ(run({"hold", ""}).status, 2);
	EXPECT_EQ(run({"abort", "", "--dry-run"}).status, 2);
	EXPECT_TRUE(handler.orders.empty());
}

TEST_F(Program, OutputThatCannotBeWrittenIsNoSuccess)
{
	handler.on_call = [&](CallId id) {
		server->answer(id, Answered<std::vector<std::string>>(std::vector{"unit added"s}));
	};
	serve();
	const std::vector<std::vector<std::string>> all = {
		{"status"},
		{"list", "--json"},
		{"history", "--svg", "-"},
		{"events", "--once"},
		{"watch", "-n", "0.1"},
		{"hold", "sw0", "--dry-run"},
		{"reload", "--dry-run"},
		{"config", "diff", "--json"},
		{"config", "check", "--file", dir / "none", "--dir", dir / "none"},
		{"config", "show", "--file", dir / "none", "--dir", dir / "none", "--json"},
		{"config", "show", "--file", dir / "none", "--dir", dir / "none"},
		{"--help"},
	};
	for (const auto &arguments : all) {
		const auto ran = run(arguments, "/dev/full");
		EXPECT_EQ(ran.status, 1) << arguments.front();
		EXPECT_NE(ran.error.find("pathctl: cannot write: No space left on device"),
			  std::string::npos)
			<< arguments.front() << ": " << ran.error;
	}
	// What it says decides, whether it can be read or not.
	EXPECT_EQ(run({"check"}, "/dev/full").status, 0);
}

// A process may call itself anything, and so may a disk.
TEST_F(Program, NamesOfOthersDoNotSteerTheTerminal)
{
	auto &unit = handler.state.units[0];
	unit.opened_by = {{812, "a\x1b]0;x\a\nb\r\x7f\xc2\x9b", "sda", testing::noon, true}};
	unit.paths[1].endpoint = "e\x1b[2J\nf";
	serve();
	for (const std::vector<std::string> &arguments :
	     {std::vector<std::string>{"status"}, {"paths"}, {"events", "--once"}, {"check"}}) {
		const auto ran = run(arguments);
		for (const char *bad : {"\x1b", "\a", "\r", "\x7f", "\xc2\x9b", "\nb", "\nf"})
			EXPECT_EQ(ran.out.find(bad), std::string::npos)
				<< arguments.front() << ": " << ran.out;
	}
	const auto json = report_from_json(Json::parse(run({"status", "--json"}).out));
	ASSERT_TRUE(json);
	EXPECT_EQ(*json, handler.state);
	const auto refused = run({"status", "a\x1b[2J\nb"});
	EXPECT_EQ(refused.status, 4);
	EXPECT_EQ(refused.error.find('\x1b'), std::string::npos);
	const auto usage = run({"a\x1b[2J\nb"});
	EXPECT_EQ(usage.status, 2);
	EXPECT_EQ(usage.error.find('\x1b'), std::string::npos);
}

TEST_F(Program, ColourOnlyIfItIsAskedFor)
{
	serve();
	EXPECT_EQ(run({"status"}).out.find('\x1b'), std::string::npos);
	EXPECT_NE(run({"--color", "always", "status"}).out.find('\x1b'), std::string::npos);
}

TEST_F(Program, ConfigIsCheckedWithItsPlace)
{
	const auto file = dir / "swpath.toml";
	const auto write = [&](std::string_view text) {
		const UniqueFd fd(
			::open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600));
		ASSERT_EQ(::write(fd.get(), text.data(), text.size()), ssize_t(text.size()));
	};
	const auto config = [&](std::vector<std::string> words) {
		words.insert(words.begin(), "config");
		words.insert(words.end(), {"--file", file, "--dir", dir / "none"});
		return run(words);
	};
	write("[daemon]\nlog_level = \"debug\"\n");
	EXPECT_EQ(config({"check"}).status, 0);
	EXPECT_NE(config({"show"}).out.find("daemon.log_level = \"debug\""), std::string::npos);
	EXPECT_NE(config({"show"}).out.find(file.string() + ":2:"), std::string::npos);
	write("[daemon]\nlog_levle = \"debug\"\n");
	const auto bad = config({"check"});
	EXPECT_EQ(bad.status, 8);
	EXPECT_NE(bad.error.find(file.string() + ":2:"), std::string::npos) << bad.error;
	EXPECT_NE(bad.error.find("log_level"), std::string::npos);
	const auto json = config({"check", "--json"});
	EXPECT_EQ(json.status, 8);
	EXPECT_EQ(Json::parse(json.error)["problems"][0]["line"], 2);
}

} // namespace
} // namespace swpath
