// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/server_choice.h"

#include <gmock/gmock.h>

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

const DiskServer b{{"b", 1}, "b:1", 1}, c{{"c", 1}, "c:1", 2}, d{{"d", 1}, "d:1", 3};
constexpr Instant start{1000s};

SyncTag tag(std::uint64_t epoch)
{
	return {{"a", 1}, epoch};
}

TEST(ServerChoice, GoesToTheNextThatWasToldWithoutADiscovery)
{
	ServerChoice choice("disk");
	EXPECT_FALSE(choice.told({b, c}, tag(1), start).use);
	EXPECT_EQ(choice.begin(start).use, b);
	choice.works();
	const auto after = choice.failed(start);
	EXPECT_EQ(after.use, c);
	EXPECT_FALSE(after.ask);
	EXPECT_FALSE(choice.searching());
	EXPECT_EQ(choice.deadline(), std::nullopt);
}

TEST(ServerChoice, AsksWhenNothingWasTold)
{
	ServerChoice choice("disk");
	const auto actions = choice.begin(start);
	ASSERT_TRUE(actions.ask);
	EXPECT_EQ(*actions.ask, (DirectoryQuery{1, "disk", ""}));
	EXPECT_EQ(choice.take({1, "disk", "", c}).use, c);
	EXPECT_FALSE(choice.searching());
}

TEST(ServerChoice, AsksWithTheFailedOneWhenAllThatWereToldAreDead)
{
	ServerChoice choice("disk");
	(void)choice.told({b, c}, tag(1), start);
	(void)choice.begin(start);
	(void)choice.failed(start);
	const auto actions = choice.failed(start);
	EXPECT_FALSE(actions.use);
	ASSERT_TRUE(actions.ask);
	EXPECT_EQ(actions.ask->failed, "c");
	// Somebody who does not know yet names a dead one.
	EXPECT_FALSE(choice.take({1, "disk", "c", b}).use);
	EXPECT_EQ(choice.take({1, "disk", "c", d}).use, d);
}

TEST(ServerChoice, AnAnswerToAnotherQuestionIsPassedOver)
{
	ServerChoice choice("disk");
	(void)choice.begin(start);
	EXPECT_FALSE(choice.take({2, "disk", "", b}).use);
	EXPECT_FALSE(choice.take({1, "other", "", b}).use);
	EXPECT_EQ(choice.take({1, "disk", "", b}).use, b);
	EXPECT_FALSE(choice.take({1, "disk", "", c}).use);
	EXPECT_EQ(choice.current(), b);
}

TEST(ServerChoice, AsksAgainWithGrowingWaits)
{
	ServerChoice choice("disk");
	(void)choice.begin(start);
	auto now = start;
	Duration last{};
	for (unsigned i = 0; i < 10; i++) {
		ASSERT_TRUE(choice.deadline());
		EXPECT_FALSE(choice.tick(*choice.deadline() - 1ns).ask);
		EXPECT_GE(*choice.deadline() - now, last);
		last = *choice.deadline() - now;
		now = *choice.deadline();
		const auto asked = choice.tick(now).ask;
		ASSERT_TRUE(asked);
		EXPECT_EQ(asked->number, i + 2);
	}
	EXPECT_EQ(last, 30s);
}

TEST(ServerChoice, ANewDirectoryEndsTheSearch)
{
	ServerChoice choice("disk");
	(void)choice.told({b}, tag(2), start);
	(void)choice.begin(start);
	EXPECT_TRUE(choice.failed(start).ask);
	EXPECT_FALSE(choice.told({c}, tag(1), start).use); // an old one
	EXPECT_FALSE(choice.told({b}, tag(2), start).use); // the same
	EXPECT_FALSE(choice.told({}, tag(3), start).use);
	EXPECT_TRUE(choice.searching());
	// It has come back.
	EXPECT_EQ(choice.told({b}, tag(4), start).use, b);
}

TEST(ServerChoice, AServerThatWorksStaysWhateverIsTold)
{
	ServerChoice choice("disk");
	(void)choice.told({c}, tag(1), start);
	(void)choice.begin(start);
	choice.works();
	EXPECT_FALSE(choice.told({b, c}, tag(2), start).use);
	EXPECT_EQ(choice.current(), c);
	EXPECT_FALSE(choice.begin(start).use);
	EXPECT_THAT(choice.in_advance(), ::testing::ElementsAre(b, c));
	EXPECT_EQ(choice.failed(start).use, b);
}

} // namespace
} // namespace swpath
