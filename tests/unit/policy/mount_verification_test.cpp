// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/mount_verification.h"

#include <cerrno>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/policy/mount_verification_fixture.h"
#include "tests/unit/policy/time_points.h"
#include "tests/unit/policy/unit_status_maker.h"

namespace swpath
{
namespace
{

using Kind = MvAction::Kind;
using test::at_ms;
using test::at_s;
using test::Mv;
using test::online_unit;
using test::verifying_unit;
using testing::HasSubstr;

TEST_F(Mv, IsSilentWhileTheUnitIsOnlineOrHeld)
{
	auto status = online_unit();
	EXPECT_TRUE(step(status, 0).empty());
	EXPECT_FALSE(mv_.deadline());
	status.state = UnitState::HELD;
	status.phase = Phase::OPERATOR;
	EXPECT_TRUE(step(status, 1).empty());
}

TEST_F(Mv, VerifiesTheOtherPathWhileTheOldOneDrains)
{
	const auto actions = step(verifying_unit(Phase::DRAIN), 0);
	ASSERT_EQ(actions.size(), 1U);
	EXPECT_EQ(actions[0].kind, Kind::Verify);
	EXPECT_EQ(actions[0].path, 1U);
	EXPECT_EQ(actions[0].mv, 3U);
}

TEST_F(Mv, DoesNotCommitBeforeTheOldPathHasDrained)
{
	const auto drain = verifying_unit(Phase::DRAIN);
	(void)step(drain, 0);
	mv_.verified(3, 1, at_ms(10), "medium");
	EXPECT_EQ(count(step(drain, 0.02), Kind::Commit), 0U);
	const auto actions = step(verifying_unit(), 0.03);
	const auto *commit = find(actions, Kind::Commit);
	ASSERT_NE(commit, nullptr);
	EXPECT_EQ(commit->path, 1U);
	EXPECT_EQ(commit->method, Method::NONE_NEEDED);
	EXPECT_EQ(commit->evidence, "medium");
}

TEST_F(Mv, TellsAHungDirectLegToGiveUpLateAndAServedOneSoon)
{
	auto drain = verifying_unit(Phase::DRAIN);
	EXPECT_EQ(count(step(drain, 0), Kind::GiveUp), 0U);
	EXPECT_EQ(count(step(drain, 7.9), Kind::GiveUp), 0U);
	EXPECT_EQ(count(step(drain, 8), Kind::GiveUp), 1U);
	EXPECT_EQ(count(step(drain, 8.1), Kind::GiveUp), 0U);

	drain.mv = 4;
	drain.from = 1;
	drain.paths[0] = test::path_status(PathKind::DIRECT, 8);
	drain.paths[1].state = PathState::FAILED;
	drain.paths[1].inflight = 2;
	EXPECT_EQ(count(step(drain, 20), Kind::GiveUp), 0U);
	const auto actions = step(drain, 21);
	ASSERT_NE(find(actions, Kind::GiveUp), nullptr);
	EXPECT_EQ(find(actions, Kind::GiveUp)->path, 1U);
}

TEST_F(Mv, CutsTheConnectionOfADirectLegSoonAndResetsItLate)
{
	candidates_[0].connection = true;
	auto drain = verifying_unit(Phase::DRAIN);
	EXPECT_EQ(count(step(drain, 0), Kind::GiveUp), 0U);
	EXPECT_EQ(count(step(drain, 0.9), Kind::GiveUp), 0U);
	EXPECT_EQ(count(step(drain, 1), Kind::GiveUp), 1U);
	EXPECT_EQ(count(step(drain, 8.9), Kind::GiveUp), 0U);
	EXPECT_EQ(count(step(drain, 9), Kind::GiveUp), 1U);
	// A switch that somebody wants: the disk may be slow, and nothing is wrong with it.
	drain.mv = 4;
	drain.reason = Reason::OPERATOR;
	EXPECT_EQ(count(step(drain, 20), Kind::GiveUp), 0U);
	EXPECT_EQ(count(step(drain, 27.9), Kind::GiveUp), 0U);
	EXPECT_EQ(count(step(drain, 28), Kind::GiveUp), 1U);
}

TEST_F(Mv, NeverTellsADrainedLegToGiveUp)
{
	auto drain = verifying_unit(Phase::DRAIN);
	drain.paths[0].inflight = 0;
	(void)step(drain, 0);
	EXPECT_EQ(count(step(drain, 100), Kind::GiveUp), 0U);
}

TEST_F(Mv, AnswersOfAnOlderMountVerificationAreDropped)
{
	(void)step(verifying_unit(), 0);
	mv_.verified(2, 1, at_ms(5), "medium");
	EXPECT_EQ(count(step(verifying_unit(), 0.01), Kind::Commit), 0U);

	mv_.verified(3, 1, at_ms(20), "medium");
	auto next = verifying_unit();
	next.mv = 4;
	const auto actions = step(next, 0.03);
	EXPECT_EQ(count(actions, Kind::Commit), 0U);
	EXPECT_EQ(count(actions, Kind::Verify), 2U);
}

TEST_F(Mv, HoldsOnWhileWritesAreInDoubtAndSaysWhatIsMissing)
{
	auto status = verifying_unit();
	status.doubt = 2;
	(void)step(status, 0);
	mv_.verified(3, 1, at_ms(5), "medium");
	EXPECT_EQ(count(step(status, 1), Kind::Commit), 0U);
	EXPECT_THAT(waits(status, 1),
		    HasSubstr("2 writes in doubt, fence=prove: direct sda: no other host or "
			      "path can reach the disk for it"));
	EXPECT_THAT(waits(status, 1), HasSubstr("'fenced --i-am-sure' ends it"));
}

TEST_F(Mv, GoesOnWithTheMethodAndTheEvidenceOfTheFence)
{
	candidates_[0].fencing = {.key = 0x101};
	candidates_[1].fencing = {.server = 1, .reachable = true, .lu_reset = true};
	auto status = verifying_unit();
	status.doubt = 2;
	EXPECT_EQ(count(step(status, 0), Kind::Fence), 0U) << "there is nowhere to go yet";
	mv_.verified(3, 1, at_ms(5), "medium");
	const auto actions = step(status, 0.01);
	const auto *fence = find(actions, Kind::Fence);
	ASSERT_NE(fence, nullptr);
	EXPECT_EQ(fence->fence.kind, FenceAction::Kind::LuReset);
	EXPECT_EQ(fence->path, 1U);
	EXPECT_EQ(count(actions, Kind::Commit), 0U);
	mv_.fence_done(fence->fence.token, {}, at_ms(20));
	const auto next = step(status, 0.02);
	const auto *commit = find(next, Kind::Commit);
	ASSERT_NE(commit, nullptr);
	EXPECT_EQ(commit->path, 1U);
	EXPECT_EQ(commit->method, Method::LU_RESET);
	EXPECT_EQ(commit->evidence, "reset,by=nbd0");
}

TEST_F(Mv, APersonsWordIsTakenForThisMountVerificationOnly)
{
	auto status = verifying_unit();
	status.doubt = 2;
	EXPECT_FALSE(mv_.fence_confirmed(3));
	(void)step(status, 0);
	mv_.verified(3, 1, at_ms(5), "medium");
	EXPECT_EQ(count(step(status, 0.01), Kind::Commit), 0U);
	EXPECT_FALSE(mv_.fence_confirmed(2));
	EXPECT_TRUE(mv_.fence_confirmed(3));
	const auto actions = step(status, 0.02);
	ASSERT_NE(find(actions, Kind::Commit), nullptr);
	EXPECT_EQ(find(actions, Kind::Commit)->method, Method::OPERATOR);
}

TEST_F(Mv, TheSameDirectPathNeedsNoFenceAndIsPreferredToOne)
{
	candidates_[1].fencing = {.server = 1, .reachable = true, .lu_reset = true};
	auto status = verifying_unit();
	status.doubt = 2;
	(void)step(status, 0);
	mv_.verified(3, 0, at_ms(5), "medium");
	mv_.verified(3, 1, at_ms(5), "medium");
	const auto actions = step(status, 0.01);
	EXPECT_EQ(count(actions, Kind::Fence), 0U);
	ASSERT_NE(find(actions, Kind::Commit), nullptr);
	EXPECT_EQ(find(actions, Kind::Commit)->path, 0U);
}

TEST_F(Mv, TakesACompletedDrainAsProofOnlyUnderThatPolicy)
{
	auto status = verifying_unit();
	status.doubt = 2;
	status.fence = Fence::DRAIN;
	(void)step(status, 0);
	mv_.verified(3, 1, at_ms(5), "medium");
	const auto actions = step(status, 1);
	ASSERT_NE(find(actions, Kind::Commit), nullptr);
	EXPECT_EQ(find(actions, Kind::Commit)->method, Method::DRAINED);
}

TEST_F(Mv, GoesBackToTheSameDirectPathIfItIsTheOnlyOne)
{
	auto status = verifying_unit();
	status.doubt = 5;
	status.paths[1] = test::path_status(PathKind::SERVED, 0, PathState::ABSENT);
	(void)step(status, 0);
	mv_.verified(3, 0, at_ms(5), "medium");
	const auto actions = step(status, 0.01);
	ASSERT_NE(find(actions, Kind::Commit), nullptr);
	EXPECT_EQ(find(actions, Kind::Commit)->path, 0U);
	EXPECT_EQ(find(actions, Kind::Commit)->method, Method::NONE_NEEDED);
}

TEST_F(Mv, DoesNotGoBackToTheSameServedPathWithWritesInDoubt)
{
	auto status = verifying_unit();
	status.doubt = 1;
	status.from = 1;
	status.paths[0] = test::path_status(PathKind::DIRECT, 0, PathState::ABSENT);
	(void)step(status, 0);
	mv_.verified(3, 1, at_ms(5), "medium");
	EXPECT_EQ(count(step(status, 1), Kind::Commit), 0U);
}

TEST_F(Mv, PrefersTheOtherPathToTheOneThatJustFailed)
{
	(void)step(verifying_unit(), 0);
	mv_.verified(3, 0, at_ms(5), "medium");
	// The other one is still being verified: it gets a moment.
	EXPECT_EQ(count(step(verifying_unit(), 0.01), Kind::Commit), 0U);
	ASSERT_TRUE(mv_.deadline());
	EXPECT_EQ(*mv_.deadline(), at_ms(500));
	mv_.verified(3, 1, at_ms(20), "medium");
	const auto actions = step(verifying_unit(), 0.03);
	ASSERT_NE(find(actions, Kind::Commit), nullptr);
	EXPECT_EQ(find(actions, Kind::Commit)->path, 1U);
}

TEST_F(Mv, DoesNotWaitLongForABetterPath)
{
	(void)step(verifying_unit(), 0);
	mv_.verified(3, 0, at_ms(5), "medium");
	const auto actions = step(verifying_unit(), 0.5);
	ASSERT_NE(find(actions, Kind::Commit), nullptr);
	EXPECT_EQ(find(actions, Kind::Commit)->path, 0U);
}

TEST_F(Mv, TheRenewalOfABetterPathsProofIsWaitedForToo)
{
	// The direct path is the better one; I/O left a third, of which nothing is known any more.
	candidates_[0].monitor = MonitorState::Ok;
	auto status = verifying_unit();
	status.from.reset();
	status.paths[0].state = PathState::READY;
	status.doubt = 8;
	(void)step(status, 0);
	mv_.verified(3, 0, at_ms(5), "medium");
	(void)step(status, 1);
	mv_.verified(3, 1, at_ms(1005), "medium");
	const double stale = 0.005 + std::chrono::duration<double>(MvPolicy{}.verify_limit).count();
	const auto renewal = step(status, stale + 0.01);
	ASSERT_NE(find(renewal, Kind::Verify), nullptr);
	EXPECT_EQ(find(renewal, Kind::Verify)->path, 0U);
	EXPECT_TRUE(mv_.fence_confirmed(3));
	EXPECT_EQ(count(step(status, stale + 0.02), Kind::Commit), 0U);
	mv_.verified(3, 0, at_s(stale + 0.03), "medium");
	const auto actions = step(status, stale + 0.04);
	ASSERT_NE(find(actions, Kind::Commit), nullptr);
	EXPECT_EQ(find(actions, Kind::Commit)->path, 0U);
}

TEST_F(Mv, APathThatIsInNoTableAnyMoreCanBeProvedByAPersonAlone)
{
	candidates_[1].fencing = {
		.server = 1, .reachable = true, .lu_reset = true, .export_epoch = 7};
	auto status = verifying_unit();
	status.doubt = 1;
	// Either the unit's keeper knows that the numbers are others now ...
	mv_.set_untraced(true);
	(void)step(status, 0);
	mv_.verified(3, 1, at_ms(5), "medium");
	EXPECT_EQ(count(step(status, 10), Kind::Fence), 0U);
	EXPECT_THAT(waits(status, 10), HasSubstr("the paths were changed meanwhile"));
	mv_.verified(3, 1, at_s(10), "medium");
	EXPECT_TRUE(mv_.fence_confirmed(3));
	const auto actions = step(status, 10.01);
	ASSERT_NE(find(actions, Kind::Commit), nullptr);
	EXPECT_EQ(find(actions, Kind::Commit)->method, Method::OPERATOR);
}

TEST_F(Mv, ATableThatHasLostItsLastPathKeepsThePersonsWord)
{
	// ... or the path was the last one of a longer table.
	auto status = verifying_unit();
	status.doubt = 1;
	status.from = 1;
	(void)step(status, 0);
	status.paths.pop_back();
	status.from.reset();
	candidates_[0].monitor = MonitorState::Ok;
	candidates_[0].fencing = {.reachable = true, .lu_reset = true};
	(void)step(status, 1);
	mv_.verified(3, 0, at_s(1), "medium");
	EXPECT_EQ(count(step(status, 2), Kind::Fence), 0U);
	EXPECT_TRUE(mv_.fence_confirmed(3));
	EXPECT_EQ(count(step(status, 2.1), Kind::Commit), 1U);
}

TEST_F(Mv, WhatWasProvedOfAUnitIsNotProvedOfTheNextOneOfItsName)
{
	candidates_[1].fencing = {.server = 1, .reachable = true, .lu_reset = true};
	auto status = verifying_unit();
	status.doubt = 1;
	const auto fence = [&](double s) {
		(void)step(status, s);
		mv_.verified(3, 1, at_s(s), "medium");
		const auto actions = step(status, s + 0.6);
		const auto *reset = find(actions, Kind::Fence);
		if (reset == nullptr)
			return false;
		EXPECT_EQ(reset->fence.kind, FenceAction::Kind::LuReset);
		mv_.fence_done(reset->fence.token, {}, at_s(s + 0.7));
		EXPECT_EQ(count(step(status, s + 0.8), Kind::Commit), 1U);
		return true;
	};
	EXPECT_TRUE(fence(0));
	(void)step(online_unit(), 2);
	mv_.forget();
	EXPECT_TRUE(fence(3));
}

TEST_F(Mv, ADeviceThatCameBackAsAnotherOneIsFencedThroughItself)
{
	auto status = verifying_unit();
	status.doubt = 1;
	status.paths[1] = test::path_status(PathKind::SERVED, 0, PathState::ABSENT);
	(void)step(status, 0);
	// Deleted, and found again; the kernel has forgotten the one that it left.
	status.from.reset();
	status.paths[0] = test::path_status(PathKind::DIRECT, 8);
	candidates_[0].fencing = {.reachable = true, .lu_reset = true};
	mv_.replaced(0);
	(void)step(status, 1);
	mv_.verified(3, 0, at_s(1), "medium");
	const auto actions = step(status, 1.6);
	const auto *reset = find(actions, Kind::Fence);
	ASSERT_NE(reset, nullptr);
	EXPECT_EQ(reset->fence.kind, FenceAction::Kind::LuReset);
	EXPECT_EQ(reset->fence.path, 0U);
	EXPECT_EQ(count(actions, Kind::Commit), 0U);
	mv_.fence_done(reset->fence.token, {}, at_s(1.7));
	const auto after = step(status, 1.8);
	ASSERT_NE(find(after, Kind::Commit), nullptr);
	EXPECT_EQ(find(after, Kind::Commit)->method, Method::LU_RESET);
}

TEST_F(Mv, RemembersOverAReloadWhichPathItLeft)
{
	auto status = verifying_unit();
	EXPECT_TRUE(mv_.may_have_left(status, 0)) << "the kernel knows";
	EXPECT_FALSE(mv_.may_have_left(status, 1));
	auto reloaded = status;
	reloaded.from.reset();
	EXPECT_TRUE(mv_.may_have_left(reloaded, 1)) << "nobody has seen it before the reload";
	(void)step(status, 0);
	(void)step(reloaded, 1);
	EXPECT_TRUE(mv_.may_have_left(reloaded, 0));
	EXPECT_FALSE(mv_.may_have_left(reloaded, 1));
	// Of another one it is no word.
	reloaded.mv++;
	EXPECT_TRUE(mv_.may_have_left(reloaded, 1));
}

TEST_F(Mv, TakesADampedPathIfThereIsNothingBetter)
{
	candidates_[1].monitor = MonitorState::Damped;
	auto status = verifying_unit();
	status.paths[1].state = PathState::FAILED;
	status.paths[1].reason = Reason::ERROR;
	(void)step(status, 0);
	mv_.refuted(3, 0, at_ms(5), Reason::OFFLINE);
	mv_.verified(3, 1, at_ms(6), "medium");
	const auto actions = step(status, 0.01);
	ASSERT_NE(find(actions, Kind::Commit), nullptr);
	EXPECT_EQ(find(actions, Kind::Commit)->path, 1U);
}

TEST_F(Mv, NeverTakesAPathThatTheOperatorFailed)
{
	auto status = verifying_unit();
	status.paths[1].state = PathState::FAILED;
	status.paths[1].reason = Reason::OPERATOR;
	const auto actions = step(status, 0);
	ASSERT_EQ(count(actions, Kind::Verify), 1U);
	EXPECT_EQ(find(actions, Kind::Verify)->path, 0U);
	EXPECT_THAT(waits(status, 0), HasSubstr("served nbd0: failed by the operator"));
}

TEST_F(Mv, RejectsTheWrongDiskOnceAndCommitsItNever)
{
	(void)step(verifying_unit(), 0);
	mv_.refuted(3, 1, at_ms(5), Reason::IDENTITY);
	auto actions = step(verifying_unit(), 0.01);
	ASSERT_EQ(count(actions, Kind::Reject), 1U);
	EXPECT_EQ(find(actions, Kind::Reject)->reason, Reason::IDENTITY);
	EXPECT_EQ(count(step(verifying_unit(), 0.02), Kind::Reject), 0U);
	EXPECT_THAT(waits(verifying_unit(), 0.02), HasSubstr("served nbd0: another disk"));
	EXPECT_EQ(count(step(verifying_unit(), 60), Kind::Commit), 0U);
}

TEST_F(Mv, ARejectedPathThatIsProvedRightAgainIsReinstatedFirst)
{
	auto status = verifying_unit();
	status.paths[1].state = PathState::REJECTED;
	status.paths[1].reason = Reason::WRITE_PROTECTED;
	(void)step(status, 0);
	mv_.verified(3, 1, at_ms(5), "medium");
	const auto actions = step(status, 0.01);
	ASSERT_NE(find(actions, Kind::Commit), nullptr);
	EXPECT_TRUE(find(actions, Kind::Commit)->reinstate_first);
}

TEST_F(Mv, RetriesAFailedVerificationAtItsPace)
{
	(void)step(verifying_unit(), 0);
	mv_.refuted(3, 0, at_s(0), Reason::OFFLINE);
	mv_.refuted(3, 1, at_s(0), Reason::OFFLINE);
	EXPECT_EQ(count(step(verifying_unit(), 0.4), Kind::Verify), 0U);
	EXPECT_EQ(mv_.deadline(), at_ms(500));
	EXPECT_EQ(count(step(verifying_unit(), 0.5), Kind::Verify), 2U);
}

TEST_F(Mv, AVerificationThatNeverAnswersCountsAsFailedAndIsRepeated)
{
	(void)step(verifying_unit(), 0);
	EXPECT_EQ(count(step(verifying_unit(), 4.9), Kind::Verify), 0U);
	(void)step(verifying_unit(), 5);
	EXPECT_THAT(waits(verifying_unit(), 5), HasSubstr("served nbd0: command timeout"));
	EXPECT_EQ(count(step(verifying_unit(), 5.5), Kind::Verify), 2U);
}

TEST_F(Mv, AReplacedDeviceIsVerifiedAtOnce)
{
	(void)step(verifying_unit(), 0);
	mv_.refuted(3, 0, at_s(0), Reason::PATH_GONE);
	EXPECT_EQ(count(step(verifying_unit(), 0.1), Kind::Verify), 0U);
	mv_.replaced(0);
	const auto actions = step(verifying_unit(), 0.2);
	ASSERT_EQ(count(actions, Kind::Verify), 1U);
	EXPECT_EQ(actions[0].path, 0U);
}

TEST_F(Mv, ACommitIsNotRepeatedBeforeItsAnswer)
{
	(void)step(verifying_unit(), 0);
	mv_.verified(3, 1, at_ms(5), "medium");
	EXPECT_EQ(count(step(verifying_unit(), 0.01), Kind::Commit), 1U);
	EXPECT_EQ(count(step(verifying_unit(), 0.02), Kind::Commit), 0U);
	mv_.commit_refused(3, 1, EBUSY, at_ms(30));
	EXPECT_EQ(count(step(verifying_unit(), 0.1), Kind::Commit), 0U);
	EXPECT_EQ(count(step(verifying_unit(), 0.53), Kind::Commit), 1U);
}

TEST_F(Mv, ACommitThatVanishedIsRepeated)
{
	(void)step(verifying_unit(), 0);
	mv_.verified(3, 1, at_ms(5), "medium");
	EXPECT_EQ(count(step(verifying_unit(), 0.01), Kind::Commit), 1U);
	EXPECT_EQ(count(step(verifying_unit(), 0.51), Kind::Commit), 1U);
}

TEST_F(Mv, APathThatReturnsEndsATimedOutUnitOnce)
{
	auto status = verifying_unit();
	status.state = UnitState::FAILED;
	status.phase = Phase::NONE;
	status.reason = Reason::MV_TIMEOUT;
	status.since_ms = 10000;
	EXPECT_TRUE(step(status, 100).empty());
	candidates_[1].proved_at = at_s(80); // before it failed
	EXPECT_TRUE(step(status, 100).empty());
	candidates_[1].proved_at = at_s(95);
	EXPECT_EQ(count(step(status, 100), Kind::Retry), 1U);
	EXPECT_EQ(count(step(status, 101), Kind::Retry), 0U);
}

TEST_F(Mv, AnAbortIsEndedByAPersonOnly)
{
	auto status = verifying_unit();
	status.state = UnitState::FAILED;
	status.phase = Phase::NONE;
	status.reason = Reason::ABORT;
	status.since_ms = 10000;
	candidates_[1].proved_at = at_s(99);
	EXPECT_TRUE(step(status, 100).empty());
	EXPECT_THAT(waits(status, 100), HasSubstr("'retry' ends it"));
}

TEST_F(Mv, SaysWhatDrains)
{
	auto status = verifying_unit(Phase::DRAIN);
	status.oldest_ms = 5200;
	(void)step(status, 0);
	EXPECT_EQ(waits(status, 0), "4 in flight on direct sda, oldest 5200 ms");
}

/// Safety of the answer, whatever the kernel shows and the workers say: a commit names the MV that
/// the kernel is in, a path that was verified for it, and a proof that the fence policy allows.
TEST(MvProperty, EveryCommitIsProvedForThisMountVerification)
{
	EXPECT_TRUE(rc::check([] {
		MountVerification mv{MvPolicy{}};
		const std::array<MvCandidate, 2> candidates{
			MvCandidate{"a", MonitorState::Ok, {}},
			MvCandidate{"b", MonitorState::Damped, {}}};
		UnitStatus status = online_unit();
		std::array<std::uint64_t, 2> proved_for{};
		Instant now = test::t0;

		const auto moves = *rc::gen::container<std::vector<std::uint32_t>>(
			rc::gen::arbitrary<std::uint32_t>());
		for (const auto move : moves) {
			const unsigned path = (move >> 4) & 1;
			now += std::chrono::milliseconds((move >> 16) % 3000);
			switch (move % 9) {
			case 0:
				status = verifying_unit(Phase::DRAIN);
				status.mv = 10 + ((move >> 8) & 7);
				break;
			case 1:
				status.phase = Phase::PROVE;
				status.paths[0].inflight = 0;
				break;
			case 2:
				status.doubt = (move >> 8) & 3;
				break;
			case 3:
				status.fence = path ? Fence::DRAIN : Fence::PROVE;
				break;
			case 4: {
				const std::uint64_t of = status.mv - ((move >> 8) & 1);
				mv.verified(of, path, now, "medium");
				if (status.state == UnitState::VERIFY && of == status.mv)
					proved_for[path] = of;
				break;
			}
			case 5:
				mv.refuted(status.mv, path, now, Reason::IDENTITY);
				proved_for[path] = 0;
				break;
			case 6:
				status = online_unit();
				break;
			case 7:
				status.from = path;
				break;
			default:
				status.paths[path].state = static_cast<PathState>((move >> 8) % 4);
				status.paths[path].reason =
					(move >> 10) & 1 ? Reason::OPERATOR : Reason::ERROR;
				break;
			}
			for (const auto &action : mv.step(status, candidates, now)) {
				RC_ASSERT(action.path < status.paths.size());
				if (action.kind != Kind::Commit)
					continue;
				RC_ASSERT(status.state == UnitState::VERIFY);
				RC_ASSERT(status.phase == Phase::PROVE);
				RC_ASSERT(action.mv == status.mv);
				RC_ASSERT(proved_for[action.path] == status.mv);
				const auto &target = status.paths[action.path];
				RC_ASSERT(target.state != PathState::ABSENT);
				RC_ASSERT(target.state != PathState::FAILED ||
					  target.reason != Reason::OPERATOR);
				if (status.doubt > 0) {
					const bool same_direct = status.from == action.path &&
								 target.kind == PathKind::DIRECT;
					RC_ASSERT(same_direct ||
						  (status.fence == Fence::DRAIN &&
						   action.method == Method::DRAINED));
				}
			}
		}
	}));
}

} // namespace
} // namespace swpath
