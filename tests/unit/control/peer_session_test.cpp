// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/peer_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libpath/control/peer_replays.h"
#include "tests/unit/control/peer_messages.h"
#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using Kind = PeerEvent::Kind;
using Side = PeerSession::Side;
using test::at_ms;
using test::at_s;
using test::peer_hello;
using testing::HasSubstr;

class Peers : public testing::Test
{
protected:
	PeerSession asks_{Side::Asks, peer_hello("alpha"), {}, at_s(0)};
	PeerSession answers_{Side::Answers, peer_hello("beta"), {}, at_s(0)};

	static std::string taken(PeerSession &from) { return std::exchange(from.output(), {}); }
	std::vector<PeerEvent> feed(PeerSession &to, const std::string &bytes, Instant now)
	{
		auto events = to.feed(bytes, now);
		EXPECT_TRUE(events) << events.error().message();
		return events ? *events : std::vector<PeerEvent>();
	}
	void greet()
	{
		(void)feed(answers_, taken(asks_), at_s(0));
		(void)feed(asks_, taken(answers_), at_s(0));
		ASSERT_TRUE(asks_.hello());
		ASSERT_TRUE(answers_.hello());
	}
	static std::uint64_t clock_at(Instant at)
	{
		return static_cast<std::uint64_t>(at.time_since_epoch().count());
	}
	static PeerRequest request(std::uint64_t id, std::uint32_t deadline_ms = 1000)
	{
		PeerRequest one;
		one.verb = PeerVerb::LuReset;
		one.id = id;
		one.clock = clock_at(at_s(0));
		one.deadline_ms = deadline_ms;
		one.wwid = "naa.6";
		return one;
	}
	static PeerAnswer answer(std::uint64_t id)
	{
		PeerAnswer one;
		one.verb = PeerVerb::LuReset;
		one.id = id;
		return one;
	}
};

TEST_F(Peers, SayWhoTheyAreFirst)
{
	EXPECT_FALSE(asks_.ask(request(1), at_s(0)));
	greet();
	EXPECT_EQ(asks_.hello()->name, "beta");
	EXPECT_EQ(answers_.hello()->name, "alpha");
}

TEST_F(Peers, ARequestIsAnsweredByteByByte)
{
	greet();
	ASSERT_TRUE(asks_.ask(request(1), at_s(0)));
	std::vector<PeerEvent> events;
	for (const char c : taken(asks_))
		for (auto &event : feed(answers_, std::string(1, c), at_s(0)))
			events.push_back(std::move(event));
	ASSERT_EQ(events.size(), 1U);
	EXPECT_EQ(events[0].kind, Kind::Request);
	EXPECT_EQ(events[0].request, request(1));
	answers_.answer(answer(1), at_ms(10));
	events = feed(asks_, taken(answers_), at_ms(20));
	ASSERT_EQ(events.size(), 1U);
	EXPECT_EQ(events[0].kind, Kind::Answer);
	EXPECT_FALSE(asks_.deadline());
}

TEST_F(Peers, AnAnswerThatDoesNotComeExpiresAndIsThenIgnored)
{
	greet();
	ASSERT_TRUE(asks_.ask(request(1), at_s(0)));
	EXPECT_EQ(asks_.deadline(), at_s(1));
	const auto events = asks_.tick(at_s(1));
	ASSERT_TRUE(events);
	ASSERT_EQ(events->size(), 1U);
	EXPECT_EQ((*events)[0].kind, Kind::Expired);
	EXPECT_EQ((*events)[0].request.id, 1U);
	EXPECT_TRUE(feed(asks_, encode(answer(1)), at_s(2)).empty());
}

