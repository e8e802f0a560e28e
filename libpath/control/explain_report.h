// SPDX-License-Identifier: LGPL-2.1-or-later
/// Why a disk has the paths that it has, as it is told. Plain data; report_json.h has its form on
/// the wire, explain.h makes it.
#pragma once

#include <string>
#include <vector>

#include "libpath/control/report.h"

namespace swpath
{

/// What is said about one thing.
struct Explanation {
	std::string
		about; ///< "unit sw0", "path 0, direct sda", "device sdc", "active path", "fence"
	std::vector<std::string> sentences; ///< each with its full stop

	bool operator==(const Explanation &) const = default;
};

struct ExplainReport {
	WallTime generated{};
	Source source = Source::Pathd;
	std::string version; ///< of the program that made it
	std::string disk;    ///< as it was asked for
	std::string unit;    ///< that it belongs to; empty: none
	std::string wwid;    ///< may be empty
	std::vector<Explanation> explanations;

	bool operator==(const ExplainReport &) const = default;
};

} // namespace swpath
