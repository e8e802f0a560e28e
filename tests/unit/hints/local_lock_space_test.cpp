// SPDX-License-Identifier: GPL-2.0-or-later
/// Each holder is a process of its own where its death matters; else two lock spaces of one
/// process, whose locks on open files exclude each other as those of two processes do.
#include "libpath/hints/local_lock_space.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "libpath/sys/clock.h"
#include "tests/unit/hints/traced_process.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::kill_before_call;

const std::string name = "swbus$17$B";

LockBytes filled(std::uint8_t with)
{
	LockBytes bytes;
	bytes.fill(static_cast<std::byte>(with));
	return bytes;
}

/// One holder, with everything that it was told.
struct Holder {
	explicit Holder(const std::string &directory)
	{
		auto opened = LocalLockSpace::open(directory);
		EXPECT_TRUE(opened) << opened.error().message();
		space = std::move(*opened);
	}
	/// Waits for fd() and next() as a daemon's loop does, for `limit` at most.
	bool until(const std::function<bool()> &done, Duration limit = seconds(10))
	{
		const auto end = now() + limit;
		while (!done()) {
			const auto at = now();
			if (at >= end)
				return false;
			const auto wake = std::min(space->next().value_or(end), end);
			const auto wait = std::chrono::duration_cast<milliseconds>(wake - at);
			pollfd watched{space->fd(), POLLIN, 0};
			(void)::poll(&watched, 1,
				     static_cast<int>(std::max<std::int64_t>(wait.count(), 0)) + 1);
			auto told = space->step(now());
			EXPECT_TRUE(told) << told.error().message();
			events.insert(events.end(), told->begin(), told->end());
		}
		return true;
	}
	/// The next event that is told.
	LockEvent next(Duration limit = seconds(10))
	{
		if (!until([&] { return !events.empty(); }, limit))
			return {LockEventKind::Failed, "nothing was told", {}, {}};
		const auto event = events.front();
		events.erase(events.begin());
		return event;
	}
	bool hold() { return space->hold(name) && next().kind == LockEventKind::Held; }
	/// Publishes, and says how that ended.
	LockEventKind publish(std::uint8_t with, Duration limit = seconds(5))
	{
		const auto begun = space->publish(name, filled(with), now() + limit);
		EXPECT_TRUE(begun) << begun.error().message();
		for (;;) {
			const auto event = next();
			if (event.kind != LockEventKind::Changed || event.name != name)
				return event.kind;
		}
	}

	std::unique_ptr<LocalLockSpace> space;
	std::vector<LockEvent> events;
};

class Local : public TemporaryDirectory
{
protected:
	const std::string locks = path("locks");
};

TEST_F(Local, TheFirstHolderFindsZeros)
{
	Holder one(locks);
	ASSERT_TRUE(one.space->hold(name));
	EXPECT_FALSE(one.space->value(name));
	const auto event = one.next();
	EXPECT_EQ(event.kind, LockEventKind::Held);
	EXPECT_EQ(event.value, LockValue{});
	EXPECT_EQ(one.space->value(name), LockValue{});
	EXPECT_FALSE(one.space->next()) << "nothing is left to do";
}

TEST_F(Local, APublishedValueIsToldToTheOthers)
{
	Holder one(locks);
	Holder two(locks);
	ASSERT_TRUE(one.hold() && two.hold());
	EXPECT_EQ(one.publish(7), LockEventKind::Published);
	const auto event = two.next();
	EXPECT_EQ(event.kind, LockEventKind::Changed);
	EXPECT_EQ(event.value, (LockValue{filled(7), true}));
	EXPECT_FALSE(one.until([&] { return !one.events.empty(); }, milliseconds(100)))
		<< "its own value is no news to it";
}

TEST_F(Local, WhoComesLaterFindsTheValue)
{
	Holder one(locks);
	ASSERT_TRUE(one.hold());
	ASSERT_EQ(one.publish(7), LockEventKind::Published);
	Holder two(locks);
	ASSERT_TRUE(two.space->hold(name));
	EXPECT_EQ(two.next().value, (LockValue{filled(7), true}));
}

