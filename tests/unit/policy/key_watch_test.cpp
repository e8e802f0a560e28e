// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/key_watch.h"

#include <array>
#include <cerrno>

#include <gtest/gtest.h>

#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using Kind = FenceAction::Kind;
using std::chrono::seconds;
using test::at_s;

constexpr std::uint64_t key_a = 0xa, key_b = 0xb;
constexpr Duration life = seconds(10);

class KeyWatchTest : public testing::Test
{
protected:
	KeyWatch watch_;

	KeyWatchTest()
	{
		const std::array paths{FencePath{.reservations = true, .key = key_a},
				       FencePath{.reservations = true, .key = key_b}};
		watch_.look(paths, at_s(-60), life);
		for (unsigned path = 0; path < 2; path++)
			watch_.seen(path == 0 ? key_a : key_b, at_s(-1));
	}
	void order(std::uint64_t token, Kind kind, double s, unsigned path = 1)
	{
		watch_.ordered(
			{.kind = kind, .token = token, .path = path, .key = key_a, .victim = key_a},
			at_s(s), life);
	}
};

TEST_F(KeyWatchTest, APathIsWithoutItsKeyFromTheOrderOnUntilALaterLookHasFoundIt)
{
	EXPECT_FALSE(watch_.may_lack(0, true));
	order(1, Kind::PreemptAbort, 0);
	EXPECT_TRUE(watch_.may_lack(0, true));
	EXPECT_FALSE(watch_.may_lack(1, true)) << "its key is not the victim";
	watch_.done(1, {}, at_s(2));
	watch_.seen(key_a, at_s(1));
	EXPECT_TRUE(watch_.may_lack(0, false)) << "that look began before the order was over";
	watch_.seen(key_a, at_s(2.5));
	EXPECT_FALSE(watch_.may_lack(0, true));
}

TEST_F(KeyWatchTest, AnOrderWithoutAnAnswerIsOverWhenNobodyCanCarryItOut)
{
	order(1, Kind::PreemptAbort, 0);
	watch_.failed(1, ETIMEDOUT, at_s(5));
	watch_.seen(key_a, at_s(9));
	EXPECT_TRUE(watch_.may_lack(0, false));
	EXPECT_EQ(watch_.over(0, false), at_s(10));
	watch_.seen(key_a, at_s(11));
	EXPECT_FALSE(watch_.may_lack(0, false));
}

TEST_F(KeyWatchTest, AnOrderThatWasRefusedIsOver)
{
	order(1, Kind::PreemptAbort, 0);
	watch_.failed(1, EBADE, at_s(1));
	watch_.seen(key_a, at_s(2));
	EXPECT_FALSE(watch_.may_lack(0, false));
}

TEST_F(KeyWatchTest, AnEarlierOrderIsNotForgottenForALaterAnswer)
{
	order(1, Kind::PreemptAbort, 0);
	order(2, Kind::PreemptAbort, 5);
	watch_.done(2, {}, at_s(6));
	watch_.seen(key_a, at_s(7));
	EXPECT_TRUE(watch_.may_lack(0, false)) << "the first one may still come";
	for (std::uint64_t token = 3; token < 100; token++)
		order(token, Kind::LuReset, 8);
	EXPECT_TRUE(watch_.may_lack(0, false)) << "nor for many others";
	EXPECT_EQ(watch_.over(0, false), at_s(10));
}

TEST_F(KeyWatchTest, TheFencesOwnLooksCount)
{
	order(1, Kind::PreemptAbort, 0);
	watch_.done(1, {}, at_s(1));
	order(2, Kind::ReadKeys, 2);
	watch_.done(2, {.keys = {key_b}}, at_s(2.1));
	EXPECT_TRUE(watch_.may_lack(0, false));
	order(3, Kind::RegisterKey, 3, 0);
	watch_.done(3, {}, at_s(3.1));
	EXPECT_FALSE(watch_.may_lack(0, false));
	order(4, Kind::PreemptAbort, 4);
	watch_.done(4, {}, at_s(4.1));
	order(5, Kind::ReadKeys, 5);
	watch_.done(5, {.keys = {key_a, key_b}}, at_s(5.1));
	EXPECT_FALSE(watch_.may_lack(0, false));
}

TEST_F(KeyWatchTest, AnEarlierDaemonMayHaveSentOrdersWhereAFenceIsDue)
{
	KeyWatch fresh;
	const std::array paths{FencePath{.reservations = true, .key = key_a}};
	fresh.look(paths, at_s(0), life);
	fresh.look(paths, at_s(60), life);
	fresh.seen(key_a, at_s(5));
	EXPECT_TRUE(fresh.may_lack(0, true));
	EXPECT_FALSE(fresh.may_lack(0, false));
	fresh.seen(key_a, at_s(11));
	EXPECT_FALSE(fresh.may_lack(0, true));
}

TEST_F(KeyWatchTest, AServersPathIsWithoutTheKeyOfTheNexusThatItsExportIsOn)
{
	constexpr std::uint64_t other = 0xc, third = 0xd;
	const auto look = [&](std::uint64_t export_key) {
		const std::array paths{FencePath{.kind = PathKind::SERVED,
						 .reservations = true,
						 .key = key_a,
						 .export_key = export_key,
						 .keys = {key_a, other, third}}};
		watch_.look(paths, at_s(0), life);
	};
	look(other);
	watch_.seen(other, at_s(0));
	order(1, Kind::PreemptAbort, 1);
	EXPECT_FALSE(watch_.may_lack(0, false)) << "the one that it would get next";
	watch_.done(1, {}, at_s(1.5));
	watch_.ordered({.kind = Kind::PreemptAbort, .token = 2, .victim = other}, at_s(2), life);
	EXPECT_TRUE(watch_.may_lack(0, false));
	watch_.done(2, {}, at_s(2.5));
	watch_.seen(key_a, at_s(3));
	EXPECT_TRUE(watch_.may_lack(0, false)) << "another nexus is back";
	look(key_a);
	EXPECT_FALSE(watch_.may_lack(0, false)) << "and has the export now";
	watch_.ordered({.kind = Kind::PreemptAbort, .token = 3, .victim = third}, at_s(4), life);
	look(third);
	EXPECT_TRUE(watch_.may_lack(0, false)) << "it was ordered while the export was elsewhere";
}

TEST_F(KeyWatchTest, WithoutReservationsNothingIsMissing)
{
	KeyWatch fresh;
	const std::array paths{FencePath{.key = key_a}, FencePath{}};
	fresh.look(paths, at_s(0), life);
	EXPECT_FALSE(fresh.may_lack(0, true));
	EXPECT_FALSE(fresh.may_lack(1, true));
	EXPECT_FALSE(fresh.may_lack(SW_PATHS_MAX, true));
}

TEST_F(KeyWatchTest, APathThatNeedsNoKeyAnyMoreLacksNone)
{
	order(1, Kind::PreemptAbort, 0);
	EXPECT_TRUE(watch_.may_lack(0, false));
	watch_.forget_paths();
	EXPECT_FALSE(watch_.may_lack(0, false));
	const std::array paths{FencePath{.reservations = true, .key = key_b},
			       FencePath{.reservations = true, .key = key_a}};
	watch_.look(paths, at_s(1), life);
	EXPECT_FALSE(watch_.may_lack(0, false));
	EXPECT_TRUE(watch_.may_lack(1, false)) << "what was ordered is of the key";
}

} // namespace
} // namespace swpath
