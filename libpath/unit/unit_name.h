// SPDX-License-Identifier: LGPL-2.1-or-later
/// How people name a unit, and which one they mean.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "libpath/base/dev_number.h"
#include "libpath/base/result.h"

namespace swpath
{

/// A unit that exists, with everything it may be called by.
struct UnitName {
	std::string name; ///< "sw0"
	std::string wwid; ///< "naa.6001405…"; may be empty
	std::optional<DevNumber>
		number; ///< of the device-mapper device; nothing: there is none yet
};

/// True for "sw" and a number of 1 to 6 digits without leading zeros: "sw0", "sw12". Units are
/// named so, because /dev/swN is made from it.
[[nodiscard]] bool is_unit_name(std::string_view text) noexcept;

/// The unit that `query` names: "sw0", "/dev/sw0", "/dev/mapper/sw0", "dm-3", "/dev/dm-3", "253:3",
/// a WWID ("naa.…", with or without the prefix "SW-"), or "/dev/disk/by-id/dm-uuid-SW-…".
/// Hexadecimal WWIDs compare without regard to case. Symbolic links are not followed: this part
/// does no I/O.
/// Returns an index into `units`. Errors: ENODEV none is called so (the context lists the names
/// of those there are); ENOTUNIQ several are.
[[nodiscard]] Result<std::size_t> find_unit(std::span<const UnitName> units,
					    std::string_view query);

} // namespace swpath