TEST_F(Local, AValueLivesAsLongAsSomebodyHoldsIt)
{
	auto one = std::make_unique<Holder>(locks);
	auto two = std::make_unique<Holder>(locks);
	ASSERT_TRUE(one->hold() && two->hold());
	ASSERT_EQ(one->publish(7), LockEventKind::Published);
	one.reset();
	Holder three(locks);
	ASSERT_TRUE(three.space->hold(name));
	EXPECT_EQ(three.next().value.bytes, filled(7));
	two.reset();
	three.space->release(name);
	Holder four(locks);
	ASSERT_TRUE(four.space->hold(name));
	EXPECT_EQ(four.next().value, LockValue{});
}

TEST_F(Local, NobodyWritesOverWhatItHasNotBeenTold)
{
	Holder one(locks);
	Holder two(locks);
	ASSERT_TRUE(one.hold() && two.hold());
	ASSERT_EQ(one.publish(7), LockEventKind::Published);
	ASSERT_TRUE(two.space->publish(name, filled(8), now() + seconds(5)));
	const auto event = two.next();
	EXPECT_EQ(event.kind, LockEventKind::Overtaken);
	EXPECT_EQ(event.value.bytes, filled(7));
	EXPECT_EQ(two.publish(8), LockEventKind::Published);
	EXPECT_EQ(one.next().value.bytes, filled(8));
}

TEST_F(Local, ManyPublishersComeToTheirEnd)
{
	constexpr unsigned count = 4;
	constexpr unsigned rounds = 50;
	std::vector<pid_t> children;
	Holder judge(locks);
	ASSERT_TRUE(judge.hold());
	for (unsigned i = 0; i < count; i++) {
		const pid_t child = ::fork();
		if (child == 0) {
			Holder own(locks);
			unsigned done = own.hold() ? 0 : rounds + 1;
			for (unsigned tries = 0; done < rounds && tries < 10000; tries++) {
				// Counts up from what it was told; every success is one more.
				auto bytes = own.space->value(name)->bytes;
				bytes[0] = static_cast<std::byte>(
					std::to_integer<unsigned>(bytes[0]) + 1);
				(void)own.space->publish(name, bytes, now() + seconds(10));
				own.events.clear();
				(void)own.until([&] {
					return std::any_of(own.events.begin(), own.events.end(),
							   [](const LockEvent &event) {
								   return event.kind !=
									  LockEventKind::Changed;
							   });
				});
				for (const auto &event : own.events)
					done += event.kind == LockEventKind::Published;
			}
			::_exit(done == rounds ? 0 : 1);
		}
		children.push_back(child);
	}
	for (const pid_t child : children) {
		int status = -1;
		ASSERT_EQ(::waitpid(child, &status, 0), child);
		EXPECT_EQ(status, 0);
	}
	const auto all = static_cast<std::byte>(count * rounds);
	EXPECT_TRUE(judge.until([&] { return judge.space->value(name)->bytes[0] == all; }))
		<< "an update was lost";
}

/// The writes of one publish(): the state, the value, the state.
class KilledWriter : public Local, public testing::WithParamInterface<unsigned>
{
};

TEST_P(KilledWriter, LeavesTheOldValueOrOneThatIsNotValid)
{
	Holder other(locks);
	ASSERT_TRUE(other.hold());
	ASSERT_EQ(other.publish(1), LockEventKind::Published);
	ASSERT_TRUE(kill_before_call(SYS_pwrite64, GetParam(), [&] {
		Holder writer(locks);
		if (writer.hold())
			(void)writer.publish(2);
	}));
	if (GetParam() == 1) {
		EXPECT_FALSE(other.until([&] { return !other.events.empty(); }, milliseconds(200)));
		EXPECT_EQ(other.space->value(name), (LockValue{filled(1), true}));
	} else {
		const auto event = other.next();
		EXPECT_EQ(event.kind, LockEventKind::Changed);
		EXPECT_FALSE(event.value.valid);
	}
	Holder late(locks);
	ASSERT_TRUE(late.hold());
	EXPECT_EQ(late.space->value(name)->valid, GetParam() == 1);

	EXPECT_EQ(other.publish(3), LockEventKind::Published);
	EXPECT_EQ(late.next().value, (LockValue{filled(3), true}));
}

INSTANTIATE_TEST_SUITE_P(BeforeEachWrite, KilledWriter, testing::Values(1U, 2U, 3U));

