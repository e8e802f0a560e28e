// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/fence.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/fence_fixture.h"
#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using Kind = FenceAction::Kind;
using test::at_ms;
using test::at_s;
using test::FenceTest;
using test::FenceWorld;
using test::key_beta;
using test::key_direct;
using test::key_gamma;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(FenceTest, ADeviceThatCameBackIsNotShutOutByTheKeyThatItStillHas)
{
	auto now = facts(1, 0);
	now.device_gone = true;
	const auto proof = run_for(now, 3);
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::LU_RESET);
	EXPECT_THAT(did_, ElementsAre(Kind::LuReset));
}

TEST_F(FenceTest, TheServerAbortsTheClientsOwnPath)
{
	world_.nexuses[0].queued = true;
	const auto proof = run(facts(1, 1), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::PREEMPT_ABORT);
	EXPECT_EQ(proof->evidence, "0x5357000000000001,gen=1,rejected,by=beta");
	EXPECT_THAT(did_, ElementsAre(Kind::ReadKeys, Kind::PreemptAbort, Kind::ReadKeys,
				      Kind::ProveRejected));
	EXPECT_FALSE(world_.ghost_possible(0));
}

TEST_F(FenceTest, KeysAndAReservationThatAreMissingAreMade)
{
	world_.registered = {{0, key_direct}};
	world_.type = ReservationType::None;
	world_.holder.reset();
	world_.nexuses[0].queued = true;
	const auto proof = run(facts(1, 1), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::PREEMPT_ABORT);
	EXPECT_EQ(world_.type, ReservationType::WriteExclusiveRegistrants);
	EXPECT_EQ(world_.holder, 1U);
	EXPECT_FALSE(world_.may_write(0));
	EXPECT_TRUE(world_.may_write(1));
}

TEST_F(FenceTest, TheReservationComesBeforeTheAbort)
{
	// Else what the server's kernel sends again after the abort is let in before the
	// reservation.
	world_.type = ReservationType::None;
	world_.holder.reset();
	paths_[1].reachable = false;
	ASSERT_TRUE(run_for(facts(2, 0), 2));
	const auto reserve = std::find(did_.begin(), did_.end(), Kind::Reserve);
	const auto abort = std::find(did_.begin(), did_.end(), Kind::PreemptAbort);
	EXPECT_LT(reserve - did_.begin(), abort - did_.begin());
}

TEST_F(FenceTest, AKeyThatCameBackIsAbortedAgain)
{
	ASSERT_TRUE(run(facts(1, 1), at_s(0)));
	world_.registered[0] = key_direct;
	world_.nexuses[0].queued = true;
	ASSERT_TRUE(run(facts(1, 1), at_s(5)));
	EXPECT_FALSE(world_.ghost_possible(0));
}

TEST_F(FenceTest, TheReservationKeepsItsType)
{
	world_.type = ReservationType::ExclusiveAccessRegistrants;
	ASSERT_TRUE(run(facts(1, 1), at_s(0)));
	EXPECT_EQ(world_.type, ReservationType::ExclusiveAccessRegistrants);
}

