// SPDX-License-Identifier: GPL-2.0-or-later
/// The real nbdkit, started, found by somebody who did not start it, ended and started again.
#include <csignal>
#include <thread>

#include <gmock/gmock.h>

#include "libpath/policy/restart_policy.h"
#include "libpath/serve/server_process.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

TEST(ServerCommand, IsWithKeysUnlessSaidOtherwise)
{
	ServerSetup setup;
	setup.listen = *NbdEndpoint::parse("10.0.0.1:10809");
	EXPECT_THAT(server_command(setup).error().context, HasSubstr("pre-shared keys"));
	setup.psk_file = "/etc/swpath/keys";
	const auto secure = server_command(setup);
	ASSERT_TRUE(secure);
	EXPECT_THAT(secure->arguments, Contains("--tls=require"));
	EXPECT_THAT(secure->arguments, Contains("--tls-psk=/etc/swpath/keys"));
	EXPECT_THAT(secure->arguments, Contains("10.0.0.1"));
	setup.plain = true;
	EXPECT_FALSE(server_command(setup)) << "both";
	setup.psk_file.clear();
	EXPECT_THAT(server_command(setup)->arguments, Contains("--tls=off"));
	EXPECT_THAT(server_command(setup)->arguments, testing::Not(Contains("--tls=require")));
}

TEST(ServerCommand, ListensWhereItIsToldInNumbers)
{
	ServerSetup setup;
	setup.plain = true;
	for (const char *host : {"", "beta", "any", "unix", "10.0.0.0/8"}) {
		setup.listen = {host, 10809, ""};
		EXPECT_FALSE(server_command(setup)) << host;
	}
	setup.listen = {"::1", 0, ""};
	EXPECT_FALSE(server_command(setup));
	setup.listen = *NbdEndpoint::parse("unix:/run/x");
	EXPECT_THAT(server_command(setup)->arguments, Contains("/run/x"));
}

TEST(RestartPolicy, WaitsLongerEachTimeAndForgetsAfterAGoodLife)
{
	RestartPolicy policy;
	Instant at(1h);
	Duration expected = RestartPolicy::first_delay;
	for (unsigned i = 0; i < 20; i++) {
		const auto next = policy.ended(at, at + 1s);
		EXPECT_EQ(next - (at + 1s), expected);
		expected = std::min<Duration>(2 * expected, RestartPolicy::longest_delay);
		at = next;
	}
	EXPECT_EQ(expected, RestartPolicy::longest_delay);
	const auto ended = at + RestartPolicy::good_life;
	EXPECT_EQ(policy.ended(at, ended) - ended, RestartPolicy::first_delay);
}

class Process : public TemporaryDirectory
{
protected:
	Process()
	{
		setup.plugin = SW_PLUGIN;
		setup.hangup_library = SW_PRELOAD;
		setup.listen.unix_path = path("nbd");
		setup.plain = true;
		setup.control_socket = path("control");
		setup.closed_file = path("closed");
	}
	template <class Condition>
	static bool wait_until(Condition condition)
	{
		const auto deadline = std::chrono::steady_clock::now() + 60s;
		while (!condition())
			if (std::chrono::steady_clock::now() > deadline)
				return false;
			else
				std::this_thread::sleep_for(10ms);
		return true;
	}
	std::optional<ServerProcess> find() const
	{
		auto found = ServerProcess::find(setup.control_socket, 20s);
		return found ? std::move(*found) : std::nullopt;
	}

	ServerSetup setup;
};

TEST_F(Process, IsFoundByOneWhoDidNotStartItAndHeardToEnd)
{
	EXPECT_FALSE(find());
	const auto started = ServerProcess::start(setup);
	ASSERT_TRUE(started) << started.error().message();
	std::optional<ServerProcess> found;
	ASSERT_TRUE(wait_until([&] { return (found = find()).has_value() || started->ended(); }));
	ASSERT_TRUE(found) << "it ended instead of listening";
	EXPECT_EQ(found->pid(), started->pid());
	EXPECT_FALSE(found->ended());
	found->terminate();
	EXPECT_TRUE(wait_until([&] { return started->ended(); }));
	EXPECT_TRUE(found->ended());
	EXPECT_FALSE(find());
}

TEST_F(Process, OneThatIsKilledLeavesNothingInTheWay)
{
	for (unsigned round = 0; round < 2; round++) {
		std::filesystem::remove(
			path("nbd")); // nbdkit does not take over a dead one's socket
		const auto started = ServerProcess::start(setup);
		ASSERT_TRUE(started);
		ASSERT_TRUE(wait_until([&] { return find() || started->ended(); }));
		ASSERT_FALSE(started->ended());
		ASSERT_EQ(::kill(started->pid(), SIGKILL), 0);
		EXPECT_TRUE(wait_until([&] { return started->ended(); }));
		EXPECT_FALSE(find()) << "a socket without a server is no server";
	}
}

TEST_F(Process, WhatCannotStartSaysSo)
{
	setup.nbdkit = "nbdkit-that-is-not-there";
	EXPECT_EQ(ServerProcess::start(setup).error().code, std::errc::no_such_file_or_directory);
	setup.nbdkit = "nbdkit";
	setup.closed_file = path("nothing/here/closed");
	write("nothing", "a file where a directory must be");
	const auto started = ServerProcess::start(setup);
	ASSERT_TRUE(started);
	EXPECT_TRUE(wait_until([&] { return started->ended(); }));
}

} // namespace
} // namespace swpath
