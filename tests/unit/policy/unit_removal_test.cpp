// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/unit_removal.h"

#include <gtest/gtest.h>

#include "tests/unit/policy/unit_status_maker.h"

namespace swpath
{
namespace
{

TEST(UnitRemoval, IsForAUnitThatNobodyMisses)
{
	auto status = test::online_unit();
	EXPECT_FALSE(why_unit_stays(status, 0));
	// Nor does anybody miss one that waits, or has failed, with nothing to lose.
	for (const auto state : {UnitState::VERIFY, UnitState::HELD, UnitState::FAILED}) {
		status.state = state;
		EXPECT_FALSE(why_unit_stays(status, 0)) << word(state);
	}
}

TEST(UnitRemoval, IsNotForOneThatIsOpen)
{
	EXPECT_EQ(why_unit_stays(test::online_unit(), 1), "it is open");
}

TEST(UnitRemoval, WaitsForIo)
{
	auto status = test::online_unit();
	status.paths[1].inflight = 1;
	EXPECT_EQ(why_unit_stays(status, 0), "I/O is on its way");
	status.paths[1].inflight = 0;
	status.held_bios = 3;
	EXPECT_EQ(why_unit_stays(status, 0), "I/O is on its way");
}

TEST(UnitRemoval, DoesNotForgetWritesInDoubt)
{
	auto status = test::online_unit();
	status.state = UnitState::FAILED;
	status.doubt = 2;
	EXPECT_EQ(why_unit_stays(status, 0), "2 writes are in doubt");
}

} // namespace
} // namespace swpath
