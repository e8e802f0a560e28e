// SPDX-License-Identifier: GPL-2.0-or-later
/// The real nbdkit, kept as pathd keeps it: started, killed, frozen.
#include "pathd/serving.h"

#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>
#include <poll.h>

#include "libpath/sys/clock.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

class ServingTest : public TemporaryDirectory
{
protected:
	ServingTest()
	{
		disk = path("disk");
		write("disk", "");
		std::filesystem::resize_file(disk, 1U << 20);
		setup.plugin = SW_PLUGIN;
		setup.hangup_library = SW_PRELOAD;
		setup.listen.unix_path = path("nbd");
		setup.plain = true;
		setup.control_socket = path("control");
		setup.closed_file = path("closed");
		setup.files = true;
		begin();
	}
	~ServingTest() override { signal_server(SIGKILL); }

	void begin()
	{
		auto created = Serving::create(setup, mailbox, [] {});
		EXPECT_TRUE(created);
		serving = std::move(*created);
	}
	template <class Condition>
	bool run(Condition condition)
	{
		const Instant limit = now() + 60s;
		while (now() < limit) {
			const Instant at = now();
			serving->step(at);
			EXPECT_GT(serving->deadline(), at) << "the loop would not sleep";
			mailbox->run();
			if (condition())
				return true;
			(void)poll(nullptr, 0, 5);
		}
		return false;
	}
	std::optional<ServerProcess> server() const
	{
		auto found = ServerProcess::listening(setup.control_socket);
		return found ? std::move(*found) : std::nullopt;
	}
	void signal_server(int number) const
	{
		if (const auto process = server())
			(void)::kill(process->pid(), number);
	}
	bool export_epoch(std::uint64_t epoch, const std::string &to = "alpha")
	{
		std::optional<Answered<ExportedReply>> reply;
		EXPECT_TRUE(serving->export_disk({{"naa.1", to, epoch}, disk, {client}, false},
						 [&](const auto &done) { reply = done; }));
		EXPECT_TRUE(run([&] { return reply.has_value(); }));
		return reply && reply->has_value();
	}
	Answered<Revoked> revoke(std::uint64_t epoch)
	{
		std::optional<Answered<Revoked>> reply;
		EXPECT_TRUE(serving->revoke({"naa.1", "alpha", epoch}, {disk}, 20s,
					    [&](const auto &done) { reply = done; }));
		EXPECT_TRUE(run([&] { return reply.has_value(); }));
		return reply.value_or(Answered<Revoked>(refuse(RefusalKind::Timeout, "no reply")));
	}

	std::shared_ptr<Mailbox> mailbox = *Mailbox::create();
	ClientPattern client = *ClientPattern::parse("unix");
	std::string disk;
	ServerSetup setup;
	std::unique_ptr<Serving> serving;
};

TEST_F(ServingTest, StartsItsServerExportsAndRevokes)
{
	EXPECT_FALSE(serving->state("naa.1", "alpha"));
	ASSERT_TRUE(run([&] { return serving->answers(); }));
	EXPECT_EQ(serving->state("naa.1", "alpha")->epoch, 0U);
	ASSERT_TRUE(export_epoch(7));
	EXPECT_EQ(serving->state("naa.1", "alpha")->epoch, 7U);
	ASSERT_TRUE(export_epoch(1, "gamma"));
	EXPECT_EQ(serving->open_exports("naa.1"),
		  (std::vector<ExportName>{{"naa.1", "alpha", 7}, {"naa.1", "gamma", 1}}));
	EXPECT_TRUE(serving->state("naa.1", "alpha")->open);
	const auto revoked = revoke(7);
	ASSERT_TRUE(revoked) << revoked.error().message;
	EXPECT_TRUE(revoked->drained);
	EXPECT_EQ(revoked->lost, 0U);
	EXPECT_FALSE(serving->state("naa.1", "alpha")->open);
	EXPECT_FALSE(export_epoch(7)) << "a closed epoch";

	// A pathd that comes later finds the server, and what it has closed.
	const auto pid = server()->pid();
	begin();
	ASSERT_TRUE(run([&] { return serving->answers(); }));
	EXPECT_EQ(server()->pid(), pid);
	EXPECT_EQ(serving->state("naa.1", "alpha")->epoch, 7U);
	EXPECT_FALSE(serving->state("naa.1", "alpha")->open);
	EXPECT_EQ(serving->open_exports("naa.1"), (std::vector<ExportName>{{"naa.1", "gamma", 1}}));
}

TEST_F(ServingTest, AServerThatDiesIsStartedAgainAndVouchesForNothingBeforeIt)
{
	ASSERT_TRUE(run([&] { return serving->answers(); }));
	ASSERT_TRUE(export_epoch(7));
	const auto pid = server()->pid();
	signal_server(SIGKILL);
	ASSERT_TRUE(run([&] { return !serving->answers(); }));
	ASSERT_TRUE(run([&] { return serving->answers(); }));
	EXPECT_NE(server()->pid(), pid);
	EXPECT_TRUE(serving->state("naa.1", "alpha")->open) << "nobody has revoked it";
	const auto revoked = revoke(7);
	ASSERT_TRUE(revoked) << revoked.error().message;
	EXPECT_TRUE(revoked->drained);
	EXPECT_EQ(revoked->lost, 1U) << "it cannot know";
}

TEST_F(ServingTest, ALookAtAFrozenServerDoesNotKeepTheLoopBusyAndKillsItAfterTwoTries)
{
	ASSERT_TRUE(run([&] { return serving->answers(); }));
	const auto pid = server()->pid();
	signal_server(SIGSTOP);
	const Instant frozen = now();
	// Each turn looks at the deadline.
	ASSERT_TRUE(run([&] { return !serving->answers(); }));
	EXPECT_GT(now() - frozen, 5s) << "one try that has no answer is no proof";
	ASSERT_TRUE(run([&] { return serving->answers(); }));
	EXPECT_NE(server()->pid(), pid);
}

TEST_F(ServingTest, AServerThatWasBusyForAMomentIsLeftAlone)
{
	ASSERT_TRUE(run([&] { return serving->answers(); }));
	const auto pid = server()->pid();
	signal_server(SIGSTOP);
	// The next look begins in 2 s, and its first try is over 2 s later.
	const Instant until = now() + 5s;
	ASSERT_TRUE(run([&] { return now() > until; }));
	(void)::kill(pid, SIGCONT);
	const Instant quiet = now() + 5s;
	ASSERT_TRUE(run([&] { return now() > quiet; }));
	EXPECT_TRUE(serving->answers());
	EXPECT_EQ(server()->pid(), pid);
}

TEST_F(ServingTest, AFrozenServerIsKilledByTheFirstRevocation)
{
	ASSERT_TRUE(run([&] { return serving->answers(); }));
	ASSERT_TRUE(export_epoch(7));
	const auto pid = server()->pid();
	signal_server(SIGSTOP);
	const auto revoked = revoke(7);
	ASSERT_TRUE(revoked) << revoked.error().message;
	EXPECT_TRUE(revoked->drained);
	EXPECT_EQ(revoked->lost, 1U);
	EXPECT_NE(server()->pid(), pid);
}

} // namespace
} // namespace swpath
