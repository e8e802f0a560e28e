// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/report.h"

#include <fmt/core.h>

#include "libpath/config/cluster.h"

namespace swpath
{

std::string path_name(const PathReport &path)
{
	// The label of a direct path is "direct" or "direct2" unless the administrator chose one.
	if (!path.label.empty() && !is_own_path_name(path.label))
		return fmt::format("{} {}", word(path.kind), path.label);
	if (!path.device.empty())
		return fmt::format("{} {}", word(path.kind), path.device);
	return fmt::format("{} #{}", word(path.kind), path.index);
}

std::string path_name(const UnitReport &unit, unsigned index)
{
	if (index < unit.paths.size())
		return path_name(unit.paths[index]);
	return fmt::format("#{}", index);
}

} // namespace swpath
