// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a fence would try if a path failed now with writes in doubt: the real one, asked with every
/// step failing. For people; nothing is decided by it.
#pragma once

#include <span>
#include <vector>

#include "libpath/policy/fence.h"

namespace swpath
{

/// One way to prove that the writes of a path cannot change the disk any more.
struct FenceChance {
	Method method = Method::NONE;
	unsigned path = 0; ///< through which; EXPORT_REVOKED: the old path itself

	bool operator==(const FenceChance &) const = default;
};

/// In the order in which they would be tried; empty: a person has to decide. Pure.
[[nodiscard]] std::vector<FenceChance> fence_outlook(std::span<const FencePath> paths,
						     unsigned old);

} // namespace swpath
