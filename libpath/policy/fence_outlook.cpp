// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/fence_outlook.h"

#include <algorithm>
#include <cerrno>

namespace swpath
{

namespace
{

/// What a first step of this kind is meant to lead to.
Method aim_of(FenceAction::Kind kind)
{
	switch (kind) {
	case FenceAction::Kind::Revoke:
		return Method::EXPORT_REVOKED;
	case FenceAction::Kind::LuReset:
		return Method::LU_RESET;
	case FenceAction::Kind::AskClusterFence:
		return Method::NODE_FENCED;
	default:
		return Method::PREEMPT_ABORT;
	}
}

} // namespace

std::vector<FenceChance> fence_outlook(std::span<const FencePath> paths, unsigned old)
{
	const FencePolicy policy;
	Fencing fencing(policy);
	FenceFacts facts;
	facts.mv = 1;
	facts.old = 1U << old;
	facts.paths = paths;
	// I/O would go on with the first one that can be reached.
	for (unsigned i = 0; i < paths.size() && !facts.target; i++)
		if (i != old && paths[i].reachable)
			facts.target = i;

	std::vector<FenceChance> chances;
	// Longer than any pause that it makes between two tries.
	const Instant end{policy.agent_after * 3};
	for (Instant now{}; now < end; now += policy.retry_first)
		for (const auto &action : fencing.step(facts, now)) {
			const FenceChance chance{aim_of(action.kind), action.path};
			if (std::find(chances.begin(), chances.end(), chance) == chances.end())
				chances.push_back(chance);
			fencing.failed(action.token, EOPNOTSUPP, now);
		}
	return chances;
}

} // namespace swpath
