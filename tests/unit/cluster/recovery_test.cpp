// SPDX-License-Identifier: GPL-2.0-or-later
/// What went wrong in the synchronization engines of openais and corosync over the years has a test
/// each; see docs/protocol.md.
#include "libpath/cluster/recovery.h"

#include <gmock/gmock.h>

#include "recovery_lab.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using test::RecoveryLab;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

bool complete(const RecoveryLab &lab)
{
	return std::all_of(lab.nodes.begin(), lab.nodes.end(), [&](const auto &each) {
		return each->self.host == lab.silent ||
		       each->recovery->phase() == RecoveryPhase::Complete;
	});
}

TEST(Recovery, ServicesRecoverOneAfterTheOtherAndAreAllInitialisedFirst)
{
	RecoveryLab lab;
	lab.add("a");
	lab.add("b");
	lab.change(lab.all(1));
	lab.settle();
	ASSERT_TRUE(complete(lab));
	for (const auto &each : lab.nodes)
		EXPECT_THAT(each->log, ElementsAre("1 init", "2 init", "1 process", "1 activate",
						   "2 process", "2 activate"));
	const auto &a = *lab.nodes[0], &b = *lab.nodes[1];
	EXPECT_EQ(a.services[0]->state, b.services[0]->state);
	EXPECT_EQ(a.services[1]->state.at(b.self), "b2");
}

TEST(Recovery, OrderOfConstructionDoesNotCount)
{
	RecoveryLab lab;
	lab.add("a", {2, 1});
	lab.add("b", {1, 2});
	lab.change(lab.all(1));
	lab.settle();
	EXPECT_EQ(lab.nodes[0]->log, lab.nodes[1]->log);
}

TEST(Recovery, InitIsToldOfRingMembersAndThoseThatCameAlong)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	auto &b = lab.add("b");
	lab.change(lab.all(1));
	lab.settle();
	auto &c = lab.add("c");
	lab.change(lab.all(2));
	lab.settle();
	ASSERT_TRUE(complete(lab));
	const auto &round = a.services[0]->round;
	EXPECT_EQ(round.tag.ring, (RingId{"a", 2}));
	EXPECT_THAT(round.members, ElementsAre(a.self, b.self, c.self));
	EXPECT_THAT(round.transitional, ElementsAre(a.self, b.self));
	EXPECT_THAT(c.services[0]->round.transitional, ElementsAre(c.self));
	EXPECT_EQ(c.services[0]->round.tag, round.tag);
}

TEST(Recovery, WhatIsNewBetweenRoundsComesToThoseOfTheLastOne)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	auto &b = lab.add("b");
	b.services[1]->news = {"+"};
	lab.pass(1ms);
	lab.change(lab.all(1));
	EXPECT_THAT(b.services[1]->news, ElementsAre("+")); // not before the round is over
	lab.settle();
	ASSERT_TRUE(complete(lab));
	EXPECT_EQ(a.services[1]->state.at(b.self), "b2");
	lab.pass(1ms);
	lab.settle();
	EXPECT_EQ(a.services[1]->state.at(b.self), "b2+");
	EXPECT_EQ(a.services[0]->state.at(b.self), "b1");
}

// The one that speaks is complete; the one that hears has activated all, and waits for a third.
TEST(Recovery, NewsAreHeardByOneThatDoesNotKnowYetThatAllAreThere)
{
	RecoveryLab lab;
	auto &a = lab.add("a", {1});
	auto &b = lab.add("b", {1});
	lab.change(lab.all(1));
	const auto is_complete = [](const auto &node) {
		return node.recovery->phase() == RecoveryPhase::Complete;
	};
	while (!is_complete(a) && !is_complete(b) && lab.deliver())
		;
	auto &first = is_complete(a) ? a : b;
	auto &second = is_complete(a) ? b : a;
	ASSERT_TRUE(is_complete(first));
	ASSERT_EQ(second.recovery->phase(), RecoveryPhase::Activated);
	first.services[0]->news = {"+"};
	for (const auto &frame : first.recovery->tick(lab.now).send)
		(void)second.recovery->take(first.self, frame.bytes, lab.now);
	EXPECT_EQ(second.services[0]->state.at(first.self), first.self.host + "1+");
}

