// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/flight_recorder.h"

#include <algorithm>

namespace swpath
{

namespace
{

/// Between two samples that differ in ages and counts only.
constexpr Duration interval_min = std::chrono::seconds(1);
/// The same, as a part of the time for which nothing else changed: an hour takes some 200 samples.
constexpr int interval_part = 32;

bool lively(const FlightSample &sample)
{
	return sample.held_bios > 0 || sample.oldest_ms >= flight_late_ms;
}

/// Differs in more than ages and counts.
bool differs(const FlightSample &a, const FlightSample &b)
{
	return a.state != b.state || a.phase != b.phase || a.reason != b.reason || a.mv != b.mv ||
	       a.epoch != b.epoch || a.active != b.active || (a.doubt > 0) != (b.doubt > 0) ||
	       a.nr_paths != b.nr_paths || a.paths != b.paths;
}

} // namespace

FlightRecorder::FlightRecorder()
	: ring_(std::make_unique<std::array<FlightSample, flight_samples_max>>())
{
}

bool FlightRecorder::worth_keeping(const FlightSample &sample, Instant now) const noexcept
{
	if (kept_ == 0 || differs(sample, last_))
		return true;
	// The end of a late time is kept too, or it would seem to last.
	if (!lively(sample) && !lively(last_))
		return false;
	return now - last_at_ >= std::max(interval_min, (now - changed_at_) / interval_part);
}

void FlightRecorder::look(const UnitStatus &status, std::span<const Path> paths, WallTime wall,
			  Instant now) noexcept
{
	FlightSample sample;
	sample.at = wall;
	sample.uptime_ms = std::uint64_t(
		std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch())
			.count());
	sample.state = status.state;
	sample.since_ms = status.since_ms;
	sample.phase = status.phase;
	sample.reason = status.reason;
	sample.mv = status.mv;
	sample.epoch = status.epoch;
	sample.active = status.active;
	sample.held_bios = status.held_bios;
	sample.held_bytes = status.held_bytes;
	sample.oldest_ms = status.oldest_ms;
	sample.doubt = status.doubt;
	sample.nr_paths = unsigned(std::min(status.paths.size(), sample.paths.size()));
	for (unsigned i = 0; i < sample.nr_paths; i++)
		sample.paths[i] = {status.paths[i].state,
				   i < paths.size() ? paths[i].monitor : MonitorWord::None};

	// What is alive now may be younger than the switch; what was at the look before is not.
	if (looked_ && sample.state == UnitState::ONLINE && (!online_ || mv_ != sample.mv))
		note_proof(sample);
	looked_ = true;
	online_ = sample.state == UnitState::ONLINE;
	mv_ = sample.mv;
	for (unsigned i = 0; i < alive_.size(); i++) {
		alive_[i] = {};
		if (i < paths.size() && paths[i].proved_at)
			alive_[i] = {0, i, wall_time(*paths[i].proved_at, now, wall),
				     paths[i].proof};
	}

	if (!worth_keeping(sample, now))
		return;
	if (kept_ == 0 || differs(sample, last_))
		changed_at_ = now;
	last_ = sample;
	last_at_ = now;
	(*ring_)[kept_++ % ring_->size()] = sample;
}

void FlightRecorder::note_proof(const FlightSample &sample) noexcept
{
	if (!sample.active || *sample.active >= alive_.size() || !alive_[*sample.active].at)
		return;
	Proof proof = alive_[*sample.active];
	proof.mv = sample.mv;
	proofs_[nr_proofs_++ % proofs_.size()] = proof;
}

void FlightRecorder::forget_proofs() noexcept
{
	looked_ = false;
	nr_proofs_ = 0;
}

std::vector<FlightSample> FlightRecorder::samples() const
{
	const std::size_t count = std::min(kept_, ring_->size());
	std::vector<FlightSample> list;
	list.reserve(count);
	for (std::size_t i = kept_ - count; i < kept_; i++)
		list.push_back((*ring_)[i % ring_->size()]);
	return list;
}

void FlightRecorder::certify(std::span<SwitchReport> history) const
{
	const auto known = std::span(proofs_).first(std::min(nr_proofs_, proofs_.size()));
	for (auto &each : history) {
		const auto found =
			std::find_if(known.begin(), known.end(), [&](const Proof &proof) {
				return proof.mv == each.record.mv && each.record.to == proof.path;
			});
		if (found == known.end())
			continue;
		each.identity = found->word;
		each.proved = found->at;
	}
}

} // namespace swpath
