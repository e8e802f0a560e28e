// SPDX-License-Identifier: GPL-2.0-or-later
/// Runs churn schedules and sums up. A seed that breaks a rule is named with the command that shows
/// it.
#include <chrono>

#include <fmt/core.h>

#include "churn.h"
#include "tests/sim/seed_options.h"

namespace
{

using namespace swpath;
using namespace swpath::sim;

using Options = SeedOptions<ChurnMutant>;

bool run_seeds(const Options &options)
{
	using Clock = std::chrono::steady_clock;
	const auto begin = Clock::now();
	ChurnResult all;
	std::uint64_t runs = 0, violations = 0;
	Nanos longest = 0;
	for (std::uint64_t seed = options.first; seed <= options.last; seed++) {
		const auto run = Churn(seed, options.trace, options.mutant).run();
		runs++;
		all.faults += run.faults;
		all.rounds += run.rounds;
		all.aborts += run.aborts;
		all.refused += run.refused;
		all.activations += run.activations;
		all.simulated += run.simulated;
		all.events += run.events;
		longest = std::max(longest, run.quiet);
		if (tell(options, "--churn-seed", seed, run.violation, violations))
			break;
	}
	const double took = std::chrono::duration<double>(Clock::now() - begin).count();
	fmt::print("{} faults, {} rounds of a host complete, {} aborted, {} activations, {} frames "
		   "refused, {} events, {:.1f} hours of virtual time in {:.1f} s; together again "
		   "within {:.1f} s\n",
		   all.faults, all.rounds, all.aborts, all.activations, all.refused, all.events,
		   static_cast<double>(all.simulated) / 3600e9, took,
		   static_cast<double>(longest) / 1e9);
	fmt::print("{} churn schedules simulated, {} violations\n", runs, violations);
	return violations == 0 && runs > 0;
}

} // namespace

int main(int argc, char **argv)
{
	Options options;
	CLI::App app("deterministic simulator of the cluster's recovery under churn", "swchurn");
	if (const auto end = options.parse(app, argc, argv))
		return *end;
	return run_seeds(options) ? 0 : 1;
}
