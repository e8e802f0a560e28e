// SPDX-License-Identifier: GPL-2.0-or-later
/// Keepers of one name against a model of the manager: granted modes, conversions that are queued
/// or refused, blocking ASTs that come once for each mode granted, answers and requests that are
/// under way as long as they like, and holders that die.
#include "libpath/base/earlier.h"
#include "libpath/hints/lock_keeper.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <set>

#include <gtest/gtest.h>

#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using std::chrono::seconds;
using test::at_s;

LockBytes filled(std::uint8_t with)
{
	LockBytes bytes;
	bytes.fill(static_cast<std::byte>(with));
	return bytes;
}

bool compatible(LockMode one, LockMode other)
{
	if (one > other)
		std::swap(one, other);
	return one <= LockMode::Null || other <= LockMode::Shared;
}

struct Answer {
	bool blocking = false;
	int error = 0;
	LockValue value;
};

struct Node {
	explicit Node(std::uint32_t seed) : keeper(seed) {}
	LockKeeper keeper;
	// What the manager knows of it.
	LockMode mode = LockMode::None;
	std::optional<LockRequest> queued;
	bool told_blocking = false; ///< once for each grant
	// On their ways.
	std::deque<LockRequest> requests;
	std::deque<Answer> answers;
	// What its user knows.
	std::optional<LockValue> told;
	unsigned open = 0; ///< publishes that are not over
	unsigned ended = 0;
	bool alive = true;
};

struct World {
	explicit World(unsigned count, std::uint32_t seed = 1)
	{
		for (unsigned i = 0; i < count; i++)
			nodes.emplace_back(seed + i);
		for (auto &node : nodes)
			hear(node, node.keeper.step(at));
	}

	std::vector<Node> nodes;
	LockValue value;
	std::set<std::uint8_t> offered{0};
	Instant at = at_s(0);

	void hear(Node &node, const LockKeeperStep &step)
	{
		if (step.request) {
			EXPECT_TRUE(node.requests.empty() && !node.queued) << "two at once";
			node.requests.push_back(*step.request);
		}
		for (const auto &news : step.news) {
			if (news.kind == LockEventKind::Failed) {
				EXPECT_EQ(news.error, ETIMEDOUT);
			} else {
				node.told = news.value;
				if (news.value.valid) {
					EXPECT_TRUE(offered.contains(std::to_integer<std::uint8_t>(
						news.value.bytes[0])));
				}
			}
			if (news.kind != LockEventKind::Held &&
			    news.kind != LockEventKind::Changed) {
				EXPECT_GT(node.open, 0U);
				node.open--;
				node.ended++;
			}
		}
	}

	void publish(unsigned i, std::uint8_t with, Duration limit = seconds(30))
	{
		auto &node = nodes[i];
		if (!node.alive || !node.keeper.publish(filled(with), at + limit))
			return;
		offered.insert(with);
		node.open++;
		hear(node, node.keeper.step(at));
	}

	void grant(Node &node, const LockRequest &request)
	{
		if (request.write) {
			// The user had been told of what is written over.
			EXPECT_EQ(node.mode, LockMode::Exclusive);
			EXPECT_EQ(node.told, value);
			value = {*request.write, true};
		}
		node.mode = request.to;
		node.told_blocking = false;
		node.answers.push_back({false, 0, value});
		for (const auto &other : nodes)
			EXPECT_TRUE(&other == &node || compatible(other.mode, node.mode));
	}
	[[nodiscard]] bool grantable(const Node &node, LockMode to) const
	{
		return std::all_of(nodes.begin(), nodes.end(), [&](const Node &other) {
			return &other == &node || compatible(other.mode, to);
		});
	}
	void grant_queued()
	{
		for (auto &node : nodes) {
			if (!node.queued || !grantable(node, node.queued->to))
				continue;
			const auto request = *node.queued;
			node.queued.reset();
			grant(node, request);
		}
	}
	void tell_those_in_the_way(const Node &node, LockMode to)
	{
		for (auto &other : nodes) {
			if (&other == &node || compatible(other.mode, to) || other.told_blocking)
				continue;
			other.told_blocking = true;
			other.answers.push_back({true, 0, {}});
		}
	}

