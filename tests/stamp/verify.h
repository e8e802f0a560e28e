// SPDX-License-Identifier: GPL-2.0-or-later
/// Reads back what a writer's log speaks of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libpath/base/result.h"
#include "tests/stamp/ledger.h"

namespace swpath::stamp
{

struct VerifyReport {
	std::uint64_t blocks = 0; ///< that were written at least once
	std::uint64_t lost = 0;
	std::uint64_t ghost = 0;
	std::uint64_t misplaced = 0;
	std::uint64_t errors = 0;         ///< no sound stamp, or not readable
	std::vector<std::string> details; ///< the first ten, one line each

	[[nodiscard]] bool is_clean() const { return lost + ghost + misplaced + errors == 0; }
	/// "verified 12 blocks: 0 lost, 0 ghost, 0 misplaced, 0 errors"
	[[nodiscard]] std::string summary() const;
	void count(std::uint64_t block, const Finding &finding);
};

/// Every written block of `ledger`, through `device`. Blocks for as long as the reads take.
/// Errors: of opening; EINVAL the device is smaller than the log says.
Result<VerifyReport> verify(const Ledger &ledger, const std::string &device);

} // namespace swpath::stamp
