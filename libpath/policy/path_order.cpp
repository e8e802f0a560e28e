// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/path_order.h"

#include <algorithm>

#include <fmt/core.h>

#include "libpath/policy/mount_verification.h"

namespace swpath
{

std::vector<std::string> path_identities(const UnitConfig &config)
{
	std::vector<std::string> identities;
	for (const auto &path : config.paths)
		if (path.kind == PathKind::DIRECT)
			identities.push_back(fmt::format("direct {} {}", path.hctl, path.by_path));
		else if (!path.peer.empty())
			identities.push_back(fmt::format("peer {}", path.peer));
		else
			identities.push_back(
				fmt::format("server {} {}", path.server.text(), path.export_name));
	return identities;
}

bool keeps_numbers(const std::vector<std::string> &before, const std::vector<std::string> &after)
{
	return before.size() <= after.size() &&
	       std::equal(before.begin(), before.end(), after.begin());
}

bool may_renumber(const UnitStatus &status)
{
	return status.state == UnitState::ONLINE ||
	       (status.doubt == 0 &&
		std::all_of(status.paths.begin(), status.paths.end(),
			    [](const PathStatus &path) { return path.inflight == 0; }));
}

void PathOrder::loaded(std::vector<std::string> paths)
{
	renumbered_ = renumbered_ || !agrees(paths);
	state_.paths = std::move(paths);
}

void PathOrder::looked(const UnitStatus &status, const std::vector<std::string> &paths)
{
	// Nothing is in doubt while the unit is online.
	if (status.state == UnitState::ONLINE)
		state_.untraced = false;
	else if ((renumbered_ || !agrees(paths)) && !may_renumber(status))
		state_.untraced = true;
	renumbered_ = false;
}

bool PathOrder::untraced(const UnitStatus &status, const std::vector<std::string> &paths) const
{
	// The kernel knows the path by its device, and its new number once the table has it.
	return state_.untraced && !(agrees(paths) && left_path(status));
}

} // namespace swpath
