// SPDX-License-Identifier: LGPL-2.1-or-later
/// Decides when a unit goes back to a path that its administrator prefers.
///
/// The rule is OpenVMS's for served disks: only of its own accord if the preferred path answers,
/// the present path was not chosen by a person, and no failback was tried within the interval.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "libpath/base/instant.h"
#include "libpath/policy/path_monitor.h"

namespace swpath
{

struct FailbackRule {
	bool automatic = true;
	Duration interval = std::chrono::seconds(300); /// between two tries
	Duration stable = std::chrono::seconds(20);    /// good probes without a break
};

/// What the rule looks at. Paths are in order of preference, as in the table.
struct FailbackView {
	struct Path {
		bool ready = false;  /// present, and not failed or rejected in the kernel
		bool ticket = false; /// the kernel holds a live ticket of it
		MonitorState state = MonitorState::Unknown;
		std::optional<Instant> good_since;
	};
	bool online = false;
	bool pinned = false; /// a person chose the present path
	std::optional<unsigned> active;
	std::optional<Instant> last_try;
	std::span<const Path> paths;
};

enum class FailbackVerdict : std::uint8_t {
	Go,        /// switch to `to` now
	Preferred, /// nothing better exists than the active path
	Manual,    /// policy says that a person decides
	Pinned,
	NotOnline,
	NoCandidate, /// no more preferred path is usable
	Settling,    /// a candidate is not stable yet: `at`
	TooSoon,     /// tried within the interval: `at`
};

struct FailbackDecision {
	FailbackVerdict verdict = FailbackVerdict::Preferred;
	std::optional<unsigned> to;
	std::optional<Instant> at; /// when it may become Go if all stays as it is
};

[[nodiscard]] FailbackDecision decide_failback(const FailbackView &view, const FailbackRule &rule,
					       Instant now);

/// A word for reports and logs.
[[nodiscard]] const char *failback_verdict_word(FailbackVerdict verdict);

} // namespace swpath
