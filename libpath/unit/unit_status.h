// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the kernel says about a unit: its status line, its history and its witness records, read by
/// the word lists of dm-target/sw-uapi.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/dev_number.h"
#include "libpath/base/result.h"
#include "libpath/unit/kinds.h"

namespace swpath
{

struct PathStatus {
	PathKind kind = PathKind::DIRECT;
	std::optional<DevNumber> device; ///< nothing: absent
	PathState state = PathState::ABSENT;
	std::uint64_t inflight = 0;   ///< bios
	std::uint64_t errors = 0;     ///< bios that came back with a path error, ever
	std::uint64_t switches = 0;   ///< times that it became active
	std::uint64_t ticket_ms = 0;  ///< life left in its ticket; 0: none
	Reason reason = Reason::NONE; ///< why it is not ready

	bool operator==(const PathStatus &) const = default;
};

struct UnitStatus {
	UnitState state = UnitState::ONLINE;
	Phase phase = Phase::NONE;
	std::uint64_t mv = 0; ///< number of the current mount verification, or of the last
	std::uint64_t epoch = 0;
	std::optional<unsigned> active; ///< index into paths; always one of them
	std::uint64_t held_bios = 0;
	std::uint64_t held_bytes = 0;
	std::uint64_t oldest_ms = 0;          ///< age of the oldest bio in flight; 0: none
	std::uint64_t doubt = 0;              ///< writes in doubt
	Reason reason = Reason::NONE;         ///< of the last hold
	std::uint64_t since_ms = 0;           ///< in this state for so long
	std::optional<std::uint64_t> left_ms; ///< until mv_timeout; nothing: no hold
	std::optional<unsigned> from;         ///< path that was left; always one of paths
	Fence fence = Fence::PROVE;
	std::vector<PathStatus> paths; ///< in order of preference, 1 to SW_PATHS_MAX

	bool operator==(const UnitStatus &) const = default;
};

/// Reads the INFO line of a `sw` target (the parameters only, without "<start> <len> sw").
/// Words that a later kernel adds at the end of a group are skipped.
/// Errors: EBADMSG malformed; the context names the word, its value and its place. Never a partial
/// result.
[[nodiscard]] Result<UnitStatus> parse_status(std::string_view line);

/// One switch, or a mount verification that failed (`to` is nothing).
struct SwitchRecord {
	std::uint64_t epoch = 0; ///< after the switch
	std::uint64_t mv = 0;
	std::optional<unsigned> from;
	std::optional<unsigned> to;
	Reason reason = Reason::NONE;
	Method method = Method::NONE;
	std::uint64_t at_ms = 0; ///< wall clock at the hold, ms since 1970
	std::uint64_t drain_us = 0;
	std::uint64_t flush_us = 0;
	std::uint64_t prove_us = 0;
	std::uint64_t release_us = 0;
	std::uint64_t held_bios = 0;  ///< most at one time
	std::uint64_t held_bytes = 0; ///< most at one time
	std::uint64_t doubt = 0;
	std::string evidence; ///< one word; empty: none

	/// The hold ended in errors. Not so for any other record without `to`: a reload has taken
	/// that path away since (docs/dm-sw.rst, history).
	[[nodiscard]] bool failed() const { return method == Method::NONE; }
	/// From the hold until every held bio was sent on.
	[[nodiscard]] std::uint64_t total_us() const
	{
		return drain_us + flush_us + prove_us + release_us;
	}

	bool operator==(const SwitchRecord &) const = default;
};

/// Reads the reply to the message `history`: a line for each record, oldest first, at most
/// SW_HISTORY_MAX; an empty reply is an empty history. Extra words at the end of a line are
/// skipped. Errors: EBADMSG malformed; the context names line, word and value.
[[nodiscard]] Result<std::vector<SwitchRecord>> parse_history(std::string_view reply);

/// A write that was acknowledged, and that no later one has touched.
struct WitnessRecord {
	std::uint64_t sector = 0; ///< of 512 bytes
	std::uint32_t bytes = 0;  ///< from there on: 512 to SW_WITNESS_BYTES, in whole sectors
	std::uint32_t crc = 0;    ///< CRC-32C of them
	std::uint64_t age_ms = 0; ///< since it was acknowledged

	bool operator==(const WitnessRecord &) const = default;
};

/// Reads the reply to the message `witness`: a line for each record, oldest first, at most
/// SW_WITNESS_MAX. Extra words at the end of a line are skipped. Errors: EBADMSG malformed; the
/// context names line, word and value.
[[nodiscard]] Result<std::vector<WitnessRecord>> parse_witness(std::string_view reply);

} // namespace swpath
