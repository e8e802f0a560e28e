// SPDX-License-Identifier: GPL-2.0-or-later
/// The real swpath-members, mostly without a corosync: what becomes of the process. The VM case dlm
/// and the lab case pathd_corosync have one.
#include <csignal>

#include <array>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/unit/pathd/members_rig.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

constexpr const char *program = SW_MEMBERS;

class MembersProgramTest : public MembersRig
{
protected:
	void begin()
	{
		start(program);
		ASSERT_TRUE(run([&] { return engine->pid() > 0; })) << trouble();
	}
	/// It has answered: also without a corosync, unless that stands still.
	void begin_and_hear()
	{
		begin();
		ASSERT_TRUE(run([&] { return engine->trouble() || !events.empty(); }));
		if (!engine->trouble())
			GTEST_SKIP() << "a corosync runs here";
		EXPECT_TRUE(troubled("corosync does not answer")) << trouble();
	}
	[[nodiscard]] std::function<bool()> another_than(pid_t pid) const
	{
		return [this, pid] { return engine->pid() > 0 && engine->pid() != pid; };
	}
};

TEST_F(MembersProgramTest, SaysThatCorosyncDoesNotRun)
{
	begin_and_hear();
	const auto pid = engine->pid();
	// That is no reason to end it.
	EXPECT_FALSE(run(another_than(pid), MembersKeeper::silence_limit + 2s));
	EXPECT_LT(longest, 1s);
}

TEST_F(MembersProgramTest, OneThatIsKilledIsStartedAgain)
{
	begin_and_hear();
	const auto pid = engine->pid();
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_TRUE(run([&] { return troubled("killed by signal 9"); })) << trouble();
	ASSERT_TRUE(run(another_than(pid)));
	ASSERT_TRUE(run([&] { return troubled("corosync does not answer"); })) << trouble();
	EXPECT_LT(longest, 1s);
}

TEST_F(MembersProgramTest, OneThatStandsStillIsReplacedAndNobodyWaitsForIt)
{
	begin_and_hear();
	const auto pid = engine->pid();
	ASSERT_EQ(kill(pid, SIGSTOP), 0);
	// More than its socket holds.
	const std::string large(sync_frame_bytes_max, 'x');
	for (int i = 0; i < 1000; i++) {
		const auto before = now();
		engine->send({std::nullopt, large}, now());
		longest = std::max(longest, now() - before);
	}
	ASSERT_TRUE(run([&] { return troubled("has not answered"); })) << trouble();
	ASSERT_TRUE(run(another_than(pid)));
	EXPECT_EQ(kill(pid, 0), -1) << "it is still there";
	EXPECT_LT(longest, 1s);
}

TEST_F(MembersProgramTest, EndsWithItsEngine)
{
	begin();
	const auto pid = engine->pid();
	engine.reset();
	int status = 0;
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
}

/// The program alone, and its socket.
class MembersSocketTest : public testing::Test
{
protected:
	void SetUp() override
	{
		std::array<int, 2> ends{};
		ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
		socket = UniqueFd(ends[0]);
		const UniqueFd theirs(ends[1]);
		auto started = start_child(
			{{program, "--name=alpha", "--incarnation=7"}, {}, theirs.get()});
		ASSERT_TRUE(started) << started.error().message();
		child = std::move(*started);
	}
	void TearDown() override
	{
		if (!ended(0))
			(void)kill(child.pid, SIGKILL);
	}
	std::optional<std::string> ended(int ms)
	{
		pollfd watched{child.pidfd.get(), POLLIN, 0};
		if (poll(&watched, 1, ms) > 0 && !how)
			how = how_it_ended(child);
		return how;
	}

	UniqueFd socket;
	ChildProcess child;
	std::optional<std::string> how;
};

TEST_F(MembersSocketTest, AnswersAndEndsWithItsInput)
{
	const auto ping = encode(MembersOrder(MembersPing()));
	ASSERT_EQ(send(socket.get(), ping.data(), ping.size(), 0),
		  static_cast<ssize_t>(ping.size()));
	std::array<char, members_packet_bytes_max> packet{};
	for (bool answered = false; !answered;) {
		const auto got = recv(socket.get(), packet.data(), packet.size(), 0);
		ASSERT_GT(got, 0);
		const auto news =
			decode_members_news({packet.data(), static_cast<std::size_t>(got)});
		ASSERT_TRUE(news) << news.error().message();
		answered = std::holds_alternative<MembersPong>(*news);
	}
	socket.reset();
	EXPECT_EQ(ended(30000), "ended with status 0");
}

TEST_F(MembersSocketTest, EndsWithItsInputThoughItsNewsWereNotRead)
{
	pollfd told{socket.get(), POLLIN, 0};
	ASSERT_EQ(poll(&told, 1, 30000), 1);
	socket.reset();
	EXPECT_EQ(ended(30000), "ended with status 0");
}

TEST_F(MembersSocketTest, EndsWhenNobodyAsks)
{
	EXPECT_EQ(ended(1000), std::nullopt);
	EXPECT_EQ(ended(30000), "ended with status 1");
}

TEST_F(MembersSocketTest, EndsWhenItIsToldWhatIsNoOrder)
{
	ASSERT_EQ(send(socket.get(), "what?", 5, 0), 5);
	EXPECT_EQ(ended(30000), "ended with status 1");
}

} // namespace
} // namespace swpath
