// SPDX-License-Identifier: LGPL-2.1-or-later
/// Keeps the kernel's opinion of each path in step with the monitors': fail, reject, reinstate and
/// tickets. Level-triggered: it compares what the kernel shows with what the monitors know, so that
/// a lost message or a restart of the daemon is made good at the next look.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "libpath/base/instant.h"
#include "libpath/policy/path_monitor.h"
#include "libpath/unit/unit_status.h"

namespace swpath
{

struct KeptPath {
	MonitorState monitor = MonitorState::Unknown;
	Reason reason = Reason::NONE;     ///< why the monitor holds it for Failed or Rejected
	std::uint32_t failures = 0;       ///< failed probes in a row
	std::optional<Instant> proved_at; ///< begin of the last good probe
	bool may_lack_key = false;        ///< a fence of ours may have taken its key since
};

struct KeeperAction {
	enum class Kind : std::uint8_t { Fail, Reject, Reinstate, Ticket } kind;
	unsigned path;
	Reason reason;        ///< Fail, Reject
	std::uint32_t ttl_ms; ///< Ticket; 0 withdraws
};

/// At most one action for each path and look; allocation-free.
struct KeeperActions {
	std::array<KeeperAction, SW_PATHS_MAX> actions{};
	std::size_t count = 0;

	[[nodiscard]] const KeeperAction *begin() const { return actions.data(); }
	[[nodiscard]] const KeeperAction *end() const { return actions.data() + count; }
	void add(const KeeperAction &action)
	{
		if (count < actions.size())
			actions[count++] = action;
	}
};

/// Failed probes in a row before the *active* path is failed on the word of probes alone, and then
/// only if another path is ready: users' I/O is the better judge.
inline constexpr std::uint32_t active_failures_max = 2;

/// What of the kernel's word about a path is kept until the next look.
struct LastLook {
	PathState state = PathState::ABSENT;
	std::uint64_t errors = 0;
};

/// Whether the kernel's word `after` tells the path's monitor of a loss: an I/O of a user failed or
/// stalled there since the look at which the word was `before` (nothing: this is the first look).
/// What a person or pathd itself told the kernel is no news to the monitor, nor is what it knows.
[[nodiscard]] bool is_loss(const std::optional<LastLook> &before, const PathStatus &after,
			   MonitorState monitor);

[[nodiscard]] KeeperActions keep_paths(const UnitStatus &status, std::span<const KeptPath> paths,
				       Duration check_interval, Instant now);

} // namespace swpath
