// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/hint_keeper.h"

#include <cerrno>

#include <gmock/gmock.h>

#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using test::at_s;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr DevNumber sda{8, 0};
constexpr BusName bus{17, 'B'};
const std::string lock = "swbus$17$B";

Identity disk(const char *wwid = "naa.6001405")
{
	Identity identity;
	identity.wwid = wwid;
	return identity;
}

/// Two hosts, and the lock space that they share, by hand.
class Keeping : public testing::Test
{
protected:
	HintKeeper keeper_{std::vector<BusConfig>{{"host2", bus}}, 1, true};

	void have_disk(HintKeeper &keeper) { keeper.direct_proved(sda, "host2", "", disk()); }
	static std::vector<std::string> lines(HintKeeper &keeper)
	{
		std::vector<std::string> all;
		for (const auto &order : keeper.take_orders())
			all.push_back(lock_line(order));
		return all;
	}
	static HintsReport report(const HintKeeper &keeper)
	{
		HintsReport made;
		keeper.report(made);
		return made;
	}
	static LockBytes mark(std::uint16_t host, bool shared, std::uint64_t epoch = 1)
	{
		return *HintValue{bus, shared, true, host, epoch, disk_hash(disk())}.encode();
	}
	static LockEvent told(LockEventKind kind, const LockBytes &bytes, bool valid = true)
	{
		return {kind, lock, {bytes, valid}, {}};
	}
	static std::string publish(const LockBytes &bytes)
	{
		return "publish " + lock + " " + lock_hex(bytes) + " 5000";
	}
};

TEST_F(Keeping, NeedsNoLockSpaceWithoutABus)
{
	EXPECT_FALSE(keeper_.wanted());
	keeper_.direct_proved(sda, "host3", "", disk()); // its target names no port
	EXPECT_FALSE(keeper_.wanted());
	have_disk(keeper_);
	EXPECT_TRUE(keeper_.wanted());
	keeper_.direct_goes(sda);
	EXPECT_FALSE(keeper_.wanted());
}

TEST_F(Keeping, HoldsAndMarksWhatItSees)
{
	have_disk(keeper_);
	EXPECT_THAT(lines(keeper_), IsEmpty()); // nobody takes orders yet
	keeper_.space_ready();
	EXPECT_THAT(lines(keeper_), ElementsAre("hold " + lock));
	keeper_.take(told(LockEventKind::Held, {}), at_s(1));
	EXPECT_THAT(lines(keeper_), ElementsAre(publish(mark(1, false))));
	keeper_.take(told(LockEventKind::Published, mark(1, false)), at_s(1));
	EXPECT_THAT(lines(keeper_), IsEmpty());
	const auto now = report(keeper_);
	ASSERT_EQ(now.buses.size(), 1U);
	EXPECT_TRUE(now.buses[0].held && now.buses[0].marked && now.buses[0].own);
	ASSERT_EQ(now.ports.size(), 1U);
	EXPECT_FALSE(now.ports[0].shared);
}

TEST_F(Keeping, AnotherHostsMarkIsAnsweredAndToldOnce)
{
	have_disk(keeper_);
	keeper_.space_ready();
	(void)keeper_.take_orders();
	keeper_.take(told(LockEventKind::Held, mark(2, false)), at_s(1));
	EXPECT_THAT(lines(keeper_), ElementsAre(publish(mark(1, true, 2))));
	EXPECT_TRUE(keeper_.shared("host2"));
	EXPECT_THAT(keeper_.take_news(),
		    ElementsAre(HasSubstr("shared, another host has told of a disk")));
	keeper_.take(told(LockEventKind::Published, mark(1, true, 2)), at_s(1));
	EXPECT_THAT(keeper_.take_news(), IsEmpty());
}

TEST_F(Keeping, AMarkWithADiskThatDoesNotComeIsToldOnceAndNotAtOnce)
{
	have_disk(keeper_);
	keeper_.space_ready();
	const auto theirs = *HintValue{bus, false, true, 2, 1, disk_hash(disk("naa.7"))}.encode();
	keeper_.take(told(LockEventKind::Held, theirs), at_s(1));
	keeper_.tick(at_s(1));
	EXPECT_EQ(keeper_.next(), at_s(31));
	keeper_.tick(at_s(30));
	EXPECT_THAT(keeper_.take_news(), IsEmpty());
	keeper_.tick(at_s(31));
	EXPECT_THAT(keeper_.take_news(), ElementsAre(HasSubstr("two buses have this name")));
	// The mark stays as it is, with a note for whoever has left it.
	const auto noted =
		*HintValue{bus, false, true, 2, 2, disk_hash(disk("naa.7")), true}.encode();
	EXPECT_THAT(lines(keeper_), ElementsAre("hold " + lock, publish(noted)));
	keeper_.take(told(LockEventKind::Published, noted), at_s(32));
	EXPECT_EQ(keeper_.next(), at_s(61));
	keeper_.tick(at_s(61));
	EXPECT_FALSE(keeper_.next());
	keeper_.tick(at_s(100));
	EXPECT_THAT(keeper_.take_news(), IsEmpty());
	EXPECT_FALSE(keeper_.shared("host2"));
	EXPECT_THAT(lines(keeper_), IsEmpty());
	// Whoever takes the note away gets it again, at once and then every 30 s.
	keeper_.take(told(LockEventKind::Changed, theirs), at_s(101));
	keeper_.tick(at_s(101));
	EXPECT_EQ(lines(keeper_).size(), 1U);
	keeper_.take(told(LockEventKind::Overtaken, theirs), at_s(102));
	keeper_.tick(at_s(130));
	EXPECT_THAT(lines(keeper_), IsEmpty());
	EXPECT_EQ(keeper_.next(), at_s(131));
	keeper_.tick(at_s(131));
	EXPECT_EQ(lines(keeper_).size(), 1U);
	EXPECT_THAT(keeper_.take_news(), IsEmpty());
	// The disk comes after all.
	keeper_.direct_proved(DevNumber{8, 16}, "host2", "", disk("naa.7"));
	EXPECT_TRUE(keeper_.shared("host2"));
	EXPECT_THAT(keeper_.take_news(), ElementsAre(HasSubstr("shared, another host")));
}

