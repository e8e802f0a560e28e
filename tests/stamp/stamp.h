// SPDX-License-Identifier: GPL-2.0-or-later
/// What swstamp puts into a sector, and how it is read back.
///
/// Every 512-byte sector of a block carries a stamp of its own, so that a write which ended in an
/// error half-way, which is allowed to leave new and old sectors side by side, can be told from
/// corruption.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace swpath::stamp
{

inline constexpr std::size_t sector_bytes = 512;

/// Says of a sector which write put it there.
struct Stamp {
	std::uint64_t run;      ///< the log that the write is recorded in
	std::uint64_t unit;     ///< unit_id() of the unit's name
	std::uint64_t block;    ///< number of the block, in blocks of the log's block size
	std::uint64_t version;  ///< of that block: 1 is its first write in this run
	std::uint64_t sequence; ///< of the run: counts all its writes
	std::uint64_t sector;   ///< 512-byte sector of the device

	bool operator==(const Stamp &) const = default;
};

/// A number for a unit's name (FNV-1a).
[[nodiscard]] std::uint64_t unit_id(std::string_view name);

using SectorView = std::span<const std::byte, sector_bytes>;

/// Fills `sector` with the stamp, a filler that depends on it, and a checksum over both.
void encode(const Stamp &stamp, std::span<std::byte, sector_bytes> sector);

/// The stamp in `sector`; none if the magic or the checksum is not right.
[[nodiscard]] std::optional<Stamp> decode(SectorView sector);

} // namespace swpath::stamp
