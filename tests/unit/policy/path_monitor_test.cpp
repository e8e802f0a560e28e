// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/path_monitor.h"

#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "libpath/unit/reason.h"
#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using std::chrono::seconds;
using test::at_s;

MonitorPolicy policy()
{
	MonitorPolicy p;
	p.check_interval = seconds(5);
	p.check_interval_max = seconds(20);
	p.first_retry = seconds(1);
	p.stable = seconds(20);
	return p;
}

ProbeFailed failed(double s, Reason reason = Reason::TIMEOUT)
{
	return {at_s(s), reason};
}

TEST(PathMonitor, StartsUnknownAndIsProbedAtOnce)
{
	PathMonitor monitor(policy());
	EXPECT_EQ(monitor.state(), MonitorState::Unknown);
	EXPECT_FALSE(monitor.usable());
	EXPECT_LE(monitor.next_probe(), at_s(0));
}

TEST(PathMonitor, FirstGoodProbeMakesItUsableWithoutAStablePeriod)
{
	PathMonitor monitor(policy());
	monitor.step(ProbeOk{at_s(1)});
	EXPECT_EQ(monitor.state(), MonitorState::Ok);
	EXPECT_EQ(monitor.proved_at(), at_s(1));
	EXPECT_EQ(monitor.next_probe(), at_s(6));
}

TEST(PathMonitor, AVoidedProofIsReplacedOnlyByACheckThatBeginsLater)
{
	PathMonitor monitor(policy());
	monitor.step(ProbeOk{at_s(1)});
	monitor.step(ProofVoided{at_s(3)});
	EXPECT_EQ(monitor.state(), MonitorState::Ok);
	EXPECT_FALSE(monitor.proved_at());
	monitor.step(ProbeOk{at_s(2)});
	EXPECT_FALSE(monitor.proved_at());
	monitor.step(ProbeOk{at_s(4)});
	EXPECT_EQ(monitor.proved_at(), at_s(4));
}

TEST(PathMonitor, OneFailedProbeEndsTheProof)
{
	PathMonitor monitor(policy());
	monitor.step(ProbeOk{at_s(1)});
	monitor.step(failed(6));
	EXPECT_EQ(monitor.state(), MonitorState::Failed);
	EXPECT_EQ(monitor.fault(), Reason::TIMEOUT);
	EXPECT_FALSE(monitor.proved_at());
}

TEST(PathMonitor, DoesNotReinstateBeforeStablePeriod)
{
	PathMonitor monitor(policy());
	monitor.step(failed(0));
	for (double s = 1; s < 21; s += 1) {
		monitor.step(ProbeOk{at_s(s)});
		EXPECT_EQ(monitor.state(), MonitorState::Checking) << s;
	}
	EXPECT_EQ(monitor.usable_from(), at_s(21));
	monitor.step(ProbeOk{at_s(21)});
	EXPECT_EQ(monitor.state(), MonitorState::Ok);
	EXPECT_EQ(monitor.since(), at_s(21));
}

TEST(PathMonitor, AFailureInTheStablePeriodStartsItAgain)
{
	PathMonitor monitor(policy());
	monitor.step(failed(0));
	monitor.step(ProbeOk{at_s(1)});
	monitor.step(failed(10));
	monitor.step(ProbeOk{at_s(11)});
	monitor.step(ProbeOk{at_s(30)});
	EXPECT_EQ(monitor.state(), MonitorState::Checking);
	monitor.step(ProbeOk{at_s(31)});
	EXPECT_EQ(monitor.state(), MonitorState::Ok);
}

TEST(PathMonitor, ProofAgainstTheDiskIsARejection)
{
	for (const Reason reason :
	     {Reason::IDENTITY, Reason::SIZE, Reason::WRITE_PROTECTED, Reason::STALE_DATA}) {
		PathMonitor monitor(policy());
		monitor.step(ProbeOk{at_s(0)});
		monitor.step(failed(1, reason));
		EXPECT_EQ(monitor.state(), MonitorState::Rejected) << word(reason);
	}
}

