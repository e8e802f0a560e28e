// SPDX-License-Identifier: LGPL-2.1-or-later
/// Deadlines of several things, each of which may have none.
#pragma once

#include <algorithm>
#include <optional>

#include "libpath/base/instant.h"

namespace swpath
{

/// Nothing: neither is ever due.
[[nodiscard]] constexpr std::optional<Instant> earlier(std::optional<Instant> one,
						       std::optional<Instant> other)
{
	return one && other ? std::min(*one, *other) : one ? one : other;
}

} // namespace swpath
