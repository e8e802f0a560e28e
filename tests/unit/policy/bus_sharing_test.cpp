// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/bus_sharing.h"

#include <gmock/gmock.h>

#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using test::at_s;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = BusOrder::Kind;

constexpr BusName bus{17, 'B'};
constexpr BusName elsewhere{17, 'C'};
constexpr std::uint64_t disk = 0xd1;
constexpr DevNumber sda{8, 0};
constexpr DevNumber nbd0{43, 0};

HintValue mark_of(std::uint16_t host, std::uint64_t of_disk, bool shared = false)
{
	return {bus, shared, true, host, 7, of_disk};
}

class Sharing : public testing::Test
{
protected:
	BusSharing sharing_{1, true};

	/// On the bus, with a disk, and its name held.
	void have_disk()
	{
		EXPECT_EQ(sharing_.port_appears("host2", bus),
			  (std::vector<BusOrder>{{Kind::Hold, bus, {}}}));
		EXPECT_THAT(sharing_.direct_appears(sda, "host2", disk), IsEmpty());
	}
};

TEST_F(Sharing, LeavesItsMarkWhereThereIsNone)
{
	have_disk();
	const HintValue own{bus, false, true, 1, 1, disk};
	EXPECT_EQ(sharing_.mark_told(bus, {}), (std::vector<BusOrder>{{Kind::Publish, bus, own}}));
	EXPECT_THAT(sharing_.mark_told(bus, own), IsEmpty());
	EXPECT_FALSE(sharing_.shared("host2"));
	EXPECT_EQ(sharing_.explain("host2"),
		  "host2 is on bus $17$B: not known to be shared, nobody else has marked it");
}

TEST_F(Sharing, TwoHostsKnowOfEachOtherAfterTwoMarks)
{
	BusSharing beta(2, false);
	have_disk();
	const auto first = sharing_.mark_told(bus, {});
	ASSERT_EQ(first.size(), 1U);
	EXPECT_THAT(sharing_.mark_told(bus, first[0].mark), IsEmpty());
	(void)beta.port_appears("host5", bus);
	(void)beta.mark_told(bus, first[0].mark);
	EXPECT_FALSE(beta.shared("host5")) << "its disk has not come";
	const auto second = beta.direct_appears({8, 48}, "host5", disk);
	ASSERT_EQ(second.size(), 1U);
	EXPECT_TRUE(beta.shared("host5"));
	EXPECT_EQ(second[0].mark, (HintValue{bus, true, false, 2, 2, disk}));
	EXPECT_THAT(beta.mark_told(bus, second[0].mark), IsEmpty());
	EXPECT_THAT(sharing_.mark_told(bus, second[0].mark), IsEmpty());
	EXPECT_TRUE(sharing_.shared("host2"));
}

TEST_F(Sharing, MembersThatSeeItsDiskMakeAPortSharedWithoutALockSpace)
{
	EXPECT_THAT(sharing_.members_see({disk, 0xd2}), IsEmpty());
	have_disk();
	EXPECT_TRUE(sharing_.shared("host2"));
	EXPECT_THAT(sharing_.explain("host2"), HasSubstr("another host has told of a disk"));
	// It stays so when they are gone.
	(void)sharing_.members_see({});
	EXPECT_TRUE(sharing_.shared("host2"));
}

TEST_F(Sharing, AnotherDiskOfAMemberMakesNothingShared)
{
	have_disk();
	EXPECT_THAT(sharing_.members_see({disk + 1}), IsEmpty());
	EXPECT_FALSE(sharing_.shared("host2"));
	// The mark that answers a member says so, and is written once.
	(void)sharing_.mark_told(bus, mark_of(1, disk));
	const auto answer = sharing_.members_see({disk});
	ASSERT_EQ(answer.size(), 1U);
	EXPECT_EQ(answer[0].mark, (HintValue{bus, true, true, 1, 8, disk}));
	EXPECT_THAT(sharing_.mark_told(bus, answer[0].mark), IsEmpty());
}

TEST_F(Sharing, AMarkThatIsNotValidIsLeftAgainWithAnotherEpoch)
{
	have_disk();
	(void)sharing_.mark_told(bus, mark_of(2, disk, true));
	const auto again =
		sharing_.mark_told(bus, {}, "its mark was being written by one that died");
	ASSERT_EQ(again.size(), 1U);
	EXPECT_EQ(again[0].mark, (HintValue{bus, true, true, 1, 8, disk}));
}

TEST_F(Sharing, ItsOwnAnswerTellsAHostThatWasRestarted)
{
	have_disk();
	EXPECT_THAT(sharing_.mark_told(bus, mark_of(1, disk, true)), IsEmpty());
	EXPECT_TRUE(sharing_.shared("host2"));
}

