// SPDX-License-Identifier: LGPL-2.1-or-later
/// One file of the configuration as a tree. The only place that includes toml++.
#pragma once

#include <stdexcept>

// toml++ 3.3.0 asserts its own invariants, and some inputs break them ("[)" does): then it aborts,
// or with NDEBUG runs into undefined behaviour. Here such an input is refused like any other bad
// one. Other inputs need bytes outside ASCII, which are refused before it sees them. Found by
// fuzzing; tests/fuzz/config.cpp keeps looking.
#undef NDEBUG
[[noreturn]] inline void refuse_broken_invariant()
{
	throw std::logic_error("not TOML");
}
#define TOML_ASSERT(expr)                                                                          \
	do {                                                                                       \
		if (!(expr))                                                                       \
			refuse_broken_invariant();                                                 \
	} while (false)
// Values within values; the configuration has no more than four.
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

#include "libpath/config/config.h"

namespace swpath
{

/// The file's tree, or why there is none: larger than 1 MiB, bytes that are not ASCII, a name of
/// more than 256 parts, more than 64 underscores after a digit, not TOML; with the place of the
/// first such thing.
[[nodiscard]] tl::expected<toml::table, ConfigProblem> parse_toml(const ConfigFile &file);

} // namespace swpath
