// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/group_membership.h"

#include <cerrno>
#include <deque>

#include <gmock/gmock.h>

namespace swpath
{
namespace
{

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

const Member a{"a", 1}, b{"b", 1}, c{"c", 1};
const GroupProcess pa{1, 100}, pb{2, 200}, pc{3, 300};

/// The group as one host sees it; the others introduce themselves as a test says.
struct Group {
	explicit Group(Member self = a, GroupProcess own = pa) : group(std::move(self))
	{
		group.begin(own);
	}
	GroupActions ring(std::vector<std::uint32_t> nodes, std::uint64_t sequence = 4)
	{
		return did(group.ring({nodes.front(), sequence, nodes}, now));
	}
	GroupActions list(std::vector<GroupProcess> all, std::vector<GroupProcess> joined = {},
			  std::vector<GroupProcess> left = {})
	{
		return did(group.list({std::move(all), std::move(left), std::move(joined)}, now));
	}
	GroupActions introduces(GroupProcess process, const Member &member, bool again = false)
	{
		return did(group.take(process, encode(Introduction{member, again}), now));
	}
	GroupActions pass(Duration time)
	{
		now += time;
		return did(group.tick(now));
	}
	GroupActions did(GroupActions actions)
	{
		if (actions.changed)
			changes++;
		return actions;
	}
	/// a, b and c are members.
	void settle()
	{
		ring({1, 2, 3});
		list({pa, pb, pc}, {pa});
		introduces(pa, a);
		introduces(pb, b);
		introduces(pc, c);
	}
	[[nodiscard]] const std::vector<Member> &members() const
	{
		return group.membership().members;
	}