TEST_F(Sharing, TheAnswerNamesADiskThatBothHostsHave)
{
	have_disk();
	(void)sharing_.direct_appears({8, 16}, "host2", disk - 1);
	const auto answer = sharing_.mark_told(bus, mark_of(2, disk));
	ASSERT_EQ(answer.size(), 1U);
	EXPECT_EQ(answer[0].mark->disk, disk);
}

TEST_F(Sharing, AnOrderIsGivenOnceAndAgainAfterItFailed)
{
	have_disk();
	EXPECT_EQ(sharing_.mark_told(bus, {}).size(), 1U);
	EXPECT_THAT(sharing_.direct_appears({8, 16}, "host2", 0xd2), IsEmpty());
	EXPECT_EQ(sharing_.order_failed(bus).size(), 1U);
}

TEST_F(Sharing, OneClassOnTwoBusesMakesNothingSharedAndIsNotWrittenOver)
{
	have_disk();
	EXPECT_THAT(sharing_.mark_told(bus, mark_of(2, 0xee)), IsEmpty());
	EXPECT_FALSE(sharing_.shared("host2"));
	EXPECT_THAT(sharing_.explain("host2"),
		    HasSubstr("host 2 has marked it with a disk that this host does not see there: "
			      "two buses have this name"));
	// On another bus of this host's the disk does not count either.
	(void)sharing_.port_appears("host3", elsewhere);
	EXPECT_THAT(sharing_.direct_appears({8, 32}, "host3", 0xee), IsEmpty());
	EXPECT_FALSE(sharing_.shared("host2"));
	EXPECT_FALSE(sharing_.shared("host3"));
	// It was the disk that had not come.
	EXPECT_EQ(sharing_.direct_appears({8, 64}, "host2", 0xee).size(), 1U);
	EXPECT_TRUE(sharing_.shared("host2"));
}

TEST_F(Sharing, TheFirstHostLearnsThatItsClassWasGivenTwice)
{
	have_disk();
	BusSharing beta(2, false);
	(void)beta.port_appears("host5", bus);
	(void)beta.direct_appears({8, 48}, "host5", 0xee);
	const auto mine = mark_of(1, disk);
	EXPECT_THAT(sharing_.mark_told(bus, mine), IsEmpty());
	EXPECT_FALSE(sharing_.strange("host2"));
	EXPECT_THAT(sharing_.dispute("host2"), IsEmpty());

	EXPECT_THAT(beta.mark_told(bus, mine), IsEmpty());
	const auto note = beta.dispute("host5");
	auto noted = mine;
	noted.disputed = true;
	noted.epoch++;
	ASSERT_EQ(note, (std::vector<BusOrder>{{Kind::Publish, bus, noted}}));
	EXPECT_THAT(beta.dispute("host5"), IsEmpty()) << "it is under way";
	EXPECT_THAT(beta.mark_told(bus, noted), IsEmpty());
	EXPECT_THAT(beta.dispute("host5"), IsEmpty()) << "it says so";
	EXPECT_TRUE(beta.strange("host5"));

	EXPECT_THAT(sharing_.mark_told(bus, noted), IsEmpty());
	EXPECT_TRUE(sharing_.strange("host2") && sharing_.disputed("host2"));
	EXPECT_FALSE(sharing_.shared("host2")) << "the other one is no neighbour";
	EXPECT_THAT(sharing_.explain("host2"),
		    HasSubstr("a host on a bus of this name does not see the disk there with which "
			      "host 1 has marked it: two buses have this name"));
	EXPECT_THAT(sharing_.dispute("host2"), IsEmpty());
}

TEST_F(Sharing, ANoteThatABusIsDisputedIsTakenAwayOnceByEachWhoSeesTheDisk)
{
	have_disk();
	auto noted = mark_of(1, disk);
	noted.disputed = true;
	// Its own, from before pathd was restarted: is it still so?
	const auto asked = sharing_.mark_told(bus, noted);
	const HintValue clean{bus, false, true, 1, 8, disk};
	EXPECT_EQ(asked, (std::vector<BusOrder>{{Kind::Publish, bus, clean}}));
	EXPECT_THAT(sharing_.mark_told(bus, clean), IsEmpty());
	EXPECT_FALSE(sharing_.strange("host2"));
	noted.epoch = 9;
	EXPECT_THAT(sharing_.mark_told(bus, noted), IsEmpty()) << "it is";
	EXPECT_TRUE(sharing_.disputed("host2"));
	// A third one, whose disk comes late, finds its neighbour all the same.
	BusSharing gamma(3, true);
	(void)gamma.port_appears("host1", bus);
	EXPECT_THAT(gamma.mark_told(bus, noted), IsEmpty());
	EXPECT_EQ(gamma.direct_appears(sda, "host1", disk).at(0).mark,
		  (HintValue{bus, true, true, 3, 10, disk}));
	EXPECT_TRUE(gamma.shared("host1"));
	EXPECT_THAT(gamma.explain("host1"), HasSubstr("shared, but a host on a bus of this name"));
}

