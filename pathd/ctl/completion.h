// SPDX-License-Identifier: GPL-2.0-or-later
/// What a shell offers when Tab is pressed. Pure.
#pragma once

#include <string>
#include <vector>

#include "libpath/control/report.h"

namespace swpath::ctl
{

/// What the last of `words` (those typed after "pathctl", the last one maybe empty) may become.
/// `report` holds the units that can be named; it may be empty.
[[nodiscard]] std::vector<std::string> completions(const std::vector<std::string> &words,
						   const Report &report);

} // namespace swpath::ctl