	GroupMembership group;
	Instant now{std::chrono::seconds(1000)};
	unsigned changes = 0;
};

TEST(Introduction, IsReadAsItWasWritten)
{
	for (const bool again : {false, true}) {
		const Introduction one{{"alpha", 0x123456789abcdef0}, again};
		const auto read = decode_introduction(encode(one));
		ASSERT_TRUE(read);
		EXPECT_EQ(*read, one);
	}
}

TEST(Introduction, WhatIsNoneIsRefused)
{
	const auto good = encode(Introduction{a, false});
	for (std::size_t size = 0; size < good.size(); size++)
		EXPECT_FALSE(decode_introduction(good.substr(0, size))) << size;
	EXPECT_FALSE(decode_introduction(good + "x"));
	EXPECT_FALSE(decode_introduction(encode(Introduction{{"", 1}, false})));
	auto newer = good;
	newer[5] = 2;
	ASSERT_FALSE(decode_introduction(newer));
	EXPECT_EQ(decode_introduction(newer).error().code.value(), EPROTONOSUPPORT);
}

TEST(GroupMembership, AllThatIntroducedThemselvesAreOneMembership)
{
	Group group;
	group.settle();
	EXPECT_THAT(group.members(), ElementsAre(a, b, c));
	EXPECT_THAT(group.group.membership().hosts, ElementsAre("a", "b", "c"));
	EXPECT_EQ(group.group.membership().ring, (RingId{"1", 4}));
	EXPECT_EQ(group.changes, 1U);
	EXPECT_EQ(group.group.deadline(), std::nullopt);
}

TEST(GroupMembership, AHostIsNoMemberBeforeItsOwnIntroductionCameBack)
{
	Group group;
	group.ring({1});
	EXPECT_TRUE(group.list({pa}, {pa}).introduce);
	EXPECT_THAT(group.members(), IsEmpty());
	EXPECT_TRUE(group.introduces(pa, a).changed);
	EXPECT_THAT(group.members(), ElementsAre(a));
}

TEST(GroupMembership, WhoeverIsNewMakesAllIntroduceThemselves)
{
	Group group;
	group.ring({1, 2});
	group.list({pa}, {pa});
	group.introduces(pa, a);
	const auto actions = group.list({pa, pb}, {pb});
	ASSERT_TRUE(actions.introduce);
	EXPECT_EQ(decode_introduction(*actions.introduce)->member, a);
	EXPECT_FALSE(actions.changed);
	EXPECT_TRUE(group.introduces(pb, b).changed);
	EXPECT_THAT(group.members(), ElementsAre(a, b));
}

TEST(GroupMembership, AGhostCostsItsTimeOnce)
{
	Group group;
	group.ring({1, 2, 3});
	group.list({pa, pb, pc}, {pa});
	group.introduces(pa, a);
	group.introduces(pc, c);
	EXPECT_THAT(group.members(), IsEmpty());
	ASSERT_TRUE(group.group.deadline());
	const auto actions = group.pass(GroupMembership::introduction_time);
	EXPECT_TRUE(actions.changed);
	EXPECT_THAT(group.members(), ElementsAre(a, c));
	EXPECT_EQ(group.group.deadline(), std::nullopt);
	// It was asked once more.
	ASSERT_TRUE(actions.introduce);
	EXPECT_TRUE(decode_introduction(*actions.introduce)->again);
	// The next change does not wait for it.
	group.list({pa, pb}, {}, {pc});
	EXPECT_THAT(group.members(), ElementsAre(a));
	// It was no ghost.
	group.introduces(pb, b);
	EXPECT_THAT(group.members(), ElementsAre(a, b));
}

TEST(GroupMembership, AGhostOfANodeThatIsGoneIsNotWaitedFor)
{
	Group group;
	group.settle();
	// corosync goes on to list what ran on node 3.
	group.ring({1, 2}, 8);
	EXPECT_EQ(group.group.deadline(), std::nullopt);
	EXPECT_THAT(group.group.membership().hosts, ElementsAre("a", "b"));
	// Nor is one that came and went before it said anything.
	group.list({pa, pb, {4, 400}}, {{4, 400}}, {pc});
	EXPECT_EQ(group.group.deadline(), std::nullopt);
	EXPECT_THAT(group.members(), ElementsAre(a, b));
}

TEST(GroupMembership, ANodeThatCameBackWithTheSameNumbersIsAnotherMember)
{
	Group group;
	group.settle();
	// It left and joined within one change, and has its old pid again.
	EXPECT_FALSE(group.list({pa, pb, pc}, {pb}, {pb}).changed);
	const Member reborn{"b", 2};
	const auto before =
		group.group.take(pb, "SWPS of the new one, before it said who it is", group.now);
	EXPECT_FALSE(before.frame);
	group.introduces(pb, reborn);
	EXPECT_THAT(group.members(), ElementsAre(a, reborn, c));
}

TEST(GroupMembership, TheLastToIntroduceItselfOnANodeIsItsHost)
{
	Group group;
	group.settle();
	const GroupProcess next{2, 201};
	const Member reborn{"b", 2};
	// The one before stays in the list.
	group.list({pa, pb, next, pc}, {next});
	group.introduces(next, reborn);
	EXPECT_THAT(group.members(), ElementsAre(a, reborn, c));
	EXPECT_FALSE(group.group.take(pb, "a frame of the ghost", group.now).frame);
	EXPECT_THAT(group.group.take(next, "a frame", group.now).frame,
		    Optional(ClusterFrame{reborn, "a frame"}));
	EXPECT_EQ(group.group.doubled(), std::nullopt);
}

TEST(GroupMembership, TwoHostsOfOneNameAreToldAndTheLowerNodeIsTheMember)
{
	// In whatever order they introduce themselves: all choose the same.
	for (const bool lower_first : {true, false}) {
		Group group;
		group.ring({1, 2, 3});
		group.list({pa, pb, pc}, {pa});
		group.introduces(pa, a);
		group.introduces(lower_first ? pb : pc, {"b", lower_first ? 1U : 2U});
		group.introduces(lower_first ? pc : pb, {"b", lower_first ? 2U : 1U});
		EXPECT_THAT(group.members(), ElementsAre(a, b));
		ASSERT_TRUE(group.group.doubled());
		EXPECT_EQ(group.group.doubled()->host, "b");
		EXPECT_EQ(group.group.doubled()->member, 2U);
		EXPECT_EQ(group.group.doubled()->refused, 3U);
		group.list({pa, pb}, {}, {pc});
		EXPECT_EQ(group.group.doubled(), std::nullopt);
	}
}

TEST(GroupMembership, OnlyMembersAreHeard)
{
	Group group;
	group.settle();
	EXPECT_THAT(group.group.take(pb, "a frame", group.now).frame,
		    Optional(ClusterFrame{b, "a frame"}));
	EXPECT_FALSE(group.group.take({2, 999}, "a frame", group.now).frame);
	EXPECT_FALSE(group.group.take({2, 999}, encode(Introduction{{"evil", 1}, false}), group.now)
			     .changed);
	EXPECT_FALSE(
		group.group.take(pb, std::string(sync_frame_bytes_max + 1, 'x'), group.now).frame);
	EXPECT_EQ(group.group.refused(), 3U);
}

TEST(GroupMembership, WhoIsAskedAgainAnswersButNotItself)
{
	Group group;
	group.settle();
	EXPECT_TRUE(group.introduces(pb, b, true).introduce);
	EXPECT_FALSE(group.introduces(pb, b).introduce);
	EXPECT_FALSE(group.introduces(pa, a, true).introduce);
	EXPECT_EQ(group.changes, 1U);
}

TEST(GroupMembership, WithoutTheManagerTheHostIsNoMemberAndComesBackAsTheSame)
{
	Group group;
	group.settle();
	const auto actions = group.group.lost();
	EXPECT_THAT(actions.changed, Optional(Membership{}));
	EXPECT_FALSE(group.group.lost().changed);
	group.group.begin(pa);
	group.settle();
	EXPECT_THAT(group.members(), ElementsAre(a, b, c));
}

TEST(GroupMembership, ListsAndRingsMayComeInEitherOrder)
{
	Group one, other;
	one.settle();
	other.settle();
	one.ring({1, 3}, 8);
	one.list({pa, pc}, {}, {pb});
	other.list({pa, pc}, {}, {pb});
	other.ring({1, 3}, 8);
	EXPECT_EQ(one.group.membership(), other.group.membership());
	EXPECT_THAT(one.members(), ElementsAre(a, c));
}

} // namespace
} // namespace swpath