TEST_F(FenceTest, AnotherServerMayAbortIfTheTargetHasItsKey)
{
	paths_[1].reachable = false;
	const auto proof = run(facts(1, 1), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_THAT(proof->evidence, HasSubstr("by=gamma"));
	EXPECT_TRUE(world_.may_write(1));
}

TEST_F(FenceTest, ATargetWithoutAKeyIsGivenOne)
{
	world_.registered.erase(1);
	// Beta does not abort, for whatever reason.
	auto f = facts(1, 1);
	const auto first = fencing_.step(f, at_s(0));
	fencing_.failed(first.begin()->token, EIO, at_s(0));
	const auto proof = run_for(f, 1);
	ASSERT_TRUE(proof);
	EXPECT_THAT(proof->evidence, HasSubstr("by=gamma"));
	EXPECT_TRUE(world_.may_write(1));
}

TEST_F(FenceTest, ATargetThatCanHaveNoKeyIsNotShutOutByAReservation)
{
	paths_[1].reservations = false;
	world_.type = ReservationType::None;
	world_.holder.reset();
	const auto proof = run(facts(1, 1), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::LU_RESET);
	EXPECT_TRUE(world_.may_write(1));
}

TEST_F(FenceTest, ADiskThatDoesNotEnforceIsFoundOut)
{
	world_.enforces = false;
	for (auto &path : paths_)
		path.lu_reset = false;
	EXPECT_FALSE(run_for(facts(1, 1), 30));
	EXPECT_THAT(fencing_.missing(facts(1, 1)),
		    HasSubstr("the disk accepts writes that its reservation forbids"));
}

TEST_F(FenceTest, AnOldPathThatIsSilentIsNotAskedForItsRejection)
{
	paths_[0].reachable = false;
	const auto proof = run(facts(1, 1), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_THAT(did_, testing::Not(testing::Contains(Kind::ProveRejected)));
}

TEST_F(FenceTest, AKeyThatIsGoneProvesNothingAboutWhatItLetIn)
{
	world_.registered.erase(0);
	world_.holder = 1;
	world_.nexuses[0].queued = true;
	const auto proof = run(facts(1, 1), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::LU_RESET);
	EXPECT_EQ(proof->evidence, "reset+keys,by=beta");
	EXPECT_FALSE(world_.ghost_possible(0));
}

TEST_F(FenceTest, AKeyThatIsGoneAndNoResetIsNoProofAndIsSaid)
{
	world_.registered.erase(0);
	world_.holder = 1;
	for (auto &path : paths_)
		path.lu_reset = false;
	EXPECT_FALSE(run_for(facts(1, 1), 60));
	EXPECT_THAT(fencing_.missing(facts(1, 1)),
		    HasSubstr("the key of direct sda is not registered"));
}

TEST_F(FenceTest, WithoutReservationsTheUnitIsReset)
{
	world_.reservations = false;
	world_.nexuses[0].queued = true;
	const auto proof = run_for(facts(1, 1), 5);
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::LU_RESET);
	EXPECT_EQ(proof->evidence, "reset,by=beta");
}

TEST_F(FenceTest, WithoutReservationsAndResetItHoldsAndSaysSo)
{
	for (auto &path : paths_) {
		path.reservations = false;
		path.lu_reset = false;
	}
	EXPECT_FALSE(run_for(facts(1, 1), 60));
	EXPECT_TRUE(did_.empty());
	EXPECT_EQ(fencing_.missing(facts(1, 1)),
		  "direct sda: the disk has no persistent reservations, no other path may reset "
		  "the logical unit");
}

TEST_F(FenceTest, AServerThatAnswersRevokesItsExport)
{
	const auto proof = run(facts(2, 0), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::EXPORT_REVOKED);
	EXPECT_EQ(proof->evidence, "beta@7,ended=0");
	EXPECT_THAT(did_, ElementsAre(Kind::Revoke));
}

TEST_F(FenceTest, WhatAServerLostOnItsOwnPathIsEndedInTheDisk)
{
	world_.nexuses[1].queued = true;
	world_.nexuses[1].gave_up = true;
	world_.reservations = false;
	const auto proof = run_for(facts(2, 0), 5);
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::LU_RESET);
	EXPECT_EQ(proof->evidence, "reset,by=sda");
	EXPECT_FALSE(world_.ghost_possible(1));
}

TEST_F(FenceTest, WhatAServerLostIsAbortedByItsKeyIfItHasOne)
{
	world_.nexuses[1].queued = true;
	world_.nexuses[1].gave_up = true;
	const auto proof = run_for(facts(2, 0), 5);
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::PREEMPT_ABORT);
	EXPECT_FALSE(world_.ghost_possible(1));
}

TEST_F(FenceTest, WhatAServerLostIsNoProofWithoutAWayToTheDisk)
{
	world_.nexuses[1].queued = true;
	world_.nexuses[1].gave_up = true;
	for (auto &path : paths_) {
		path.reservations = false;
		path.lu_reset = false;
	}
	EXPECT_FALSE(run_for(facts(2, 0), 30));
	EXPECT_THAT(fencing_.missing(facts(2, 0)),
		    HasSubstr("the disk may still work on 1 of them"));
}

TEST_F(FenceTest, AResetFromBeforeTheServersEndCountsForNothing)
{
	// It drains for long; meanwhile the unit is reset, and the server's kernel sends again.
	world_.reservations = false;
	world_.nexuses[1].queued = true;
	EXPECT_FALSE(run_for(facts(2, 0), 6));
	EXPECT_THAT(did_, testing::Contains(Kind::LuReset));
	did_.clear();
	world_.nexuses[1].queued = true;
	world_.nexuses[1].gave_up = true;
	std::optional<FenceProof> proof;
	for (double s = 6; s < 12 && !proof; s += 0.1)
		proof = run(facts(2, 0), at_s(s));
	ASSERT_TRUE(proof);
	EXPECT_THAT(did_, testing::Contains(Kind::LuReset));
	EXPECT_FALSE(world_.ghost_possible(1));
}

