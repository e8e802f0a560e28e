// SPDX-License-Identifier: GPL-2.0-or-later
/// What a simulator is asked on its command line: which seeds, and which mutant of its own.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "libpath/base/words.h"

namespace swpath::sim
{

/// Violations that are told; more of them tell no more.
inline constexpr std::uint64_t violations_max = 20;

template <class MutantWord>
struct SeedOptions {
	std::uint64_t first = 1;
	std::uint64_t last = 1000;
	bool trace = false;
	/// End with the first violation of this promise, and pass over the others; empty: never.
	std::string until;
	MutantWord mutant = MutantWord::NONE;

	/// `app` may have options of the simulator's own. Nothing: run; a number: end with it.
	[[nodiscard]] std::optional<int> parse(CLI::App &app, int argc, char **argv)
	{
		std::string seeds, broken;
		std::uint64_t seed = 0;
		app.add_option("--seeds", seeds, "run seeds A to B (1-1000)");
		const auto *one = app.add_option("--seed", seed, "run one seed");
		app.add_flag("--trace", trace, "tell what happens");
		app.add_option("--until", until,
			       "end with the first violation of this promise, pass over others");
		app.add_option("--mutant", broken, "break this: " + words_listed<MutantWord>());
		try {
			app.parse(argc, argv);
		} catch (const CLI::ParseError &error) {
			return app.exit(error);
		}
		if (!seeds.empty() && std::sscanf(seeds.c_str(), "%lu-%lu", &first, &last) != 2) {
			fmt::print(stderr, "{}: '{}' is not A-B\n", app.get_name(), seeds);
			return 2;
		}
		if (*one)
			first = last = seed;
		if (broken.empty())
			return std::nullopt;
		const auto which = from_word<MutantWord>(broken);
		if (!which) {
			fmt::print(stderr, "{}: no mutant '{}': {}\n", app.get_name(), broken,
				   words_listed<MutantWord>());
			return 2;
		}
		mutant = *which;
		return std::nullopt;
	}
};

/// Tells of a violation and counts it. True: it was the last one that is wanted.
template <class MutantWord>
[[nodiscard]] bool tell(const SeedOptions<MutantWord> &options, const std::string &replay,
			std::uint64_t seed, const std::string &violation, std::uint64_t &violations)
{
	const auto promise = violation.substr(0, violation.find_first_of(": "));
	if (violation.empty() || (!options.until.empty() && promise != options.until))
		return false;
	violations++;
	fmt::print("seed {}: {}\n", seed, violation);
	if (options.mutant == MutantWord::NONE)
		fmt::print("  ./dev test sim {} {} --trace\n", replay, seed);
	return !options.until.empty() || violations == violations_max;
}

} // namespace swpath::sim