TEST_F(Peers, AWorkerThatHangsIsAnsweredForInTime)
{
	greet();
	ASSERT_TRUE(asks_.ask(request(1), at_s(0)));
	(void)feed(answers_, taken(asks_), at_s(0));
	ASSERT_TRUE(answers_.tick(at_s(1)));
	const auto frame = decode_peer_frame(answers_.output());
	ASSERT_TRUE(frame && *frame && (*frame)->answer);
	EXPECT_EQ((*frame)->answer->status, PeerStatus::Timeout);
	(void)taken(answers_);
	answers_.answer(answer(1), at_s(2));
	EXPECT_TRUE(answers_.output().empty());
}

TEST_F(Peers, ARequestThatWasOnItsWayForTooLongIsNotDone)
{
	greet();
	ASSERT_TRUE(asks_.ask(request(1), at_s(1)));
	EXPECT_TRUE(feed(answers_, taken(asks_), at_s(2)).empty());
	const auto frame = decode_peer_frame(answers_.output());
	ASSERT_TRUE(frame && *frame && (*frame)->answer);
	EXPECT_EQ((*frame)->answer->status, PeerStatus::Timeout);
	EXPECT_EQ((*frame)->answer->id, 1U);
}

TEST_F(Peers, TheWayIsTakenOffTheDeadline)
{
	greet();
	ASSERT_TRUE(asks_.ask(request(1), at_s(1)));
	const auto events = feed(answers_, taken(asks_), at_ms(1400));
	ASSERT_EQ(events.size(), 1U);
	EXPECT_EQ(events[0].request.deadline_ms, 600U);
	EXPECT_EQ(answers_.deadline(), at_s(2));
}

TEST_F(Peers, AClockIsTakenFromTheNewestAnswer)
{
	// The asked host has been up for an hour longer, and its clock is slower.
	constexpr auto hour = std::chrono::hours(1);
	(void)feed(answers_, taken(asks_), at_s(0) + hour);
	(void)feed(asks_, taken(answers_), at_s(0));
	ASSERT_TRUE(asks_.ask(request(1), at_s(100)));
	ASSERT_EQ(feed(answers_, taken(asks_), at_s(99) + hour).size(), 1U);
	answers_.answer(answer(1), at_s(99) + hour);
	ASSERT_EQ(feed(asks_, taken(answers_), at_s(100)).size(), 1U);
	ASSERT_TRUE(asks_.ask(request(2), at_s(200)));
	// Sent at 199 s of its own.
	EXPECT_TRUE(feed(answers_, taken(asks_), at_s(200) + hour).empty());
}

TEST_F(Peers, NobodyIsBelievedThatARequestComesFromTheFuture)
{
	greet();
	auto one = request(1);
	one.clock = ~std::uint64_t{0};
	ASSERT_EQ(feed(answers_, encode(one), at_s(0)).size(), 1U);
	EXPECT_EQ(answers_.deadline(), at_s(1));
}

TEST_F(Peers, ARepeatedIdIsNotDoneTwice)
{
	greet();
	const auto bytes = encode(request(1));
	EXPECT_EQ(feed(answers_, bytes, at_s(0)).size(), 1U);
	EXPECT_TRUE(feed(answers_, bytes, at_s(0)).empty());

	PeerReplays replays;
	using Verdict = PeerReplays::Verdict;
	const auto client = peer_hello("alpha");
	EXPECT_EQ(replays.begin(client, request(1)), Verdict::New);
	EXPECT_EQ(replays.begin(client, request(1)), Verdict::Running);
	replays.done(client, answer(1));
	EXPECT_EQ(replays.begin(client, request(1)), Verdict::Done);
	EXPECT_EQ(replays.answer(client, 1), answer(1));
	auto other = request(1);
	other.epoch++;
	EXPECT_EQ(replays.begin(client, other), Verdict::Other);
	auto restarted = client;
	restarted.incarnation++;
	EXPECT_EQ(replays.begin(restarted, request(1)), Verdict::New);
	for (std::uint64_t id = 10; id < 1000; id++)
		EXPECT_EQ(replays.begin(client, request(id)), Verdict::New);
	EXPECT_EQ(replays.begin(client, request(1)), Verdict::New) << "forgotten, for room";
}