TEST_F(FenceTest, TheSameServerAgainMayGoOnAfterErrorsOfItsPathButNotAfterABoot)
{
	world_.nexuses[1].gave_up = true;
	world_.reservations = false;
	const auto proof = run(facts(2, 1), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::EXPORT_REVOKED);

	Fencing booted{FencePolicy{}};
	const auto actions = booted.step(facts(2, 1), at_s(0));
	ASSERT_EQ(actions.begin()->kind, Kind::Revoke);
	FenceAnswer answer;
	answer.lost = 1;
	answer.rebooted = true;
	booted.done(actions.begin()->token, answer, at_s(0));
	EXPECT_FALSE(booted.proof(facts(2, 1), at_s(1)));
}

TEST_F(FenceTest, AnExportThatDrainsIsWaitedForBeforeItsServerIsShutOut)
{
	world_.nexuses[1].parked = true;
	EXPECT_FALSE(run_for(facts(2, 0), 4));
	EXPECT_THAT(did_, testing::Each(Kind::Revoke));
	EXPECT_THAT(fencing_.missing(facts(2, 0)),
		    HasSubstr("beta has closed its export but its requests have not ended"));
	world_.arrive(1);
	world_.execute(1);
	const auto proof = run(facts(2, 0), at_s(4.6));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::EXPORT_REVOKED);
}

TEST_F(FenceTest, AServerThatIsGoneIsShutOutOfTheDisk)
{
	world_.nexuses[1].parked = true;
	paths_[1].reachable = false;
	EXPECT_FALSE(run(facts(2, 0), at_s(0)));
	const auto proof = run(facts(2, 0), at_s(1));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::PREEMPT_ABORT);
	EXPECT_FALSE(world_.ghost_possible(1));
}

TEST_F(FenceTest, AResetAloneIsNoProofAgainstAServerThatMayWakeUp)
{
	world_.reservations = false;
	world_.nexuses[1].parked = true;
	paths_[1].reachable = false;
	EXPECT_FALSE(run_for(facts(2, 0), 60));
	EXPECT_THAT(did_, testing::Not(testing::Contains(Kind::LuReset)));
}

TEST_F(FenceTest, AnExportThatIsClosedIsHelpedByAReset)
{
	world_.reservations = false;
	world_.nexuses[1].queued = true;
	EXPECT_FALSE(run_for(facts(2, 0), 5.2));
	EXPECT_THAT(did_, testing::Contains(Kind::LuReset));
	// Sent again by the server's kernel, and this time it ends.
	world_.arrive(1);
	world_.execute(1);
	const auto proof = run_for(facts(2, 0), 12);
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::EXPORT_REVOKED);
}

TEST_F(FenceTest, TheClusterIsAskedLast)
{
	world_.reservations = false;
	paths_[1].reachable = false;
	paths_[1].agent = true;
	EXPECT_FALSE(run_for(facts(2, 0), 9.9));
	EXPECT_THAT(did_, testing::Not(testing::Contains(Kind::AskClusterFence)));
	const auto proof = run_for(facts(2, 0), 20);
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::NODE_FENCED);
	EXPECT_EQ(proof->evidence, "beta,reset");
}

TEST_F(FenceTest, AServerIsNotShutOutOfAPathThatIsToBeUsed)
{
	paths_[1].reachable = false;
	paths_[1].agent = true;
	EXPECT_FALSE(run_for(facts(2, 1), 60));
	EXPECT_TRUE(did_.empty());
}

TEST_F(FenceTest, TheSameServerAgainNeedsARevokedExport)
{
	const auto proof = run(facts(2, 1), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::EXPORT_REVOKED);
}

TEST_F(FenceTest, APersonsWordEndsItForThisMountVerificationOnly)
{
	for (auto &path : paths_)
		path.reachable = false;
	EXPECT_FALSE(run(facts(1, 1), at_s(0)));
	EXPECT_FALSE(fencing_.confirmed(2));
	EXPECT_TRUE(fencing_.confirmed(3));
	const auto proof = run(facts(1, 1), at_s(1));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::OPERATOR);
	auto next = facts(1, 1);
	next.mv = 4;
	EXPECT_FALSE(run(next, at_s(2)));
}

TEST_F(FenceTest, AServerEndsItsExportAfterAPersonsWordIfThereIsNoOtherPath)
{
	paths_[1].reachable = false;
	EXPECT_FALSE(run(facts(2, {}), at_s(0)));
	EXPECT_TRUE(fencing_.confirmed(3));
	EXPECT_TRUE(did_.empty());
	// It is back, and grants us no other export before.
	paths_[1].reachable = true;
	EXPECT_FALSE(run(facts(2, {}), at_s(1)));
	EXPECT_THAT(did_, testing::ElementsAre(Kind::Revoke));
	// A path that is to be gone on with keeps its export.
	did_.clear();
	EXPECT_TRUE(run(facts(2, 1), at_s(2)));
	EXPECT_TRUE(did_.empty());
}

