// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/unit_removal.h"

#include <algorithm>

#include <fmt/core.h>

namespace swpath
{

std::optional<std::string> why_unit_stays(const UnitStatus &status, unsigned open_count)
{
	if (open_count > 0)
		return "it is open";
	if (status.doubt > 0)
		return fmt::format("{} writes are in doubt", status.doubt);
	if (status.held_bios > 0 ||
	    std::any_of(status.paths.begin(), status.paths.end(),
			[](const PathStatus &path) { return path.inflight > 0; }))
		return "I/O is on its way";
	return std::nullopt;
}

} // namespace swpath
