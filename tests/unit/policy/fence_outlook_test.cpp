// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/fence_outlook.h"

#include <gmock/gmock.h>

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::IsEmpty;

FencePath direct(std::uint64_t key = 0)
{
	FencePath path;
	path.reachable = true;
	path.reservations = key != 0;
	path.lu_reset = true;
	path.key = key;
	path.name = "sda";
	return path;
}

FencePath served(std::uint64_t key = 0)
{
	FencePath path = direct(key);
	path.kind = PathKind::SERVED;
	path.server = 1;
	path.export_epoch = 7;
	path.name = "beta";
	return path;
}

TEST(FenceOutlook, ADirectPathIsFencedThroughAnotherNexus)
{
	EXPECT_THAT(fence_outlook(std::vector{direct(), served()}, 0),
		    ElementsAre(FenceChance{Method::LU_RESET, 1}));
	EXPECT_THAT(fence_outlook(std::vector{direct(1), served(2)}, 0),
		    ElementsAre(FenceChance{Method::PREEMPT_ABORT, 1},
				FenceChance{Method::LU_RESET, 1}));
}

TEST(FenceOutlook, AServerIsAskedToRevokeFirst)
{
	const auto keys = fence_outlook(std::vector{direct(1), served(2)}, 1);
	ASSERT_FALSE(keys.empty());
	EXPECT_EQ(keys[0], (FenceChance{Method::EXPORT_REVOKED, 1}));
	EXPECT_THAT(keys, testing::Contains(FenceChance{Method::PREEMPT_ABORT, 0}));
	// Without keys nothing of a dead server can be proved.
	auto dead = served();
	dead.reachable = false;
	EXPECT_THAT(fence_outlook(std::vector{direct(), dead}, 1),
		    testing::Not(testing::Contains(FenceChance{Method::LU_RESET, 0})));
}

TEST(FenceOutlook, WithoutAnotherNexusAPersonHasToDecide)
{
	EXPECT_THAT(fence_outlook(std::vector{direct(1)}, 0), IsEmpty());
	auto gone = served(2);
	gone.reachable = gone.reservations = gone.lu_reset = false;
	EXPECT_THAT(fence_outlook(std::vector{direct(1), gone}, 0), IsEmpty());
	// A foreign server: it has no epoch, and nothing of it is known.
	FencePath foreign;
	foreign.kind = PathKind::SERVED;
	EXPECT_THAT(fence_outlook(std::vector{direct(), foreign}, 1), IsEmpty());
}

} // namespace
} // namespace swpath