TEST_F(Sharing, HostsWithDifferentKeysMeetAtTheDisk)
{
	have_disk();
	auto orders = sharing_.mark_told(bus, {});
	ASSERT_EQ(orders.size(), 1U);
	(void)sharing_.mark_told(bus, orders[0].mark);
	const std::uint64_t own[] = {0xa};
	EXPECT_THAT(sharing_.keys_seen(sda, 0xa, own), IsEmpty());
	EXPECT_FALSE(sharing_.shared("host2"));
	const std::uint64_t both[] = {0xa, 0xb};
	orders = sharing_.keys_seen(sda, 0xa, both);
	EXPECT_TRUE(sharing_.shared("host2"));
	EXPECT_THAT(sharing_.explain("host2"), HasSubstr("with the same key?"));
	// What is told of this host's own mark is nobody's answer.
	ASSERT_EQ(orders.size(), 1U);
	ASSERT_TRUE(orders[0].mark && orders[0].mark->shared);
	(void)sharing_.mark_told(bus, orders[0].mark);
	EXPECT_THAT(sharing_.explain("host2"), HasSubstr("with the same key?"));
	(void)sharing_.direct_goes(sda);
	EXPECT_FALSE(sharing_.shared("host2"));
}

TEST_F(Sharing, AMarkOfAnotherBusUnderThisNameIsNone)
{
	have_disk();
	auto wrong = mark_of(2, disk);
	wrong.bus = elsewhere;
	EXPECT_EQ(sharing_.mark_told(bus, wrong).size(), 1U);
	EXPECT_FALSE(sharing_.shared("host2"));
	EXPECT_THAT(sharing_.explain("host2"), HasSubstr("its mark is of bus $17$C"));
}

TEST_F(Sharing, ABusIsLetGoWithItsLastPort)
{
	have_disk();
	EXPECT_THAT(sharing_.port_appears("host3", bus), IsEmpty());
	EXPECT_THAT(sharing_.port_goes("host2"), IsEmpty());
	EXPECT_EQ(sharing_.port_goes("host3"), (std::vector<BusOrder>{{Kind::Release, bus, {}}}));
	EXPECT_THAT(sharing_.port_goes("host3"), IsEmpty());
	EXPECT_EQ(sharing_.explain("host3"), "");
}

TEST_F(Sharing, AnImageWaitsForADirectPathThatMayComeAndNoLonger)
{
	SeenWorld world;
	SeenLeg image;
	image.number = nbd0;
	image.kind = PathKind::SERVED;
	image.proved = image.settled = true;
	world.legs = {image};
	sharing_.image_appears(nbd0, at_s(0));
	sharing_.image_appears(nbd0, at_s(10));
	EXPECT_EQ(sharing_.next(at_s(10)), at_s(30));
	world.now = at_s(29);
	EXPECT_FALSE(sharing_.admit(world).legs[0].proved);
	world.now = at_s(30);
	EXPECT_TRUE(sharing_.admit(world).legs[0].proved) << "its time is over";
	EXPECT_EQ(sharing_.next(at_s(30)), std::nullopt);
	world.now = at_s(1);
	sharing_.ports_known();
	EXPECT_TRUE(sharing_.admit(world).legs[0].proved) << "the host has no port";
	(void)sharing_.port_appears("host2", bus);
	EXPECT_FALSE(sharing_.admit(world).legs[0].proved) << "whose bus is it?";
	(void)sharing_.mark_told(bus, {});
	EXPECT_TRUE(sharing_.admit(world).legs[0].proved) << "nobody else's";
	(void)sharing_.mark_told(bus, mark_of(2, disk));
	EXPECT_FALSE(sharing_.admit(world).legs[0].proved) << "the server is on it";
	SeenLeg direct;
	direct.number = sda;
	world.legs.push_back(direct);
	EXPECT_FALSE(sharing_.admit(world).legs[0].proved) << "it is being checked";
	world.legs[1].settled = true;
	EXPECT_TRUE(sharing_.admit(world).legs[0].proved);
}

} // namespace
} // namespace swpath