	// What can happen; false: not now.
	bool request_arrives(Node &node)
	{
		if (node.requests.empty())
			return false;
		const auto request = node.requests.front();
		node.requests.pop_front();
		EXPECT_EQ(request.from, node.mode);
		if (grantable(node, request.to)) {
			grant(node, request);
			grant_queued();
			return true;
		}
		if (request.no_queue)
			node.answers.push_back({false, EAGAIN, {}});
		else
			node.queued = request;
		tell_those_in_the_way(node, request.to);
		return true;
	}
	bool answer_arrives(Node &node)
	{
		if (node.answers.empty() || !node.alive)
			return false;
		const auto answer = node.answers.front();
		node.answers.pop_front();
		hear(node, answer.blocking ? node.keeper.blocked(at)
					   : node.keeper.completed(answer.error, answer.value, at));
		return true;
	}
	bool time_passes()
	{
		std::optional<Instant> soonest;
		for (const auto &node : nodes)
			if (node.alive)
				soonest = earlier(soonest, node.keeper.next());
		if (!soonest)
			return false;
		at = std::max(at, *soonest);
		for (auto &node : nodes)
			if (node.alive)
				hear(node, node.keeper.step(at));
		return true;
	}
	bool dies(Node &node)
	{
		if (!node.alive)
			return false;
		node.alive = false;
		node.requests.clear();
		node.answers.clear();
		node.queued.reset();
		if (node.mode == LockMode::Exclusive)
			value.valid = false;
		node.mode = LockMode::None;
		grant_queued();
		return true;
	}
	bool step(unsigned choice)
	{
		auto &node = nodes[choice / 2 % nodes.size()];
		if (choice / 2 < nodes.size())
			return choice % 2 == 0 ? request_arrives(node) : answer_arrives(node);
		return time_passes();
	}
	[[nodiscard]] unsigned choices() const
	{
		return 2 * static_cast<unsigned>(nodes.size()) + 1;
	}
	/// Everything that is under way arrives, until nothing is left to do.
	void settle()
	{
		for (unsigned round = 0; round < 2000; round++) {
			bool any = false;
			for (auto &node : nodes) {
				any |= request_arrives(node);
				any |= answer_arrives(node);
			}
			if (!any && !time_passes())
				return;
		}
		ADD_FAILURE() << "does not come to rest";
	}
	void expect_agreement() const
	{
		for (const auto &node : nodes) {
			if (!node.alive)
				continue;
			EXPECT_EQ(node.keeper.mode(), LockMode::Shared);
			EXPECT_EQ(node.open, 0U) << "a publish that never ended";
			ASSERT_TRUE(node.told);
			EXPECT_EQ(node.told->valid, value.valid);
			if (value.valid) {
				EXPECT_EQ(*node.told, value);
			}
		}
	}
};

TEST(LockKeeper, HoldsSharedAndAsksForNothingMore)
{
	World world(1);
	world.settle();
	EXPECT_EQ(world.nodes[0].told, LockValue{});
	EXPECT_EQ(world.nodes[0].keeper.mode(), LockMode::Shared);
	EXPECT_FALSE(world.nodes[0].keeper.next());
}

TEST(LockKeeper, APublisherGoesUpWithoutWaitingAndWritesOnTheWayDown)
{
	LockKeeper keeper(1);
	EXPECT_EQ(keeper.step(at_s(0)).request,
		  (LockRequest{LockMode::None, LockMode::Shared, false, {}}));
	(void)keeper.completed(0, {}, at_s(0));
	ASSERT_TRUE(keeper.publish(filled(1), at_s(9)));
	EXPECT_EQ(keeper.step(at_s(1)).request,
		  (LockRequest{LockMode::Shared, LockMode::Exclusive, true, {}}));
	EXPECT_FALSE(keeper.completed(EAGAIN, {}, at_s(1)).request) << "at once";
	const auto next = keeper.next();
	ASSERT_TRUE(next);
	EXPECT_GE(*next, at_s(1) + LockKeeper::retry_min);
	EXPECT_LE(*next, at_s(1) + LockKeeper::retry_max);
	EXPECT_TRUE(keeper.step(*next).request);
	EXPECT_EQ(keeper.completed(0, {}, *next).request,
		  (LockRequest{LockMode::Exclusive, LockMode::Shared, false, filled(1)}));
	const auto done = keeper.completed(0, {}, *next);
	EXPECT_EQ(done.news,
		  (std::vector<LockNews>{{LockEventKind::Published, {filled(1), true}, 0}}));
	EXPECT_FALSE(done.request);
}

TEST(LockKeeper, WhoIsInTheWayStepsBackAndReadsAgain)
{
	World world(2);
	world.settle();
	world.publish(0, 7);
	world.settle();
	EXPECT_EQ(world.nodes[1].told, (LockValue{filled(7), true}));
	world.expect_agreement();
}

TEST(LockKeeper, AnInvalidValueIsToldAsSuchAndCanBePublishedOver)
{
	World world(2);
	world.settle();
	world.publish(0, 7);
	// Dies as soon as it is Exclusive.
	for (unsigned i = 0; i < 100 && world.nodes[0].mode != LockMode::Exclusive; i++) {
		for (auto &node : world.nodes) {
			world.request_arrives(node);
			if (world.nodes[0].mode != LockMode::Exclusive)
				world.answer_arrives(node);
		}
		world.time_passes();
	}
	world.dies(world.nodes[0]);
	world.settle();
	ASSERT_TRUE(world.nodes[1].told);
	EXPECT_FALSE(world.nodes[1].told->valid);
	world.publish(1, 8);
	world.settle();
	EXPECT_EQ(world.value, (LockValue{filled(8), true}));
	world.expect_agreement();
}