TEST_F(Peers, VersionsThatHaveNothingInCommonPart)
{
	auto old = peer_hello("old");
	old.version_min = old.version_max = 0;
	PeerSession asks(Side::Asks, old, {}, at_s(0));
	auto result = answers_.feed(taken(asks), at_s(0));
	ASSERT_FALSE(result);
	EXPECT_EQ(result.error().code, std::errc::protocol_not_supported);
	EXPECT_THAT(result.error().message(), HasSubstr("'old' speaks versions 0 to 0"));
	// The other side is told which versions there are.
	EXPECT_FALSE(asks.feed(taken(answers_), at_s(0)));
}

TEST_F(Peers, WhatHasNoPlaceEndsTheConversation)
{
	EXPECT_EQ(PeerSession(answers_).feed(encode(request(1)), at_s(0)).error().code,
		  std::errc::protocol_error);
	EXPECT_EQ(PeerSession(asks_).feed(encode(answer(1)), at_s(0)).error().code,
		  std::errc::protocol_error);
	greet();
	EXPECT_FALSE(PeerSession(answers_).feed(encode(answer(1)), at_s(0)));
	EXPECT_FALSE(PeerSession(asks_).feed(encode(request(1)), at_s(0)));
	EXPECT_FALSE(PeerSession(answers_).feed("garbage", at_s(0)));
	PeerRequest again;
	again.verb = PeerVerb::Hello;
	EXPECT_THAT(PeerSession(answers_).feed(encode(again), at_s(0)).error().message(),
		    HasSubstr("a second hello"));
	auto wrong = answer(1);
	wrong.verb = PeerVerb::Status;
	ASSERT_TRUE(asks_.ask(request(1), at_s(0)));
	EXPECT_THAT(asks_.feed(encode(wrong), at_s(0)).error().message(),
		    HasSubstr("'lu-reset' is answered as 'status'"));
}

TEST_F(Peers, ASlowClientIsNotWaitedForWithoutEnd)
{
	EXPECT_TRUE(answers_.tick(at_ms(4999)));
	EXPECT_EQ(answers_.tick(at_s(5)).error().code, std::errc::timed_out);
	greet();
	const auto bytes = encode(request(1));
	for (int i = 0; i < 4; i++)
		(void)feed(answers_, bytes.substr(static_cast<std::size_t>(i), 1), at_s(10 + i));
	EXPECT_EQ(answers_.deadline(), at_s(15));
	EXPECT_THAT(answers_.tick(at_s(15)).error().message(), HasSubstr("does not end"));
}

TEST_F(Peers, AFloodOfRequestsEndsTheConversation)
{
	greet();
	Result<std::vector<PeerEvent>> result;
	for (std::uint64_t id = 1; id <= 65 && result; id++)
		result = answers_.feed(encode(request(id)), at_s(0));
	ASSERT_FALSE(result);
	EXPECT_EQ(result.error().code, std::errc::no_buffer_space);
}

TEST_F(Peers, WhoeverReadsNoAnswersAsksNoMore)
{
	greet();
	constexpr std::size_t enough = 2U << 20;
	std::size_t sent = 0;
	for (std::uint64_t id = 1; sent < enough; id++) {
		const auto bytes = encode(request(id));
		sent += bytes.size();
		const auto events = answers_.feed(bytes, at_s(1));
		if (!events) {
			EXPECT_EQ(events.error().code.value(), ENOBUFS);
			EXPECT_THAT(events.error().message(), HasSubstr("not read"));
			EXPECT_LE(answers_.output().size(), (1U << 20) + 1024U);
			return;
		}
		auto long_answer = answer(id);
		long_answer.text = std::string(512, 'x');
		answers_.answer(long_answer, at_s(1));
	}
	ADD_FAILURE() << answers_.output().size() << " bytes are kept";
}

} // namespace
} // namespace swpath
