// SPDX-License-Identifier: GPL-2.0-or-later
/// Carries out one step of a fence through this host's own nexus.
#pragma once

#include <string_view>

#include "libpath/policy/fence.h"

namespace swpath
{

struct FenceResult {
	FenceAnswer answer;
	int error = 0;    ///< as Fencing::failed() takes it; 0: it went well
	std::string text; ///< of the error
};

/// BLOCKS as the disk does, for up to about action.limit and the kernel's error handling: on a
/// worker's thread only. `fd`: of the direct leg that action.path names. EOPNOTSUPP for what is not
/// done by a disk (Revoke, AskClusterFence).
[[nodiscard]] FenceResult carry_out_fence(int fd, const FenceAction &action);

/// "PREEMPT AND ABORT", "reset of the logical unit", …
[[nodiscard]] std::string_view fence_text(FenceAction::Kind kind);

} // namespace swpath
