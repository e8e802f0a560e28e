// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/command_line.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace swpath::ctl
{
namespace
{

using namespace std::chrono_literals;

CommandLine good(const std::vector<std::string> &arguments)
{
	const auto line = parse_command_line(arguments);
	EXPECT_TRUE(line) << (line ? "" : line.error().error);
	return line.value_or(CommandLine{});
}

std::string bad(const std::vector<std::string> &arguments, int status = 2)
{
	const auto line = parse_command_line(arguments);
	if (line)
		return "accepted";
	EXPECT_EQ(line.error().status, status);
	return line.error().error;
}

TEST(CommandLine, WithoutAVerbIsStatus)
{
	EXPECT_EQ(good({}).task, Task::Status);
}

TEST(CommandLine, ReadsVerbsWithTheirNames)
{
	const auto status = good({"status", "/dev/sw0", "--json"});
	EXPECT_EQ(status.task, Task::Status);
	EXPECT_EQ(status.unit, "/dev/sw0");
	EXPECT_TRUE(status.json);

	const auto order = good({"switch", "--force", "sw0", "beta", "--dry-run", "--no-wait"});
	EXPECT_EQ(order.task, Task::Order);
	EXPECT_EQ(order.verb, Verb::Switch);
	EXPECT_EQ(order.unit, "sw0");
	EXPECT_EQ(order.path, "beta");
	EXPECT_TRUE(order.forced && order.dry_run && !order.wait);

	EXPECT_EQ(good({"config", "check", "--file", "/x"}).config_file, "/x");
	EXPECT_EQ(good({"config", "diff"}).task, Task::ConfigDiff);
	EXPECT_EQ(good({"watch", "-n", "0.5"}).interval, 500ms);
}

TEST(CommandLine, TakesOptionsOfAllVerbsBeforeAndAfterTheVerb)
{
	EXPECT_EQ(good({"--timeout", "5", "list"}).timeout, 5s);
	EXPECT_EQ(good({"list", "--timeout=5"}).timeout, 5s);
	EXPECT_EQ(good({"list", "--color", "never"}).color, ColorChoice::Never);
	EXPECT_EQ(good({"list"}).socket, "/run/swpath/pathd.sock");
}

TEST(CommandLine, EveryOrderIsAVerb)
{
	for (const auto name : Words<Verb>::all) {
		std::vector<std::string> arguments = {std::string(name), "sw0"};
		if (takes_path(*from_word<Verb>(name)))
			arguments.emplace_back("0");
		EXPECT_EQ(good(arguments).verb, *from_word<Verb>(name));
	}
}

TEST(CommandLine, SaysWhatWasProbablyMeant)
{
	EXPECT_EQ(bad({"statsu"}), "there is no verb 'statsu'\ndid you mean 'status'?");
	EXPECT_EQ(bad({"swtich", "sw0", "beta"}),
		  "there is no verb 'swtich'\ndid you mean 'switch'?");
	EXPECT_EQ(bad({"config", "chekc"}), "there is no verb 'chekc'\ndid you mean 'check'?");
	EXPECT_EQ(bad({"status", "--jsno"}),
		  "'status' has no option '--jsno'\ndid you mean '--json'?");
	EXPECT_EQ(bad({"--timeout", "3", "hold", "sw0", "--dryrun"}),
		  "'hold' has no option '--dryrun'\ndid you mean '--dry-run'?");
	EXPECT_EQ(bad({"--colour=never", "list"}),
		  "there is no option '--colour'\ndid you mean '--color'?");
	EXPECT_EQ(bad({"xyzzy"}),
		  "there is no verb 'xyzzy'\n`pathctl --help` lists verbs and options");
}

TEST(CommandLine, RefusesWhatIsMissingTooMuchOrOutOfRange)
{
	EXPECT_EQ(bad({"hold"}),
		  "'hold': UNIT is required\n`pathctl hold --help` lists what it takes");
	EXPECT_EQ(bad({"switch", "sw0"}),
		  "'switch': PATH is required\n`pathctl switch --help` lists what it takes");
	EXPECT_EQ(bad({"explain", "--json"}),
		  "'explain': DISK is required\n`pathctl explain --help` lists what it takes");
	EXPECT_EQ(bad({"hold", "sw0", "sw1", "sw2"}),
		  "'hold' does not take 'sw1'\n`pathctl hold --help` lists what it takes");
	EXPECT_EQ(bad({"--timeout", "3", "peers", "--json", "beta"}),
		  "'peers' does not take 'beta'\n`pathctl peers --help` lists what it takes");
	EXPECT_EQ(bad({"hints", "--bogus-option"}),
		  "'hints' has no option '--bogus-option'\n`pathctl hints --help` lists what it "
		  "takes");
	EXPECT_EQ(bad({"config", "check", "--bogus-option"}),
		  "'config check' has no option '--bogus-option'\n`pathctl config check --help` "
		  "lists what it takes");
	EXPECT_NE(bad({"list", "--timeout", "0"}), "accepted");
	EXPECT_NE(bad({"list", "--timeout", "x"}), "accepted");
	EXPECT_NE(bad({"watch", "-n", "0"}), "accepted");
	EXPECT_NE(bad({"list", "--color", "blue"}), "accepted");
	EXPECT_NE(bad({"config"}), "accepted");
	EXPECT_NE(bad({"status", "--dry-run"}), "accepted");
	EXPECT_NE(bad({"pin", "sw0", "--kernel"}), "accepted");
	EXPECT_NE(bad({"hold", "sw0", "--force"}), "accepted");
}

// "$UNIT" of a script that did not set it is not the first unit, nor all of them.
TEST(CommandLine, RefusesAnEmptyArgument)
{
	constexpr const char *why = "an argument is empty\nis a variable of the script not set?";
	EXPECT_EQ(bad({"hold", ""}), why);
	EXPECT_EQ(bad({"switch", "sw0", ""}), why);
	EXPECT_EQ(bad({"check", ""}, 3), why);
	EXPECT_EQ(bad({"", "sw0"}), why);
	EXPECT_EQ(bad({"config", "check", "--file", ""}), why);
	EXPECT_EQ(bad({"--socket=", "status"}), "'--socket=' is empty\nis a variable of the script "
						"not set?");
}

TEST(CommandLine, RefusesTimesThatAreNoNumbers)
{
	for (const auto *time : {"nan", "-nan", "inf", "NAN"}) {
		EXPECT_NE(bad({"list", "--timeout", time}), "accepted") << time;
		EXPECT_NE(bad({"watch", "--interval", time}), "accepted") << time;
	}
}

// 2 would be CRITICAL to whoever watches.
TEST(CommandLine, UsageOfCheckIsWhatAPluginDoesNotKnow)
{
	for (const auto &arguments : std::vector<std::vector<std::string>>{
		     {"check", "--bogus"},
		     {"--bogus", "check"},
		     {"check", "sw0", "sw1"},
		     {"--timeout", "x", "check"},
		     {"--color", "never", "--ascii", "check", "sw0", "--jsno"}}) {
		const auto line = parse_command_line(arguments);
		ASSERT_FALSE(line);
		EXPECT_EQ(line.error().status, 3) << arguments.back();
		EXPECT_TRUE(line.error().out.starts_with("SWPATH UNKNOWN - ")) << line.error().out;
		EXPECT_FALSE(line.error().error.empty());
	}
	EXPECT_NE(bad({"switch", "sw0", "check", "--bogus"}), "accepted");
	EXPECT_NE(bad({"config", "check", "--bogus"}), "accepted");
}

TEST(CommandLine, HelpIsNoError)
{
	for (const auto &arguments : std::vector<std::vector<std::string>>{
		     {"--help"}, {"-h"}, {"switch", "--help"}, {"--version"}}) {
		const auto line = parse_command_line(arguments);
		ASSERT_FALSE(line);
		EXPECT_EQ(line.error().status, 0);
		EXPECT_FALSE(line.error().out.empty());
	}
}

TEST(CommandLine, EveryReadingVerbHasJsonAndEveryChangingOneADryRun)
{
	for (const auto &verb : verbs_in_help()) {
		const auto has = [&](const char *option) {
			return std::count(verb.options.begin(), verb.options.end(), option) > 0;
		};
		const bool changes = from_word<Verb>(verb.name) || verb.name == "reload";
		EXPECT_EQ(has("--dry-run"), changes) << verb.name;
		EXPECT_EQ(has("--json"), verb.name != "watch") << verb.name;
		EXPECT_FALSE(verb.text.empty()) << verb.name;
	}
}

} // namespace
} // namespace swpath::ctl
