// SPDX-License-Identifier: GPL-2.0-or-later
/// The line to a lock space, with programs that are not always one.
#include "pathd/lock_process.h"

#include <csignal>

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/wait.h>

#include "libpath/sys/child_process.h"
#include "libpath/sys/clock.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr int limit_ms = 30'000;

class LockProcessTest : public testing::Test
{
protected:
	void start(const std::vector<std::string> &command)
	{
		auto started = LockProcess::start(command);
		ASSERT_TRUE(started) << started.error().message();
		process_ = std::move(*started);
		child_.pid = process_->pid();
		auto held = open_pidfd(child_.pid);
		ASSERT_TRUE(held);
		child_.pidfd = std::move(*held);
	}
	void TearDown() override
	{
		if (child_.pid > 0 && !how_it_ended(child_)) {
			(void)kill(child_.pid, SIGKILL);
			(void)waitpid(child_.pid, nullptr, 0);
		}
	}
	[[nodiscard]] static bool readable(int fd)
	{
		pollfd watched{fd, POLLIN, 0};
		return poll(&watched, 1, limit_ms) == 1;
	}
	/// Lines until there are so many, or an error.
	std::error_code listen(std::size_t until)
	{
		while (lines_.size() < until) {
			if (!readable(process_->fd()))
				return std::make_error_code(std::errc::timed_out);
			const auto came = process_->receive();
			if (!came)
				return came.error().code;
			lines_.insert(lines_.end(), came->begin(), came->end());
		}
		return {};
	}

	std::unique_ptr<LockProcess> process_;
	ChildProcess child_;
	std::vector<std::string> lines_;
};

TEST_F(LockProcessTest, AProgramThatIsNotInstalledIsNamed)
{
	const auto started = LockProcess::start({"/nowhere/swpath-lockspace"});
	ASSERT_FALSE(started);
	EXPECT_EQ(started.error().code, std::errc::no_such_file_or_directory);
	EXPECT_THAT(started.error().message(), testing::HasSubstr("/nowhere/swpath-lockspace"));
}

TEST_F(LockProcessTest, ALineIsToldWhenAllOfItHasCome)
{
	start({"/bin/sh", "-c", "printf rea; read go; printf 'dy\\n\\nheld'; exec cat"});
	ASSERT_TRUE(readable(process_->fd()));
	const auto half = process_->receive();
	ASSERT_TRUE(half);
	EXPECT_THAT(*half, ElementsAre());
	process_->send("go");
	EXPECT_FALSE(listen(2));
	EXPECT_THAT(lines_, ElementsAre("ready", ""));
}

TEST_F(LockProcessTest, TheLastWordsOfOneThatEndsAreToldBeforeItsEnd)
{
	start({"/bin/sh", "-c", "printf 'ready\\nfailed ? 19 why\\nunsaid'"});
	ASSERT_TRUE(readable(child_.pidfd.get()));
	EXPECT_FALSE(listen(2));
	EXPECT_THAT(lines_, ElementsAre("ready", "failed ? 19 why"));
	EXPECT_EQ(listen(3), std::errc::broken_pipe);
}

TEST_F(LockProcessTest, ALineWithoutAnEndIsAnError)
{
	start({"/bin/sh", "-c", "head -c 8192 /dev/zero; exec cat"});
	EXPECT_EQ(listen(1), std::errc::message_size);
}

// The loop has other things to do.
TEST_F(LockProcessTest, OneThatSaysSomethingWithoutEndIsHeardForAMomentAtATime)
{
	start({"/usr/bin/yes", "ready"});
	std::size_t lines = 0;
	for (unsigned turn = 0; turn < 100; turn++) {
		ASSERT_TRUE(readable(process_->fd()));
		const auto came = process_->receive();
		ASSERT_TRUE(came);
		ASSERT_LE(came->size(), (64 * 1024 + 1024) / 6);
		lines += came->size();
	}
	EXPECT_GT(lines, 100U);
}

TEST_F(LockProcessTest, WhatOneThatStandsStillDoesNotTakeIsKeptInOrder)
{
	constexpr std::size_t count = 2000;
	start({"/bin/cat"});
	ASSERT_EQ(kill(child_.pid, SIGSTOP), 0);
	const auto began = now();
	std::vector<std::string> sent;
	for (std::size_t i = 0; i < count; i++) {
		sent.push_back(std::to_string(i) + std::string(1000, 'x'));
		process_->send(sent.back());
	}
	EXPECT_FALSE(process_->flush());
	EXPECT_LT(now() - began, 10s);
	ASSERT_EQ(kill(child_.pid, SIGCONT), 0);
	while (lines_.size() < count) {
		(void)process_->flush();
		ASSERT_FALSE(listen(lines_.size() + 1));
	}
	EXPECT_TRUE(process_->flush());
	EXPECT_EQ(lines_, sent);
}

TEST_F(LockProcessTest, OneThatHasEndedIsSentToWithoutHarm)
{
	start({"/bin/true"});
	ASSERT_TRUE(readable(child_.pidfd.get()));
	process_->send("hold swbus$17$B");
	EXPECT_FALSE(process_->flush());
	EXPECT_EQ(listen(1), std::errc::broken_pipe);
}

TEST_F(LockProcessTest, ItEndsWhenNobodyHoldsTheLine)
{
	start({"/bin/cat"});
	process_.reset();
	EXPECT_TRUE(readable(child_.pidfd.get()));
}

} // namespace
} // namespace swpath