TEST(Recovery, NewsOfAnEarlierRoundArePassedOver)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	auto &b = lab.add("b");
	lab.change(lab.all(1));
	lab.settle();
	b.services[0]->news = {"+"};
	const auto late = b.recovery->tick(lab.now);
	ASSERT_EQ(late.send.size(), 1U);
	lab.change(lab.all(2));
	lab.settle();
	(void)a.recovery->take(b.self, late.send.front().bytes, lab.now);
	EXPECT_EQ(a.services[0]->state.at(b.self), "b1");
}

// openais 2005: each activated as soon as it was done itself.
TEST(Recovery, NothingIsActivatedBeforeAllAreAtTheBarrier)
{
	RecoveryLab lab;
	lab.add("a", {1});
	lab.add("b", {1});
	lab.change(lab.all(1));
	while (lab.deliver()) {
		bool processed = true, activated = false;
		for (const auto &each : lab.nodes) {
			processed &= each->log.size() >= 2;
			activated |= each->log.size() >= 3;
		}
		EXPECT_TRUE(processed || !activated);
	}
	EXPECT_TRUE(complete(lab));
}

// openais 2005: sync_abort was there and never called; corosync before 2026-07: not in the barrier.
TEST(Recovery, AbortComesInEveryPhaseAndLeavesNothing)
{
	std::set<RecoveryPhase> seen;
	for (unsigned letters = 0; letters < 60; letters++) {
		RecoveryLab lab;
		auto &a = lab.add("a");
		lab.add("b");
		lab.add("c");
		lab.change(lab.all(1));
		lab.settle(letters);
		const auto phase = a.recovery->phase();
		seen.insert(phase);
		const bool begun =
			phase != RecoveryPhase::Exchange && phase != RecoveryPhase::Complete;
		a.log.clear();
		// c is gone: b and a go on, a hears of it first.
		auto rest = lab.all(2);
		rest.members.pop_back();
		lab.did(a, a.recovery->change(rest, lab.now));
		if (begun)
			EXPECT_THAT(a.log, ElementsAre("1 abort", "2 abort")) << letters;
		else
			EXPECT_THAT(a.log, IsEmpty()) << letters;
		EXPECT_EQ(a.recovery->phase(), RecoveryPhase::Exchange);
		for (const auto &service : a.services)
			EXPECT_THAT(service->gathered, IsEmpty());
		lab.letters.clear();
		lab.change(rest);
		lab.silent = "c";
		lab.live(1s);
		EXPECT_TRUE(complete(lab)) << letters;
		EXPECT_EQ(a.services[1]->state, lab.nodes[1]->services[1]->state);
		EXPECT_EQ(a.services[1]->state.size(), 2U);
	}
	EXPECT_TRUE(seen.contains(RecoveryPhase::Exchange));
	EXPECT_TRUE(seen.contains(RecoveryPhase::Barrier));
	EXPECT_TRUE(seen.contains(RecoveryPhase::Activated));
	EXPECT_TRUE(seen.contains(RecoveryPhase::Complete));
}

TEST(Recovery, AHostThatIsNoMemberAnyMoreStops)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	lab.add("b");
	lab.change(lab.all(1));
	lab.settle(3);
	lab.did(a, a.recovery->change({}, lab.now));
	EXPECT_EQ(a.recovery->phase(), RecoveryPhase::Alone);
	EXPECT_FALSE(a.recovery->status().tag.valid());
}

// openais 2005: the ring's id was kept by a pointer, so that an old message had the new id.
TEST(Recovery, MessagesOfAnotherRingAreRefused)
{
	RecoveryLab lab;
	auto &a = lab.add("a", {1});
	auto &b = lab.add("b", {1});
	lab.change(lab.all(1));
	lab.settle(4);
	const auto old = lab.letters;
	lab.letters.clear();
	lab.change(lab.all(2));
	const auto tag = a.recovery->status().tag;
	lab.settle();
	ASSERT_TRUE(complete(lab));
	const auto state = a.services[0]->state;
	for (const auto &letter : old)
		lab.did(lab.node(letter.to),
			lab.node(letter.to).recovery->take(letter.from, letter.bytes, lab.now));
	lab.settle();
	EXPECT_EQ(a.recovery->status().refused + b.recovery->status().refused, old.size());
	EXPECT_GT(old.size(), 0U);
	EXPECT_EQ(a.services[0]->state, state);
	EXPECT_EQ(a.recovery->status().tag, tag);
}

