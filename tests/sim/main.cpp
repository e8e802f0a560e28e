// SPDX-License-Identifier: GPL-2.0-or-later
/// Runs seeds and sums up. A seed that breaks a promise is named with the command that shows it.
#include <chrono>

#include <fmt/core.h>

#include "tests/sim/seed_options.h"
#include "world.h"

namespace
{

using namespace swpath;
using namespace swpath::sim;

struct Options : SeedOptions<Mutant> {
	double seconds = 0; ///< end after so many; 0: with the last seed
};

struct Sum {
	RunResult all;
	std::uint64_t runs = 0;
	std::uint64_t violations = 0;
};

void add(Sum &sum, const RunResult &run)
{
	sum.runs++;
	sum.all.switches += run.switches;
	sum.all.holds += run.holds;
	sum.all.ios += run.ios;
	sum.all.errors += run.errors;
	sum.all.events += run.events;
	sum.all.faults += run.faults;
	sum.all.ghosts_by_policy += run.ghosts_by_policy;
	sum.all.ghosts_of_crash += run.ghosts_of_crash;
	sum.all.stale_reads += run.stale_reads;
	sum.all.simulated += run.simulated;
}

Sum run_seeds(const Options &options)
{
	using Clock = std::chrono::steady_clock;
	const auto begin = Clock::now();
	Sum sum;
	for (std::uint64_t seed = options.first; seed <= options.last; seed++) {
		if (options.seconds > 0 &&
		    std::chrono::duration<double>(Clock::now() - begin).count() >= options.seconds)
			break;
		const auto run = World(seed, options.trace, options.mutant).run();
		add(sum, run);
		if (tell(options, "--seed", seed, run.violation, sum.violations))
			break;
	}
	const double took = std::chrono::duration<double>(Clock::now() - begin).count();
	fmt::print("{} runs, {} holds, {} faults, {} I/Os ({} errors), {:.1f} hours of virtual "
		   "time in "
		   "{:.1f} s, {:.0f} switches/s\n",
		   sum.runs, sum.all.holds, sum.all.faults, sum.all.ios, sum.all.errors,
		   static_cast<double>(sum.all.simulated) / 3600e9, took,
		   static_cast<double>(sum.all.switches) / took);
	fmt::print("ghost writes that no promise forbids: {} under fence=drain, {} from before a "
		   "crash of the client\n",
		   sum.all.ghosts_by_policy, sum.all.ghosts_of_crash);
	fmt::print("{} reads of old contents through a server that was not ours\n",
		   sum.all.stale_reads);
	return sum;
}

} // namespace

int main(int argc, char **argv)
{
	Options options;
	CLI::App app("deterministic simulator of a unit, its paths, servers and disk", "swsim");
	app.add_option("--seconds", options.seconds, "end after so many seconds");
	if (const auto end = options.parse(app, argc, argv))
		return *end;
	const Sum sum = run_seeds(options);
	fmt::print("{} switches simulated, {} violations\n", sum.all.switches, sum.violations);
	return sum.violations == 0 && sum.runs > 0 ? 0 : 1;
}
