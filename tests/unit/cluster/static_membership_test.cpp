// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/static_membership.h"

#include <cerrno>
#include <deque>

#include <gmock/gmock.h>

namespace swpath
{
namespace
{

using ::testing::ElementsAre;

const Member a{"a", 1}, b{"b", 1}, c{"c", 1}, d{"d", 1};

/// Hosts whose frames arrive at once, in the order of their sending.
struct Hosts {
	std::map<Member, StaticMembership> all;
	std::deque<std::pair<Member, StaticMembership::Frame>> frames;

	explicit Hosts(const std::vector<Member> &members)
	{
		for (const auto &each : members) {
			auto &host = all.emplace(each, StaticMembership(each)).first->second;
			did(each, host.begin());
		}
	}
	void did(const Member &who, const StaticMembership::Actions &actions)
	{
		for (const auto &frame : actions.send)
			frames.emplace_back(who, frame);
	}
	void settle()
	{
		for (unsigned i = 0; i < 10000 && !frames.empty(); i++) {
			const auto [from, frame] = frames.front();
			frames.pop_front();
			if (all.contains(frame.to))
				did(frame.to, all.at(frame.to).take(from, frame.bytes));
		}
		EXPECT_TRUE(frames.empty());
	}
	void link(const Member &one, const Member &other)
	{
		did(one, all.at(one).link_up(other));
		did(other, all.at(other).link_up(one));
		settle();
	}
	void unlink(const Member &one, const Member &other)
	{
		did(one, all.at(one).link_down(other));
		did(other, all.at(other).link_down(one));
		settle();
	}
	const Membership &of(const Member &who) { return all.at(who).membership(); }
};

TEST(StaticMembership, AHostWithoutLinksIsAlone)
{
	Hosts hosts({a});
	EXPECT_THAT(hosts.of(a).members, ElementsAre(a));
	EXPECT_GT(hosts.of(a).ring.sequence, 0U);
}

TEST(StaticMembership, LinkedHostsCountTheSameRing)
{
	Hosts hosts({a, b, c});
	hosts.link(a, b);
	hosts.link(b, c);
	hosts.link(a, c);
	EXPECT_THAT(hosts.of(a).members, ElementsAre(a, b, c));
	EXPECT_EQ(hosts.of(a), hosts.of(b));
	EXPECT_EQ(hosts.of(a), hosts.of(c));
}

TEST(StaticMembership, ALinkOfOneSideIsNone)
{
	Hosts hosts({a, b});
	hosts.did(a, hosts.all.at(a).link_up(b));
	hosts.settle();
	EXPECT_THAT(hosts.of(a).members, ElementsAre(a));
	EXPECT_THAT(hosts.of(b).members, ElementsAre(b));
}

TEST(StaticMembership, HostsThatDoNotAllSeeEachOtherAgreeOnWhoIsAlone)
{
	Hosts hosts({a, b, c});
	hosts.link(a, b);
	hosts.link(b, c);
	EXPECT_THAT(hosts.of(a).members, ElementsAre(a, b));
	EXPECT_EQ(hosts.of(a), hosts.of(b));
	EXPECT_THAT(hosts.of(c).members, ElementsAre(c));
}

TEST(StaticMembership, EachChangeIsAnotherRing)
{
	Hosts hosts({a, b});
	hosts.link(a, b);
	const auto first = hosts.of(a).ring;
	hosts.unlink(a, b);
	const auto alone = hosts.of(a).ring;
	hosts.link(a, b);
	EXPECT_NE(first, alone);
	EXPECT_GT(hosts.of(a).ring.sequence, first.sequence);
	EXPECT_EQ(hosts.of(a), hosts.of(b));
}

TEST(StaticMembership, ARestartedHostTakesThePlaceOfItsFormerLife)
{
	const Member again{"b", 2};
	Hosts hosts({a, b, again, c});
	hosts.link(a, b);
	hosts.link(a, c);
	hosts.link(b, c);
	hosts.link(a, again);
	hosts.link(c, again);
	EXPECT_THAT(hosts.of(a).members, ElementsAre(a, again, c));
	EXPECT_EQ(hosts.of(a), hosts.of(again));
	EXPECT_EQ(hosts.of(a), hosts.of(c));
}

TEST(StaticMembership, TwoGroupsThatWereCutFindEachOther)
{
	Hosts hosts({a, b, c, d});
	hosts.link(a, b);
	hosts.link(c, d);
	hosts.link(a, c);
	hosts.link(a, d);
	hosts.link(b, c);
	hosts.link(b, d);
	for (const auto &each : {a, b, c, d})
		EXPECT_THAT(hosts.of(each).members, ElementsAre(a, b, c, d));
}

/// Each life that has ended stays in the graph until there is no room for another.
TEST(StaticMembership, HostsThatAreRestartedOverAndOverAreTakenInEachTime)
{
	const Member z{"z", 1};
	Hosts hosts({c, z});
	hosts.link(c, z);
	Member last = b;
	for (unsigned life = 0; life < 3 * members_max; life++) {
		// Incarnations are random: up, and down again.
		const Member next{"b", life % 2 == 0 ? 1000 + life : 1000 - life};
		auto &fresh = hosts.all.emplace(next, StaticMembership(next)).first->second;
		hosts.did(next, fresh.begin());
		for (const auto &other : {c, z}) {
			if (life > 0)
				hosts.did(other, hosts.all.at(other).link_down(last));
			hosts.link(next, other);
		}
		for (const auto &each : {next, c, z})
			ASSERT_THAT(hosts.of(each).members, ElementsAre(next, c, z)) << life;
		EXPECT_EQ(hosts.of(next), hosts.of(z));
		EXPECT_EQ(hosts.of(c), hosts.of(z));
		ASSERT_LE(hosts.all.at(z).graph().size(), members_max);
		if (life > 0)
			hosts.all.erase(last);
		last = next;
	}
}

TEST(LinkGraph, WhatIsWrittenIsReadAgainAndWhatIsCutIsRefused)
{
	const LinkGraph graph{{a, {3, {b}}}, {b, {7, {a, c}}}, {c, {1, {}}}};
	const auto bytes = encode(graph);
	const auto read = decode_link_graph(bytes);
	ASSERT_TRUE(read);
	EXPECT_EQ(*read, graph);
	for (std::size_t size = 0; size < bytes.size(); size++)
		EXPECT_FALSE(decode_link_graph(bytes.substr(0, size)));
	EXPECT_FALSE(decode_link_graph(bytes + "x"));
}

TEST(LinkGraph, AnotherVersionIsNamed)
{
	auto bytes = encode(LinkGraph{{a, {}}});
	bytes[5] = 9;
	const auto read = decode_link_graph(bytes);
	ASSERT_FALSE(read);
	EXPECT_EQ(read.error().code.value(), EPROTONOSUPPORT);
}

} // namespace
} // namespace swpath