TEST(Recovery, MessagesOfAnEarlierAttemptInTheSameRingAreRefused)
{
	RecoveryLab lab;
	auto &a = lab.add("a", {1});
	auto &b = lab.add("b", {1});
	lab.change(lab.all(1));
	lab.settle();
	const auto first = a.recovery->status().tag;
	lab.add("c", {1});
	lab.change(lab.all(1)); // a process joined, the ring is the same
	lab.settle();
	EXPECT_TRUE(complete(lab));
	EXPECT_GT(a.recovery->status().tag.epoch, first.epoch);
	const auto refused = a.recovery->status().refused;
	EXPECT_THAT(a.recovery->take(b.self, encode({first, SyncStep{1, 1}}), lab.now).send,
		    IsEmpty());
	EXPECT_EQ(a.recovery->status().refused, refused + 1);
}

TEST(Recovery, OneThatIsNoMemberIsRefused)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	lab.change(lab.all(1));
	ASSERT_TRUE(complete(lab));
	const SyncExchange exchange{{a.self, {"x", 1}}, {}, {}, true};
	EXPECT_THAT(a.recovery->take({"x", 1}, encode({{{"a", 1}, 9}, exchange}), lab.now).send,
		    IsEmpty());
	EXPECT_EQ(a.recovery->phase(), RecoveryPhase::Complete);
	EXPECT_EQ(a.recovery->status().refused, 1U);
}

TEST(Recovery, AServiceThatIsNotKnownIsPassedOver)
{
	RecoveryLab lab;
	auto &a = lab.add("a", {1, 3});
	auto &b = lab.add("b", {2});
	lab.change(lab.all(1));
	lab.settle();
	ASSERT_TRUE(complete(lab));
	EXPECT_EQ(a.services[0]->state.size(), 1U);
	EXPECT_THAT(b.log, ElementsAre("2 init", "2 process", "2 activate"));
}

TEST(Recovery, WithoutServicesMembersComeTogetherAllTheSame)
{
	RecoveryLab lab;
	lab.add("a", {});
	lab.add("b", {});
	lab.change(lab.all(1));
	lab.settle();
	EXPECT_TRUE(complete(lab));
}

TEST(Recovery, TheSameChangeTwiceIsOneRound)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	lab.change(lab.all(1));
	const auto log = a.log;
	lab.change(lab.all(1));
	EXPECT_EQ(a.log, log);
}

// corosync: a member that is listed and dead kept the barrier up on every node, until a watchdog
// fenced them.
TEST(Recovery, AMemberThatIsSilentIsLeftOutWhenTheTimeIsOver)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	lab.add("b");
	lab.add("ghost");
	lab.silent = "ghost";
	lab.change(lab.all(1));
	lab.live(4s);
	EXPECT_FALSE(complete(lab));
	EXPECT_THAT(a.recovery->status().waiting_for, ElementsAre(Member{"ghost", 1}));
	lab.live(2s);
	EXPECT_TRUE(complete(lab));
	EXPECT_THAT(lab.left_out, ::testing::Contains("ghost"));
	EXPECT_EQ(a.recovery->status().members.size(), 2U);
	EXPECT_GE(a.recovery->status().ghosts, 1U);
	// All attempts are in it.
	EXPECT_GE(a.recovery->status().took, 5s);
	EXPECT_LE(a.recovery->status().took, 6s);
}

TEST(Recovery, SaysHowLongItTook)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	lab.add("b");
	lab.change(lab.all(1));
	lab.now += 30ms;
	lab.change(lab.all(2));
	EXPECT_EQ(a.recovery->status().took, 0s);
	lab.now += 40ms;
	lab.settle();
	ASSERT_TRUE(complete(lab));
	EXPECT_EQ(a.recovery->status().took, 70ms);
	// What was before the next change is no part of the next one.
	lab.now += 1h;
	lab.change(lab.all(3));
	lab.now += 5ms;
	lab.settle();
	ASSERT_TRUE(complete(lab));
	EXPECT_EQ(a.recovery->status().took, 5ms);
}

TEST(Recovery, AMemberThatFallsSilentInTheBarrierIsLeftOut)
{
	for (unsigned letters = 4; letters < 30; letters++) {
		RecoveryLab lab;
		lab.add("a");
		lab.add("b");
		lab.add("c");
		lab.change(lab.all(1));
		lab.settle(letters);
		lab.silent = "c";
		lab.live(12s);
		EXPECT_TRUE(complete(lab)) << letters;
	}
}

