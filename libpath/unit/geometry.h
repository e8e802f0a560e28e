// SPDX-License-Identifier: LGPL-2.1-or-later
/// Size and shape of a disk, as far as two paths to it must agree.
#pragma once

#include <cstdint>
#include <optional>

#include "libpath/unit/kinds.h"

namespace swpath
{

/// Of the kernel's sector numbers, whatever the disk's blocks are.
inline constexpr std::uint64_t sector_bytes = 512;

struct Geometry {
	std::uint64_t capacity_bytes = 0;
	std::uint32_t logical_block_bytes = 512;
	std::uint32_t physical_block_bytes = 512; ///< for information: not compared
	bool write_protected = false;

	bool operator==(const Geometry &) const = default;
};

/// Why a path that shows `found` cannot carry a unit of `expected`; nothing if it can.
/// Reason::SIZE for another capacity or logical block size, Reason::WRITE_PROTECTED for a protected
/// path of a unit that is not. The physical block size may differ: a served path often hides it.
/// `named`: that it is the unit's disk is known by its names. Then it may have become larger under
/// the unit, which goes on with the part that it has; otherwise a larger disk is another disk too.
[[nodiscard]] std::optional<Difference> compare(const Geometry &expected, const Geometry &found,
						bool named = false);

} // namespace swpath