TEST(PathMonitor, AProbeThatBeganBeforeTheFailureProvesNothing)
{
	PathMonitor monitor(policy());
	monitor.step(PathLost{at_s(10), Reason::ERROR});
	monitor.step(ProbeOk{at_s(9)});
	EXPECT_EQ(monitor.state(), MonitorState::Failed);
	EXPECT_FALSE(monitor.proved_at());
}

TEST(PathMonitor, ProbesADeadPathSoonAtFirstAndThenMoreSeldom)
{
	PathMonitor monitor(policy());
	std::vector<double> waits;
	double s = 0;
	for (int i = 0; i < 7; i++) {
		monitor.step(failed(s));
		const auto wait =
			std::chrono::duration<double>(monitor.next_probe() - at_s(s)).count();
		waits.push_back(wait);
		s += wait;
	}
	EXPECT_EQ(waits, (std::vector<double>{1, 2, 4, 8, 16, 20, 20}));
}

TEST(PathMonitor, AShortStablePeriodIsNotStretchedByTheCheckInterval)
{
	auto p = policy();
	p.stable = seconds(2);
	PathMonitor monitor(p);
	monitor.step(failed(0));
	monitor.step(ProbeOk{at_s(1)});
	EXPECT_EQ(monitor.next_probe(), at_s(3));
}

TEST(PathMonitor, FlappingPathIsDamped)
{
	auto p = policy();
	p.stable = seconds(1);
	PathMonitor monitor(p);
	double s = 0;
	monitor.step(ProbeOk{at_s(s)});
	for (int i = 0; i < 3; i++) {
		monitor.step(PathLost{at_s(s += 1), Reason::ERROR});
		monitor.step(ProbeOk{at_s(s += 1)});
		monitor.step(ProbeOk{at_s(s += 2)});
	}
	EXPECT_EQ(monitor.state(), MonitorState::Damped);
	const auto from = monitor.usable_from();
	ASSERT_TRUE(from);
	EXPECT_GT(*from, at_s(s) + seconds(30));
	monitor.step(ProbeOk{*from - seconds(1)});
	EXPECT_EQ(monitor.state(), MonitorState::Damped);
	monitor.step(ProbeOk{*from + std::chrono::milliseconds(1)});
	EXPECT_EQ(monitor.state(), MonitorState::Ok);
}

TEST(PathMonitor, FailedProbesOfADeadPathAreNotFlapping)
{
	auto p = policy();
	p.stable = seconds(1);
	PathMonitor monitor(p);
	monitor.step(ProbeOk{at_s(0)});
	for (int i = 1; i <= 50; i++)
		monitor.step(failed(i));
	monitor.step(ProbeOk{at_s(51)});
	monitor.step(ProbeOk{at_s(52)});
	EXPECT_EQ(monitor.state(), MonitorState::Ok);
}

TEST(PathMonitor, OperatorsPardonEndsDampingAndTheStablePeriod)
{
	PathMonitor monitor(policy());
	for (int i = 0; i < 4; i++) {
		monitor.step(ProbeOk{at_s(2 * i)});
		monitor.step(failed(2 * i + 1));
	}
	monitor.step(ProbeOk{at_s(20)});
	EXPECT_EQ(monitor.state(), MonitorState::Damped);
	monitor.step(PathPardoned{at_s(21)});
	EXPECT_EQ(monitor.state(), MonitorState::Ok);
	EXPECT_EQ(monitor.penalty(at_s(21)), 0);
}

TEST(PathMonitor, PardonOfASilentPathDoesNotMakeItUsable)
{
	PathMonitor monitor(policy());
	monitor.step(failed(0));
	monitor.step(PathPardoned{at_s(1)});
	EXPECT_EQ(monitor.state(), MonitorState::Failed);
	monitor.step(ProbeOk{at_s(2)});
	EXPECT_EQ(monitor.state(), MonitorState::Ok);
}

