// SPDX-License-Identifier: LGPL-2.1-or-later
/// The table line of a unit: built for the kernel, and read back from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/unit/kinds.h"

namespace swpath
{

struct TablePath {
	PathKind kind = PathKind::DIRECT;
	std::string device; ///< "8:0" or "/dev/sda"; empty: absent now

	bool operator==(const TablePath &) const = default;
};

/// A unit as the kernel is told about it. A feature without a value is left out, so that the
/// kernel's default holds.
struct Table {
	std::uint64_t sectors = 0;                 ///< length, in 512-byte sectors
	std::optional<std::uint32_t> mv_timeout_s; ///< SW_MV_TIMEOUT_S_MIN to _MAX
	std::optional<std::uint32_t> stall_ms;     ///< 0 (never) or SW_STALL_MS_MIN to _MAX
	std::optional<Fence> fence;
	std::optional<std::uint32_t> witness; ///< 0 to SW_WITNESS_MAX
	std::optional<std::uint64_t> epoch;   ///< smallest to start with
	bool hold = false;                    ///< start held, in phase prove
	std::vector<TablePath> paths;         ///< in order of preference, SW_PATHS_MIN to _MAX

	bool operator==(const Table &) const = default;
};

/// The target's parameters for dmsetup or libdevmapper (without "<start> <len> sw").
/// Errors: EINVAL no sectors, no path or too many, a value out of its range, a device name with a
/// blank or "-", or one device twice.
[[nodiscard]] Result<std::string> build_table(const Table &table);

/// Reads parameters in the form of build_table(), as the TABLE status gives them.
/// Errors: EBADMSG malformed, an unknown or repeated feature, words left over; EINVAL as
/// build_table(): what is read can always be built.
[[nodiscard]] Result<Table> parse_table(std::uint64_t sectors, std::string_view params);

} // namespace swpath
