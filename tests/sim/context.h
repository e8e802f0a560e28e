// SPDX-License-Identifier: GPL-2.0-or-later
/// What every part of one run shares: time, chance, the trace, the judge, and what is broken on
/// purpose.
#pragma once

#include "checker.h"
#include "mutant.h"
#include "random.h"
#include "schedule.h"
#include "trace.h"

namespace swpath::sim
{

struct Context {
	Schedule schedule;
	Random random;
	Trace trace;
	Checker checker;
	Mutant mutant;

	Context(std::uint64_t seed, bool trace_on, Mutant broken)
		: random(seed), trace(schedule, trace_on), checker(schedule), mutant(broken)
	{
	}
	Context(const Context &) = delete;
	Context &operator=(const Context &) = delete;

	[[nodiscard]] bool broken(Mutant which) const { return mutant == which; }
};

} // namespace swpath::sim