TEST_F(FenceTest, ThereIsNoProofWithoutATarget)
{
	EXPECT_FALSE(run(facts(1, {}), at_s(0)));
	(void)fencing_.confirmed(3);
	EXPECT_FALSE(run(facts(1, {}), at_s(0)));
	EXPECT_TRUE(did_.empty());
}

TEST_F(FenceTest, SeveralOldPathsAreProvedByTheWeakestOfTheirProofs)
{
	const auto proof = run(facts(3, 2), at_s(0));
	ASSERT_TRUE(proof);
	EXPECT_EQ(proof->method, Method::PREEMPT_ABORT);
	EXPECT_THAT(did_, testing::Contains(Kind::Revoke));
}

TEST_F(FenceTest, AnswersThatComeTooLateChangeNothing)
{
	const auto actions = fencing_.step(facts(2, 0), at_s(0));
	ASSERT_FALSE(actions.empty());
	const auto token = actions.begin()->token;
	(void)fencing_.step(facts(2, 0), at_s(5));
	fencing_.done(token, {}, at_s(5.1));
	EXPECT_FALSE(fencing_.proof(facts(2, 0), at_s(5.1)));

	Fencing other{FencePolicy{}};
	const auto first = other.step(facts(2, 0), at_s(0));
	auto next = facts(2, 0);
	next.mv = 4;
	(void)other.step(next, at_s(0.1));
	other.done(first.begin()->token, {}, at_s(0.2));
	EXPECT_FALSE(other.proof(next, at_s(0.2)));
}

TEST_F(FenceTest, KeysAreReadAgainWhileTheProofIsNotUsed)
{
	ASSERT_TRUE(run(facts(1, 1), at_s(0)));
	EXPECT_EQ(fencing_.deadline(), at_s(5));
	// Somebody clears everything meanwhile.
	world_.registered.clear();
	world_.type = ReservationType::None;
	world_.holder.reset();
	EXPECT_FALSE(fencing_.proof(facts(1, 1), at_s(5)));
	did_.clear();
	ASSERT_TRUE(run(facts(1, 1), at_s(5)));
	EXPECT_THAT(did_, testing::Contains(Kind::Reserve));
	EXPECT_FALSE(world_.may_write(0));
}

TEST_F(FenceTest, TheEvidenceIsOneWordThatTheKernelTakes)
{
	paths_[1].name = "a host with spaces, and with a name that is very long indeed, longer "
			 "than the word";
	for (const unsigned target : {0U, 1U}) {
		Fencing fencing{FencePolicy{}};
		fencing_ = fencing;
		const auto proof = run(facts(target == 0 ? 2 : 1, target), at_s(0));
		ASSERT_TRUE(proof);
		EXPECT_LT(proof->evidence.size(), std::size_t{SW_WORD_MAX});
		EXPECT_EQ(proof->evidence.find(' '), std::string_view::npos);
	}
}

/// Killed after any number of actions, whose answers are lost, it starts over and ends in a proof.
TEST_F(FenceTest, ADaemonThatDiesAtAnyStepEndsTheSame)
{
	for (const std::uint32_t old : {1U, 2U}) {
		for (unsigned killed_at = 0; killed_at < 8; killed_at++) {
			set_up();
			paths_[1].reachable = old != 2;
			for (auto &nexus : world_.nexuses)
				nexus.queued = true;
			const auto f = facts(old, old == 1 ? 1 : 0);
			unsigned done = 0;
			for (double s = 0; s < 3 && done < killed_at; s += 0.5) {
				for (unsigned round = 0; round < 20 && done < killed_at; round++) {
					for (const auto &action : fencing_.step(f, at_s(s))) {
						FenceAnswer answer;
						const int error = world_.carry_out(action, answer);
						if (++done >= killed_at)
							break;
						if (error != 0)
							fencing_.failed(action.token, error,
									at_s(s));
						else
							fencing_.done(action.token, answer,
								      at_s(s));
					}
				}
			}
			fencing_ = Fencing{FencePolicy{}};
			const auto proof = run_for(f, 10);
			ASSERT_TRUE(proof)
				<< old << " killed at " << killed_at << ": " << fencing_.missing(f);
			EXPECT_FALSE(world_.ghost_possible(old == 1 ? 0 : 1)) << killed_at;
		}
	}
}

} // namespace
} // namespace swpath
