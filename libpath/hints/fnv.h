// SPDX-License-Identifier: LGPL-2.1-or-later
/// FNV-1a, 64 bits: names made short, the same on every host and in every release. No protection
/// against somebody who wants two to be equal.
#pragma once

#include <cstdint>
#include <string_view>

namespace swpath
{

inline constexpr std::uint64_t fnv1a_basis = 0xcbf29ce484222325;

/// Goes on from `hash`, so that parts can be put together.
[[nodiscard]] constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = fnv1a_basis)
{
	for (const char each : text) {
		hash ^= static_cast<unsigned char>(each);
		hash *= 0x100000001b3;
	}
	return hash;
}

} // namespace swpath