TEST(Recovery, AGhostOfAHostThatTheEngineDoesNotHaveIsNotWaitedFor)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	auto &b = lab.add("b");
	lab.add("ghost");
	lab.silent = "ghost";
	auto membership = lab.all(1);
	membership.hosts.pop_back();
	lab.change(membership);
	lab.settle();
	EXPECT_TRUE(complete(lab));
	EXPECT_THAT(a.recovery->status().members, ElementsAre(a.self, b.self));
}

TEST(Recovery, OneThatWasLeftOutTakesPartAgainWhenItSpeaks)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	lab.add("b");
	lab.add("c");
	lab.silent = "c";
	lab.change(lab.all(1));
	lab.live(6s);
	ASSERT_TRUE(complete(lab));
	lab.silent.clear();
	lab.live(1s);
	EXPECT_TRUE(complete(lab));
	EXPECT_EQ(a.recovery->status().members.size(), 3U);
	EXPECT_EQ(a.services[0]->state, lab.nodes[2]->services[0]->state);
}

TEST(Recovery, WhatIsLostIsAskedForAgain)
{
	for (unsigned lost = 0; lost < 30; lost++) {
		RecoveryLab lab;
		lab.add("a");
		lab.add("b");
		lab.change(lab.all(1));
		lab.settle(lost);
		if (!lab.letters.empty())
			lab.letters.pop_front();
		lab.live(1s);
		EXPECT_TRUE(complete(lab)) << lost;
		EXPECT_THAT(lab.left_out, IsEmpty());
		EXPECT_EQ(lab.nodes[0]->services[1]->state, lab.nodes[1]->services[1]->state);
	}
}

TEST(Recovery, AMemberThatHeardOfTheRingBeforeUsIsNotMissed)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	auto &b = lab.add("b");
	lab.did(b, b.recovery->change(lab.all(1), lab.now));
	lab.settle();
	EXPECT_EQ(a.recovery->status().refused, 1U);
	lab.did(a, a.recovery->change(lab.all(1), lab.now));
	lab.live(1s);
	EXPECT_TRUE(complete(lab));
}

TEST(Recovery, WhatIsNoFrameChangesNothing)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	auto &b = lab.add("b");
	lab.change(lab.all(1));
	EXPECT_THAT(a.recovery->take(b.self, "SWPS", lab.now).send, IsEmpty());
	EXPECT_EQ(a.recovery->status().refused, 1U);
	lab.settle();
	EXPECT_TRUE(complete(lab));
}

// The host's next attempt would have an epoch that nobody takes.
TEST(Recovery, AnEpochThatIsFarAheadIsNotBelieved)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	auto &b = lab.add("b");
	lab.change(lab.all(1));
	for (const auto epoch : {sync_epoch_max, sync_epoch_leap_max * 2}) {
		const SyncExchange said{{a.self, b.self}, {}, {}, false};
		(void)a.recovery->take(b.self, encode({{{"a", 1}, epoch}, said}), lab.now);
		EXPECT_LT(a.recovery->status().tag.epoch, sync_epoch_leap_max);
	}
	EXPECT_EQ(a.recovery->status().refused, 2U);
	lab.settle();
	EXPECT_TRUE(complete(lab));
}

// By its own word it is in no round: it is not taken for a member of ours.
TEST(Recovery, AMembershipThatItsSenderIsNotInIsRefused)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	auto &ghost = lab.add("ghost");
	lab.silent = "ghost";
	lab.change(lab.all(1));
	lab.live(20s);
	ASSERT_TRUE(complete(lab));
	const auto status = a.recovery->status();
	ASSERT_THAT(status.members, ElementsAre(a.self));
	(void)a.recovery->take(ghost.self,
			       encode({status.tag, SyncExchange{{a.self}, {}, {}, true}}), lab.now);
	EXPECT_EQ(a.recovery->status().refused, status.refused + 1);
	EXPECT_EQ(a.recovery->phase(), RecoveryPhase::Complete);
}

// A loop that calls tick() at deadline() must not spin.
TEST(Recovery, DeadlineIsAheadAfterEachTick)
{
	RecoveryLab lab;
	auto &a = lab.add("a");
	lab.add("b");
	lab.silent = "b";
	lab.change(lab.all(1));
	for (unsigned i = 0; i < 100 && a.recovery->deadline(); i++) {
		lab.now = *a.recovery->deadline();
		lab.did(a, a.recovery->tick(lab.now));
		const auto next = a.recovery->deadline();
		EXPECT_TRUE(!next || *next > lab.now);
	}
	EXPECT_EQ(a.recovery->phase(), RecoveryPhase::Complete);
}

} // namespace
} // namespace swpath