TEST(PathMonitor, APathThatAMountVerificationTookIsUsableAndKeepsItsPenalty)
{
	PathMonitor monitor(policy());
	monitor.step(ProbeOk{at_s(0)});
	monitor.step(failed(1));
	monitor.step(PathTaken{at_s(2)});
	EXPECT_EQ(monitor.state(), MonitorState::Ok);
	EXPECT_GT(monitor.penalty(at_s(2)), 900);
}

/// What must hold after any event, whatever came before.
void check_invariants(const PathMonitor &monitor, Instant now)
{
	// A ticket is never offered by a path whose last word was a failure.
	if (monitor.state() == MonitorState::Failed || monitor.state() == MonitorState::Rejected) {
		ASSERT_FALSE(monitor.proved_at());
		ASSERT_NE(monitor.fault(), Reason::NONE);
	} else {
		ASSERT_EQ(monitor.fault(), Reason::NONE);
	}
	ASSERT_EQ(monitor.state() == MonitorState::Rejected, refuses(monitor.fault()));
	ASSERT_EQ(monitor.usable(), monitor.state() == MonitorState::Ok);
	ASSERT_GE(monitor.penalty(now), 0);
	ASSERT_LE(monitor.penalty(now), policy().ceiling);
	// It is always probed again, and within the ceiling.
	ASSERT_LE(monitor.next_probe(), now + policy().check_interval_max);
}

TEST(PathMonitor, InvariantsHoldForEverySequenceOfSevenEvents)
{
	constexpr unsigned kinds = 6;
	constexpr unsigned steps = 7;
	unsigned total = 1;
	for (unsigned i = 0; i < steps; i++)
		total *= kinds;

	for (unsigned code = 0; code < total; code++) {
		PathMonitor monitor(policy());
		for (unsigned rest = code, i = 0; i < steps; i++, rest /= kinds) {
			const Instant now = at_s(9.0 * (i + 1));
			switch (rest % kinds) {
			case 0:
				monitor.step(ProbeOk{now});
				break;
			case 1:
				monitor.step(ProbeFailed{now, Reason::TIMEOUT});
				break;
			case 2:
				monitor.step(ProbeFailed{now, Reason::IDENTITY});
				break;
			case 3:
				monitor.step(PathLost{now, Reason::ERROR});
				break;
			case 4:
				monitor.step(PathTaken{now});
				break;
			default:
				monitor.step(PathPardoned{now});
				break;
			}
			check_invariants(monitor, now);
			if (HasFatalFailure())
				FAIL() << "sequence " << code;
		}
	}
}

/// Liveness: whatever happened, a path that then answers every probe is usable within a bound.
TEST(PathMonitor, AnsweringPathBecomesUsableWithinTheBound)
{
	EXPECT_TRUE(rc::check([] {
		const auto p = policy();
		PathMonitor monitor(p);
		Instant now = test::t0;
		const auto events = *rc::gen::container<std::vector<std::pair<unsigned, unsigned>>>(
			rc::gen::pair(rc::gen::inRange(0U, 3U), rc::gen::inRange(1U, 30000U)));
		for (const auto &[kind, wait_ms] : events) {
			now += std::chrono::milliseconds(wait_ms);
			if (kind == 0)
				monitor.step(ProbeOk{now});
			else if (kind == 1)
				monitor.step(ProbeFailed{now, Reason::TIMEOUT});
			else
				monitor.step(PathLost{now, Reason::STALL});
		}
		const Instant bound = now + p.check_interval_max +
				      std::max<Duration>(p.max_damped(), p.stable) +
				      2 * p.check_interval;
		unsigned probes = 0;
		while (!monitor.usable()) {
			now = std::max(now, monitor.next_probe());
			RC_ASSERT(now <= bound);
			RC_ASSERT(++probes < 1000U);
			monitor.step(ProbeOk{now});
		}
	}));
}

TEST(PathMonitor, LongestDampingIsTheDecayFromCeilingToReuse)
{
	// 6400 to 800 is three halvings of 60 s.
	EXPECT_EQ(std::chrono::duration_cast<seconds>(MonitorPolicy{}.max_damped()), seconds(180));
}

} // namespace
} // namespace swpath
