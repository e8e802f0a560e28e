// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/path_monitor.h"

#include <algorithm>
#include <cmath>

namespace swpath
{

namespace
{

using Seconds = std::chrono::duration<double>;

/// How long a penalty of `from` takes to decay to `to`.
Duration decay_time(double from, double to, Duration half_life)
{
	if (from <= to)
		return Duration::zero();
	const double halvings = std::log2(from / to);
	return std::chrono::duration_cast<Duration>(Seconds(half_life) * halvings);
}

} // namespace

Duration MonitorPolicy::max_damped() const
{
	return decay_time(ceiling, reuse_below, half_life);
}

double PathMonitor::penalty(Instant at) const
{
	if (penalty_ <= 0 || at <= penalty_at_)
		return penalty_;
	return penalty_ * std::exp2(-Seconds(at - penalty_at_) / Seconds(policy_.half_life));
}

void PathMonitor::enter(MonitorState state, Instant at)
{
	if (state_ == state)
		return;
	state_ = state;
	since_ = at;
}

/// Something that was usable is not any more: that is what damping counts, not failed probes of a
/// path which is known to be dead.
void PathMonitor::lose(Instant at)
{
	penalty_ = std::min(penalty(at) + policy_.penalty_per_loss, policy_.ceiling);
	penalty_at_ = at;
	suppressed_ = suppressed_ || penalty_ > policy_.suppress_above;
}

void PathMonitor::good(Instant at)
{
	failures_ = 0;
	fault_ = Reason::NONE;
	proved_at_ = at;
	if (!good_since_)
		good_since_ = at;

	if (suppressed_ && penalty(at) <= policy_.reuse_below)
		suppressed_ = false;
	if (must_wait_ && at - *good_since_ < policy_.stable)
		enter(suppressed_ ? MonitorState::Damped : MonitorState::Checking, at);
	else if (suppressed_)
		enter(MonitorState::Damped, at);
	else {
		must_wait_ = false;
		enter(MonitorState::Ok, at);
	}
}

void PathMonitor::bad(Instant at, Reason fault, bool counts)
{
	// Falling out of Checking counts as a loss as well: a path that comes and goes faster than
	// the stable period is the very thing that damping is for.
	const bool was_up = good_since_.has_value();

	good_since_.reset();
	proved_at_.reset();
	bad_at_ = at;
	fault_ = fault;
	must_wait_ = true;
	if (failures_ < UINT32_MAX)
		failures_++;
	if (was_up && counts)
		lose(at);
	enter(refuses(fault) ? MonitorState::Rejected : MonitorState::Failed, at);
}

void PathMonitor::step(const MonitorEvent &event)
{
	const Instant at = std::max(last_, std::visit([](const auto &e) { return e.at; }, event));
	last_ = at;

	if (const auto *ok = std::get_if<ProbeOk>(&event)) {
		last_probe_ = at;
		// A probe that began before the failure proves nothing about what came after it.
		if (!bad_at_ || ok->at >= *bad_at_)
			good(at);
	} else if (const auto *failed = std::get_if<ProbeFailed>(&event)) {
		last_probe_ = at;
		bad(at, failed->fault, true);
	} else if (const auto *lost = std::get_if<PathLost>(&event)) {
		// Probed soon: the kernel's word came from a user's I/O, between two probes.
		last_probe_ = at;
		bad(at, lost->fault, true);
	} else if (std::holds_alternative<PathTaken>(event)) {
		// The penalty stays: the next loss weighs as much as it would have.
		must_wait_ = false;
		suppressed_ = false;
		if (!good_since_)
			good_since_ = at;
		failures_ = 0;
		fault_ = Reason::NONE;
		enter(MonitorState::Ok, at);
	} else if (std::holds_alternative<ProofVoided>(event)) {
		proved_at_.reset();
		bad_at_ = at;
	} else {
		must_wait_ = false;
		suppressed_ = false;
		penalty_ = 0;
		if (good_since_)
			enter(MonitorState::Ok, at);
	}
}

std::optional<Instant> PathMonitor::usable_from() const
{
	if (state_ != MonitorState::Checking && state_ != MonitorState::Damped)
		return std::nullopt;
	Instant from = must_wait_ && good_since_ ? *good_since_ + policy_.stable : since_;
	if (suppressed_)
		from = std::max(from, penalty_at_ + decay_time(penalty_, policy_.reuse_below,
							       policy_.half_life));
	return from;
}

Instant PathMonitor::next_probe() const
{
	switch (state_) {
	case MonitorState::Unknown:
		return last_probe_;
	case MonitorState::Ok:
		return last_probe_ + policy_.check_interval;
	case MonitorState::Checking:
	case MonitorState::Damped: {
		// At the moment when it becomes usable, if that is before the next regular probe: a
		// short stable period must not be stretched by a long check interval.
		const Instant regular = last_probe_ + policy_.check_interval;
		const auto from = usable_from();
		return from && *from > last_probe_ ? std::min(regular, *from) : regular;
	}
	case MonitorState::Failed:
	case MonitorState::Rejected:
		break;
	}
	Duration wait = policy_.first_retry;
	for (std::uint32_t i = 1; i < failures_ && wait < policy_.check_interval_max; i++)
		wait *= 2;
	return last_probe_ + std::min(wait, policy_.check_interval_max);
}

} // namespace swpath
