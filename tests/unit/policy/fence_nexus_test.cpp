// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a server that has more than one way to the disk.
#include "libpath/policy/fence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/fence_fixture.h"
#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using Kind = FenceAction::Kind;
using test::at_s;
using test::FenceTest;
using test::key_beta;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(FenceTest, TheSameServerByAnotherNexusHasToEndWhatTheFirstHasLost)
{
	world_.nexuses[1].gave_up = true;
	world_.nexuses[1].queued = true;
	paths_[1].moved = true;
	paths_[2].reachable = false;
	const auto proof = run_for(facts(2, 1), 5);
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::LU_RESET);
	EXPECT_EQ(proof->evidence, "reset,by=beta");
	EXPECT_THAT(did_, ElementsAre(Kind::Revoke, Kind::LuReset));
	EXPECT_FALSE(world_.ghost_possible(1));
}

TEST_F(FenceTest, TheSameServerByAnotherNexusIsNoProofIfNobodyMayReset)
{
	world_.nexuses[1].gave_up = true;
	paths_[1].moved = true;
	paths_[1].agent = true;
	for (auto &path : paths_)
		path.lu_reset = false;
	EXPECT_FALSE(run_for(facts(2, 1), 60));
	EXPECT_THAT(did_, ElementsAre(Kind::Revoke));
	EXPECT_THAT(fencing_.missing(facts(2, 1)),
		    HasSubstr("beta goes on by another of its devices, and no path may reset the "
			      "logical unit"));
}

TEST_F(FenceTest, TheSameServerByAnotherNexusMayGoOnIfTheFirstHasLostNothing)
{
	paths_[1].moved = true;
	const auto proof = run(facts(2, 1), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::EXPORT_REVOKED);
}

TEST_F(FenceTest, AServerResetsNothingByItsOtherNexusBeforeItsRequestsHaveEnded)
{
	world_.nexuses[1].queued = true;
	paths_[1].moved = true;
	paths_[0].reachable = paths_[2].reachable = false;
	EXPECT_FALSE(run_for(facts(2, 1), 20));
	EXPECT_THAT(did_, testing::Each(Kind::Revoke));
}

/// Path 1's host has a second nexus, which exports are on; paths_[1].key is the first one's.
class FenceOfTwoNexusesTest : public FenceTest
{
protected:
	static constexpr std::uint64_t key_second = 0x5357000000000004;

	FenceOfTwoNexusesTest()
	{
		paths_[1].reachable = false;
		paths_[1].keys = {key_beta, key_second};
		paths_[1].doubt_keys = {key_second};
		world_.nexuses.push_back({.key = key_second, .parked = true, .served = true});
		world_.registered[3] = key_second;
	}
};

TEST_F(FenceOfTwoNexusesTest, AServerIsShutOutByEveryKeyThatItMayHave)
{
	world_.nexuses[3].queued = true;
	const auto proof = run_for(facts(2, 0), 2);
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::PREEMPT_ABORT);
	EXPECT_THAT(proof->evidence, HasSubstr("0x5357000000000004"));
	EXPECT_THAT(world_.registered, testing::Not(testing::Contains(testing::Key(1))));
	EXPECT_THAT(world_.registered, testing::Not(testing::Contains(testing::Key(3))));
	EXPECT_FALSE(world_.ghost_possible(3));
}

TEST_F(FenceOfTwoNexusesTest, AMissingKeyOfTheNexusInDoubtNeedsAReset)
{
	world_.registered.erase(3);
	world_.nexuses[3].queued = true;
	const auto proof = run_for(facts(2, 0), 2);
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::LU_RESET);
	EXPECT_EQ(proof->evidence, "reset+keys,by=sda");
	EXPECT_FALSE(world_.ghost_possible(3));
}

TEST_F(FenceOfTwoNexusesTest, AMissingKeyOfAnotherNexusDoesNot)
{
	world_.registered.erase(1);
	const auto proof = run_for(facts(2, 0), 2);
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::PREEMPT_ABORT);
}

TEST_F(FenceOfTwoNexusesTest, WithoutAllKeysNobodyIsShutOut)
{
	paths_[1].keys.push_back(0);
	EXPECT_FALSE(run_for(facts(2, 0), 20));
	EXPECT_TRUE(did_.empty());
	EXPECT_THAT(fencing_.missing(facts(2, 0)),
		    HasSubstr("the reservation key of served beta is not known"));
}

} // namespace
} // namespace swpath
