// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/lock_space_watch.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

constexpr Duration usual = LockSpaceWatch::usual_change;
constexpr Instant start{100s};

TEST(LockSpaceWatchTest, AChangeThatIsOverSoonIsNoStandstill)
{
	LockSpaceWatch watch;
	EXPECT_FALSE(watch.seen(true, start));
	EXPECT_FALSE(watch.seen(false, start + 2s));
	EXPECT_FALSE(watch.seen(false, start + 2s + usual - 1ms));
	EXPECT_FALSE(watch.seen(true, start + 2s + usual));
	EXPECT_FALSE(watch.stands_still());
	// The next one begins anew.
	EXPECT_FALSE(watch.seen(false, start + 3s + usual));
	EXPECT_FALSE(watch.stands_still());
}

TEST(LockSpaceWatchTest, AStandstillIsToldOnceAndSoIsItsEnd)
{
	LockSpaceWatch watch;
	EXPECT_FALSE(watch.seen(false, start));
	EXPECT_TRUE(watch.seen(false, start + usual));
	EXPECT_TRUE(watch.stands_still());
	EXPECT_FALSE(watch.seen(false, start + usual + 2s));
	EXPECT_TRUE(watch.stands_still());
	EXPECT_TRUE(watch.seen(true, start + usual + 4s));
	EXPECT_FALSE(watch.stands_still());
}

} // namespace
} // namespace swpath
