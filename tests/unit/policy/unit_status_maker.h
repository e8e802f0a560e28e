// SPDX-License-Identifier: GPL-2.0-or-later
/// A unit of one direct and one served path, as the kernel would show it.
#pragma once

#include "libpath/unit/unit_status.h"

namespace swpath::test
{

inline PathStatus path_status(PathKind kind, std::uint32_t major,
			      PathState state = PathState::READY)
{
	PathStatus path;
	path.kind = kind;
	if (state != PathState::ABSENT)
		path.device = DevNumber{major, 0};
	path.state = state;
	return path;
}

inline UnitStatus online_unit()
{
	UnitStatus status;
	status.state = UnitState::ONLINE;
	status.epoch = 3;
	status.mv = 2;
	status.active = 0;
	status.fence = Fence::PROVE;
	status.paths = {path_status(PathKind::DIRECT, 8), path_status(PathKind::SERVED, 43)};
	return status;
}

/// The direct path failed; what it had in flight has come back.
inline UnitStatus verifying_unit(Phase phase = Phase::PROVE)
{
	auto status = online_unit();
	status.state = UnitState::VERIFY;
	status.phase = phase;
	status.mv = 3;
	status.reason = Reason::ERROR;
	// As the kernel has it in a hold: nothing is active, the path that is left is "from".
	status.active.reset();
	status.from = 0;
	status.paths[0].state = PathState::FAILED;
	status.paths[0].reason = Reason::ERROR;
	if (phase == Phase::DRAIN)
		status.paths[0].inflight = 4;
	return status;
}

} // namespace swpath::test