TEST_F(Keeping, ThatItsMarkIsDisputedIsToldAtOnceAndOnce)
{
	have_disk(keeper_);
	keeper_.space_ready();
	keeper_.take(told(LockEventKind::Held, mark(1, false)), at_s(1));
	keeper_.tick(at_s(1));
	(void)keeper_.take_orders();
	const auto noted = *HintValue{bus, false, true, 1, 2, disk_hash(disk()), true}.encode();
	keeper_.take(told(LockEventKind::Changed, noted), at_s(40));
	keeper_.tick(at_s(40));
	EXPECT_THAT(keeper_.take_news(),
		    ElementsAre(HasSubstr("a host on a bus of this name does not see the disk")));
	EXPECT_THAT(report(keeper_).ports.at(0).text, HasSubstr("a host on a bus of this name"));
	EXPECT_FALSE(keeper_.next());
	keeper_.tick(at_s(100));
	EXPECT_THAT(keeper_.take_news(), IsEmpty());
	EXPECT_THAT(lines(keeper_), IsEmpty());
	keeper_.take(told(LockEventKind::Changed, mark(1, false, 3)), at_s(101));
	keeper_.tick(at_s(101));
	EXPECT_THAT(report(keeper_).ports.at(0).text, HasSubstr("not known to be shared"));
}

TEST_F(Keeping, ALockSpaceThatCameBackIsToldEverythingAnew)
{
	have_disk(keeper_);
	keeper_.space_ready();
	keeper_.take(told(LockEventKind::Held, mark(2, true)), at_s(1));
	(void)keeper_.take_orders();
	keeper_.space_gone();
	EXPECT_TRUE(keeper_.shared("host2")); // as it was
	EXPECT_FALSE(report(keeper_).buses[0].held);
	// What is wanted meanwhile is not said to nobody.
	keeper_.direct_proved(DevNumber{8, 16}, "host2", "", disk("naa.7"));
	EXPECT_THAT(lines(keeper_), IsEmpty());
	keeper_.space_ready();
	EXPECT_THAT(lines(keeper_), ElementsAre("hold " + lock));
	// The other host has gone, too: its mark is to be left anew.
	keeper_.take(told(LockEventKind::Held, {}), at_s(3));
	const auto orders = keeper_.take_orders();
	ASSERT_EQ(orders.size(), 1U);
	EXPECT_EQ(orders[0].kind, LockOrderKind::Publish);
}

TEST_F(Keeping, AMarkThatIsNotValidIsToldAndReplaced)
{
	have_disk(keeper_);
	keeper_.space_ready();
	keeper_.take(told(LockEventKind::Held, mark(2, true)), at_s(1));
	(void)keeper_.take_orders();
	(void)keeper_.take_news();
	keeper_.take(told(LockEventKind::Changed, {}, false), at_s(2));
	EXPECT_THAT(report(keeper_).buses[0].text, HasSubstr("not valid"));
	EXPECT_THAT(keeper_.take_news(), ElementsAre(HasSubstr("half-written")));
	EXPECT_THAT(lines(keeper_), ElementsAre(publish(mark(1, true, 2))));
	auto damaged = mark(2, true);
	damaged[20] ^= std::byte{1};
	keeper_.take(told(LockEventKind::Changed, damaged), at_s(3));
	EXPECT_THAT(keeper_.take_news(), ElementsAre(HasSubstr("damaged")));
	EXPECT_THAT(lines(keeper_), ElementsAre(publish(mark(1, true, 2))));
}

TEST_F(Keeping, AnOrderThatFailedIsGivenAgainAfterAPause)
{
	have_disk(keeper_);
	keeper_.space_ready();
	keeper_.take(told(LockEventKind::Held, {}), at_s(1));
	(void)keeper_.take_orders();
	keeper_.take(
		{LockEventKind::Failed, lock, {}, Error{{ENOSPC, std::generic_category()}, "full"}},
		at_s(2));
	EXPECT_THAT(keeper_.take_news(), ElementsAre("bus $17$B: full"));
	keeper_.tick(at_s(2));
	EXPECT_THAT(lines(keeper_), IsEmpty());
	EXPECT_EQ(keeper_.next(), at_s(3));
	keeper_.tick(at_s(3));
	EXPECT_THAT(lines(keeper_), ElementsAre(publish(mark(1, false))));
	EXPECT_FALSE(keeper_.next());
}

TEST_F(Keeping, ThisHostsOwnKeysMakeNothingShared)
{
	have_disk(keeper_);
	const std::uint64_t own[] = {1, 2};
	keeper_.keys_seen(sda, own, {2, 1});
	EXPECT_FALSE(keeper_.shared("host2"));
	keeper_.keys_seen(sda, own, {2, 1, 3});
	EXPECT_TRUE(keeper_.shared("host2"));
}

} // namespace
} // namespace swpath
