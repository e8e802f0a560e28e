// SPDX-License-Identifier: GPL-2.0-or-later
/// `pathctl check`: the answer of a monitoring plugin. Pure.
#pragma once

#include <string>

#include "libpath/control/report.h"

namespace swpath::ctl
{

/// Exit statuses of monitoring plugins.
enum class CheckStatus : std::uint8_t { Ok = 0, Warning = 1, Critical = 2, Unknown = 3 };

struct CheckResult {
	CheckStatus status = CheckStatus::Unknown;
	std::string text; ///< one line with performance data, then a line for each unit that is not
			  ///< well
};

/// Critical: I/O waits or fails, or a unit is missing. Warning: I/O flows, but a path is not
/// usable, an operator holds it, or there is no pathd (`report` is of the kernel). Unknown: no
/// unit.
[[nodiscard]] CheckResult check(const Report &report);
/// There is no report: Unknown, with why.
[[nodiscard]] CheckResult check_failed(std::string_view why);

} // namespace swpath::ctl