TEST(LockKeeper, APublishThatCannotGetThroughEndsInTime)
{
	LockKeeper keeper(1);
	(void)keeper.step(at_s(0));
	(void)keeper.completed(0, {}, at_s(0));
	EXPECT_FALSE(LockKeeper(1).publish(filled(1), at_s(1))) << "not held";
	ASSERT_TRUE(keeper.publish(filled(1), at_s(1)));
	EXPECT_EQ(keeper.publish(filled(2), at_s(1)).error().code,
		  std::errc::device_or_resource_busy);
	Instant at = at_s(0);
	for (unsigned tries = 0; tries < 100; tries++) {
		const auto step = keeper.step(at);
		if (!step.news.empty()) {
			EXPECT_EQ(at, at_s(1));
			EXPECT_EQ(step.news,
				  (std::vector<LockNews>{{LockEventKind::Failed, {}, ETIMEDOUT}}));
			EXPECT_FALSE(step.request);
			EXPECT_FALSE(keeper.next());
			return;
		}
		ASSERT_TRUE(step.request);
		EXPECT_TRUE(keeper.completed(EAGAIN, {}, at).news.empty());
		at = *keeper.next();
	}
	ADD_FAILURE() << "never gave up";
}

TEST(LockKeeper, WhatTheManagerRefusesIsToldAndTriedAgainLater)
{
	LockKeeper keeper(1);
	(void)keeper.step(at_s(0));
	const auto refused = keeper.completed(ENOMEM, {}, at_s(0));
	EXPECT_EQ(refused.news, (std::vector<LockNews>{{LockEventKind::Failed, {}, ENOMEM}}));
	EXPECT_FALSE(refused.request);
	EXPECT_EQ(keeper.next(), at_s(0) + LockKeeper::error_pause);
	EXPECT_TRUE(keeper.step(*keeper.next()).request);
}

TEST(LockKeeper, LetsGoFromWhereverItIs)
{
	World world(2);
	world.settle();
	world.publish(0, 7);
	world.nodes[0].keeper.release();
	EXPECT_FALSE(world.nodes[0].keeper.publish(filled(1), at_s(99)));
	world.settle();
	EXPECT_TRUE(world.nodes[0].keeper.gone());
	EXPECT_EQ(world.nodes[0].mode, LockMode::None);
	EXPECT_EQ(world.nodes[1].keeper.mode(), LockMode::Shared);
}

/// Every order of arrivals, `depth` steps long, from two holders that both publish; from each end
/// everything must come to rest, and all must agree.
void every_order(const World &world, unsigned depth, unsigned &ends)
{
	if (testing::Test::HasFailure())
		return;
	if (depth == 0) {
		World end = world;
		end.settle();
		end.expect_agreement();
		ends++;
		return;
	}
	for (unsigned choice = 0; choice < world.choices(); choice++) {
		World next = world;
		if (next.step(choice))
			every_order(next, depth - 1, ends);
	}
	for (unsigned i = 0; i < world.nodes.size(); i++) {
		World next = world;
		if (next.nodes[1 - i].alive && next.dies(next.nodes[i])) {
			next.settle();
			next.expect_agreement();
			ends++;
		}
	}
}

TEST(LockKeeperExhaustive, TwoPublishersAgreeInEveryOrderAndAfterEveryDeath)
{
	World world(2);
	world.settle();
	world.publish(0, 1);
	world.publish(1, 2);
	unsigned ends = 0;
	every_order(world, 9, ends);
	EXPECT_GT(ends, 10000U);
	RecordProperty("ends", static_cast<int>(ends));
}

TEST(LockKeeperExhaustive, ManyPublishersAgreeAfterLongRuns)
{
	for (std::uint32_t seed = 1; seed <= 2000 && !testing::Test::HasFailure(); seed++) {
		SCOPED_TRACE(seed);
		std::mt19937 random(seed);
		World world(2 + seed % 4, seed * 100);
		std::uint8_t with = 0;
		for (unsigned i = 0; i < 300; i++) {
			const auto which = static_cast<unsigned>(random() % world.nodes.size());
			const auto alive =
				std::count_if(world.nodes.begin(), world.nodes.end(),
					      [](const Node &node) { return node.alive; });
			if (random() % 10 == 0)
				world.publish(which, ++with, seconds(random() % 3));
			else if (random() % 200 == 0 && alive > 1)
				world.dies(world.nodes[which]);
			else
				world.step(static_cast<unsigned>(random() % world.choices()));
		}
		world.settle();
		world.expect_agreement();
	}
}

} // namespace
} // namespace swpath