TEST_F(Local, NoKilledWriterLeavesHalfAValue)
{
	Holder other(locks);
	ASSERT_TRUE(other.hold());
	for (unsigned round = 0; round < 100; round++) {
		const pid_t child = ::fork();
		if (child == 0) {
			Holder writer(locks);
			for (std::uint8_t with = 1; writer.hold() || with != 0; with++)
				(void)writer.publish(with);
			::_exit(1);
		}
		std::this_thread::sleep_for(std::chrono::microseconds(1000 + 137 * round));
		::kill(child, SIGKILL);
		::waitpid(child, nullptr, 0);
		Holder reader(locks);
		ASSERT_TRUE(reader.hold());
		const auto value = *reader.space->value(name);
		if (value.valid) {
			EXPECT_EQ(value.bytes,
				  filled(std::to_integer<std::uint8_t>(value.bytes[0])));
		}
	}
}

TEST_F(Local, AStoppedWriterDelaysOnlyWhatItWrites)
{
	Holder other(locks);
	ASSERT_TRUE(other.hold());
	// Somebody has the value's byte, and does nothing.
	const UniqueFd file(::open((locks + "/" + name).c_str(), O_RDWR | O_CLOEXEC));
	struct flock lock {
	};
	lock.l_type = F_WRLCK;
	lock.l_start = 1;
	lock.l_len = 1;
	ASSERT_EQ(::fcntl(file.get(), F_OFD_SETLK, &lock), 0);
	ASSERT_TRUE(other.space->publish(name, filled(1), now() + milliseconds(100)));
	const auto event = other.next();
	ASSERT_EQ(event.kind, LockEventKind::Failed);
	ASSERT_TRUE(event.error);
	EXPECT_EQ(event.error->code, std::errc::timed_out);
	EXPECT_EQ(event.error->context, "publish 'swbus$17$B': somebody keeps its value locked");
	EXPECT_EQ(other.space->value(name), LockValue{});
	lock.l_type = F_UNLCK;
	ASSERT_EQ(::fcntl(file.get(), F_OFD_SETLK, &lock), 0);
	EXPECT_EQ(other.publish(1), LockEventKind::Published);
}

TEST_F(Local, SaysWhatCannotBeBegun)
{
	Holder one(locks);
	for (const std::string wrong : {"", ".", "..", "a/b", "a b", "\xff"})
		EXPECT_EQ(one.space->hold(wrong).error().code, std::errc::invalid_argument)
			<< wrong;
	EXPECT_FALSE(one.space->hold(std::string(65, 'a')));
	EXPECT_TRUE(one.space->hold(std::string(64, 'a')));
	EXPECT_EQ(one.space->publish(name, filled(1), now()).error().context,
		  "lock 'swbus$17$B' is not held");
	ASSERT_TRUE(one.space->hold(name));
	EXPECT_FALSE(one.space->publish(name, filled(1), now())) << "not granted yet";
	ASSERT_TRUE(one.until([&] { return one.space->value(name).has_value(); }));
	ASSERT_TRUE(one.space->publish(name, filled(1), now() + seconds(1)));
	EXPECT_EQ(one.space->publish(name, filled(1), now()).error().code,
		  std::errc::device_or_resource_busy);
	one.space->release("no such name");
	EXPECT_FALSE(LocalLockSpace::open("/proc/none"));
}

// A pipe under the name of a lock can be opened and locked, and not emptied.
TEST_F(Local, WhatKeepsFailingIsTriedEverMoreSeldom)
{
	Holder holder(path("locks"));
	ASSERT_EQ(::mkfifo(path("locks/" + name).c_str(), 0600), 0);
	ASSERT_TRUE(holder.space->hold(name));
	std::size_t failures = 0;
	const Instant begin{seconds(100)};
	for (auto at = begin; at < begin + seconds(60);) {
		const auto told = holder.space->step(at);
		ASSERT_TRUE(told);
		ASSERT_EQ(told->size(), 1U);
		ASSERT_EQ(told->front().kind, LockEventKind::Failed);
		failures++;
		ASSERT_TRUE(holder.space->next());
		ASSERT_GT(*holder.space->next(), at);
		at = *holder.space->next();
	}
	EXPECT_GT(failures, 10U);
	EXPECT_LT(failures, 25U);
}

TEST_F(Local, TheFilesAreForRootAlone)
{
	Holder one(locks);
	ASSERT_TRUE(one.hold());
	struct stat about {
	};
	ASSERT_EQ(::stat(locks.c_str(), &about), 0);
	EXPECT_EQ(about.st_mode & 0777, 0700U);
	ASSERT_EQ(::stat((locks + "/" + name).c_str(), &about), 0);
	EXPECT_EQ(about.st_mode & 0077, 0U);
}

} // namespace
} // namespace swpath
