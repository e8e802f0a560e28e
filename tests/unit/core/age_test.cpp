// SPDX-License-Identifier: GPL-2.0-or-later
/// sw-age.c: how old the oldest bio is, as far as a ring of generations can tell.
#include <array>
#include <deque>

#include <gtest/gtest.h>

extern "C" {
#include "sw-age.h"
}

namespace
{

constexpr u64 ms = 1000000;

/// A unit without its paths: bios are sent and come back, and it ticks.
class Ages
{
public:
	explicit Ages(unsigned stall_ms) : stall_ms_(stall_ms) { sw_ages_init(&ages_, stall_ms); }

	[[nodiscard]] unsigned send()
	{
		count_[ages_.generation]++;
		return ages_.generation;
	}
	void back(unsigned generation) { count_[generation]--; }
	[[nodiscard]] u64 oldest() const
	{
		return sw_ages_oldest(&ages_, count_.data(), now_) / ms;
	}
	[[nodiscard]] u64 now() const { return now_ / ms; }
	[[nodiscard]] unsigned tick_ms() const { return ages_.tick_ms; }

	/// Until `at`; true if a tick found a stall, and then it is the moment of that tick.
	bool run_until(u64 at)
	{
		for (; now_ + ages_.tick_ms * ms <= at * ms;) {
			now_ += ages_.tick_ms * ms;
			const bool stalled = oldest() >= stall_ms_;
			sw_ages_tick(&ages_, count_.data(), now_);
			if (stalled)
				return true;
		}
		return false;
	}

private:
	unsigned stall_ms_;
	sw_ages ages_{};
	std::array<unsigned, SW_GENERATIONS> count_{};
	u64 now_ = 0;
};

class Budget : public testing::TestWithParam<unsigned>
{
};

TEST_P(Budget, NoticesWithinAQuarterABioThatHangs)
{
	const unsigned stall = GetParam();
	// Sent after another one that is slow but comes back, at any moment of its life.
	for (u64 slow = 0; slow < stall; slow += stall / 64 + 1) {
		for (u64 sent = 0; sent <= slow; sent += stall / 32 + 1) {
			Ages ages(stall);
			const unsigned first = ages.send();
			ASSERT_FALSE(ages.run_until(sent));
			(void)ages.send();
			ASSERT_FALSE(ages.run_until(slow)) << sent;
			ages.back(first);
			ASSERT_TRUE(ages.run_until(10 * u64{stall})) << sent;
			ASSERT_GE(ages.now() + ages.tick_ms(), sent + stall);
			// It was sent between two ticks, and so was seen up to one later.
			ASSERT_LE(ages.now(), sent + stall + stall / 4)
				<< "sent at " << sent << ", slow for " << slow;
		}
	}
}

TEST_P(Budget, IsShortOfTheTruthByAnEighthAtMostHoweverLongItHangs)
{
	const unsigned stall = GetParam();
	Ages ages(stall);
	(void)ages.send();
	for (u64 at = 0; at < 5 * u64{stall}; at += ages.tick_ms()) {
		(void)ages.run_until(at);
		ASSERT_LE(ages.oldest(), ages.now());
		ASSERT_GE(ages.oldest() + stall / 8, ages.now());
	}
}

TEST_P(Budget, ToAUnitThatIsWellATickIsTheMeasure)
{
	Ages ages(GetParam());
	// Bios that come back after three ticks, all the time, and one that does not.
	std::deque<unsigned> out;
	const auto passes = [&] {
		(void)ages.run_until(ages.now() + ages.tick_ms());
		out.push_back(ages.send());
		if (out.size() > 3) {
			ages.back(out.front());
			out.pop_front();
		}
	};
	for (unsigned ticks = 0; ticks < 4 * SW_GENERATIONS; ticks++)
		passes();
	(void)ages.send();
	const u64 sent = ages.now();
	for (unsigned ticks = 1; ticks < SW_GENERATIONS / 2; ticks++) {
		passes();
		EXPECT_GE(ages.oldest() + ages.tick_ms(), ages.now() - sent);
	}
	EXPECT_LE(ages.tick_ms(), unsigned{SW_TICK_MS_MAX});
}

INSTANTIATE_TEST_SUITE_P(OfStallMs, Budget,
			 testing::Values(SW_STALL_MS_MIN, 101, 4000, 4001, SW_STALL_MS_DEFAULT,
					 7999, 8001, 10000, 30000, 59999, SW_STALL_MS_MAX));

// One is slow from the beginning, the next one is sent 8.1 s later and hangs.
TEST(Ages, ASlowBioHidesNoneThatHangsForLong)
{
	Ages ages(30000);
	const unsigned slow = ages.send();
	ASSERT_FALSE(ages.run_until(8300));
	(void)ages.send();
	ASSERT_FALSE(ages.run_until(29000));
	ages.back(slow);
	ASSERT_FALSE(ages.run_until(30000));
	EXPECT_GE(ages.oldest(), 30000U - 8300U - 30000U / 8);
	ASSERT_TRUE(ages.run_until(100000));
	EXPECT_LE(ages.now(), 8300U + 30000U + 30000U / 4);
}

TEST(Ages, WithoutABudgetTheAgeIsRightForTenMinutes)
{
	Ages ages(0);
	(void)ages.send();
	for (u64 at = 0; at < SW_STALL_MS_MAX; at += 500) {
		(void)ages.run_until(at);
		ASSERT_GE(ages.oldest() + SW_STALL_MS_MAX / 8, ages.now());
	}
}

} // namespace
