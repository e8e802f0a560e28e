// SPDX-License-Identifier: LGPL-2.1-or-later
/// Decides from probes whether one path may be used, and when to probe it next.
///
/// Model. A path that was proved is usable until something speaks against it; a path that failed is
/// usable again after `stable` of unbroken success. Counting successes instead of time was
/// rejected: it ties the meaning of "stable" to the probe interval, which the administrator may
/// change.
///
/// A path that fails again and again is damped as BGP damps a flapping route (RFC 2439): each loss
/// adds a penalty which halves every `half_life`; above `suppress_above` the path is not offered
/// again before the penalty has decayed below `reuse_below`. The penalty has a ceiling, so that the
/// wait is bounded by max_damped(). Damping says when a path is offered for use of its own
/// accord; a mount verification that has nothing better may still choose it.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "libpath/base/instant.h"
#include "libpath/unit/reason.h"

namespace swpath
{

struct MonitorPolicy {
	Duration check_interval = std::chrono::seconds(5); /// between probes of a good path
	Duration check_interval_max =
		std::chrono::seconds(20);               /// ceiling for a path that stays bad
	Duration first_retry = std::chrono::seconds(1); /// after the first failed probe
	Duration stable = std::chrono::seconds(20);     /// unbroken success before use
	Duration half_life = std::chrono::seconds(60);
	double penalty_per_loss = 1000;
	double suppress_above = 2200;
	double reuse_below = 800;
	double ceiling = 6400;

	/// The longest that a path which answers every probe can stay damped.
	[[nodiscard]] Duration max_damped() const;
};

enum class MonitorState : std::uint8_t {
	Unknown,  /// never probed
	Checking, /// answers, but not yet for `stable`
	Ok,       /// proved; may be used
	Failed,   /// the last word about it was a failure
	Rejected, /// it leads to something that is not this unit's disk
	Damped,   /// answers, but lost too often of late
};

[[nodiscard]] constexpr const char *monitor_state_word(MonitorState state)
{
	constexpr const char *words[] = {"unknown", "checking", "ok",
					 "failed",  "rejected", "damped"};
	return words[static_cast<unsigned>(state)];
}

/// A probe proved identity, size, rights and a read of the medium.
struct ProbeOk {
	Instant at; /// when the probe *began*: the proof is as old as that
};
/// A probe failed, or did not answer in its time (Reason::TIMEOUT).
struct ProbeFailed {
	Instant at;
	Reason fault;
};
/// The kernel marked the path failed (an I/O of a user failed or stalled).
struct PathLost {
	Instant at;
	Reason fault;
};
/// The kernel uses this path although it was not Ok here: a mount verification chose it.
struct PathTaken {
	Instant at;
};
/// The operator says: use it as soon as it answers; damping and the stable period are waived once.
struct PathPardoned {
	Instant at;
};
/// More is asked of the path from now on than its checks have looked for: it stays what it is, but
/// without a proof until a check that begins later.
struct ProofVoided {
	Instant at;
};
using MonitorEvent =
	std::variant<ProbeOk, ProbeFailed, PathLost, PathTaken, PathPardoned, ProofVoided>;

class PathMonitor
{
public:
	explicit PathMonitor(const MonitorPolicy &policy) : policy_(policy) {}

	/// The only way the state changes. Events need not come in order of time across kinds: an
	/// `at` before the latest one counts as the latest.
	void step(const MonitorEvent &event);

	/// A reload of the configuration. The state and the penalty stay.
	void set_policy(const MonitorPolicy &policy) { policy_ = policy; }

	[[nodiscard]] MonitorState state() const { return state_; }
	[[nodiscard]] bool usable() const { return state_ == MonitorState::Ok; }
	[[nodiscard]] Reason fault() const { return fault_; }
	/// When the present state began; the epoch of the clock before any event.
	[[nodiscard]] Instant since() const { return since_; }
	/// Start of the last good probe, if no failure came after it and it still counts: the age
	/// of a ticket.
	[[nodiscard]] std::optional<Instant> proved_at() const { return proved_at_; }
	/// Start of the present unbroken run of good probes.
	[[nodiscard]] std::optional<Instant> good_since() const { return good_since_; }
	/// Failed probes in a row.
	[[nodiscard]] std::uint32_t failures() const { return failures_; }
	/// Penalty at `at`.
	[[nodiscard]] double penalty(Instant at) const;
	/// When a Checking or Damped path becomes Ok if every probe from now on is good.
	[[nodiscard]] std::optional<Instant> usable_from() const;
	/// When the next probe is due, counted from the last event about the path.
	[[nodiscard]] Instant next_probe() const;

private:
	void good(Instant at);
	void bad(Instant at, Reason fault, bool counts);
	void lose(Instant at);
	void enter(MonitorState state, Instant at);

	MonitorPolicy policy_;
	MonitorState state_ = MonitorState::Unknown;
	Reason fault_ = Reason::NONE;
	Instant since_{};
	Instant last_{}; /// latest event
	Instant last_probe_{};
	std::optional<Instant> proved_at_;
	std::optional<Instant> good_since_;
	std::optional<Instant> bad_at_;
	std::uint32_t failures_ = 0;
	bool must_wait_ = false; /// a loss happened since the path was last Ok
	bool suppressed_ = false;
	double penalty_ = 0;
	Instant penalty_at_{};
};

} // namespace swpath
