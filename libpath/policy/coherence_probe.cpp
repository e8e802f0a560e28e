// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/coherence_probe.h"

#include <algorithm>

namespace swpath
{

namespace
{

/// Two lists give the time of one acknowledgement with this error: the age is in whole
/// milliseconds, and `at` is taken after the kernel has answered. The kernel samples no oftener
/// than this (SW_TICK_MS_MIN of dm-sw.h), so nothing else can pass for the same record.
constexpr Duration same_within = std::chrono::milliseconds(10);

} // namespace

bool CoherenceProbe::same(const WitnessRecord &a, Instant a_at, const WitnessRecord &b,
			  Instant b_at)
{
	const auto acknowledged = [](const WitnessRecord &record, Instant at) {
		return at - std::chrono::milliseconds(record.age_ms);
	};
	const auto apart = acknowledged(a, a_at) - acknowledged(b, b_at);
	return a.sector == b.sector && a.bytes == b.bytes && a.crc == b.crc &&
	       apart < same_within && apart > -same_within;
}

/// True if the path showed something else there before.
bool CoherenceProbe::changed(const WitnessSight &sight)
{
	const Place place{sight.sector, sight.bytes};
	const auto known = shown_.find(place);
	if (known != shown_.end())
		return std::exchange(known->second, sight.crc) != sight.crc;
	if (order_.size() >= places_max) {
		shown_.erase(order_.front());
		order_.pop_front();
	}
	order_.push_back(place);
	shown_.emplace(place, sight.crc);
	return false;
}

CoherenceProbe::Finding CoherenceProbe::check(const WitnessList &before,
					      std::span<const WitnessSight> shown,
					      const WitnessList &after)
{
	Finding finding;
	for (const auto &sight : shown) {
		const bool is_new = changed(sight);
		const auto record = std::find_if(
			before.records.begin(), before.records.end(), [&](const auto &each) {
				return each.sector == sight.sector && each.bytes == sight.bytes;
			});
		if (record == before.records.end() ||
		    std::none_of(after.records.begin(), after.records.end(), [&](const auto &each) {
			    return same(*record, before.at, each, after.at);
		    }))
			continue; // it was written meanwhile
		finding.compared++;
		if (sight.crc != record->crc) {
			stale_ = true;
			if (!finding.stale)
				finding.stale = *record;
		} else if (is_new) {
			fresh_++;
		}
	}
	return finding;
}

Coherence CoherenceProbe::verdict() const noexcept
{
	if (stale_)
		return Coherence::Incoherent;
	if (fresh_ >= fresh_needed)
		return Coherence::Coherent;
	return suspect_ ? Coherence::Incoherent : Coherence::Unknown;
}

void CoherenceProbe::forget()
{
	const bool suspect = verdict() == Coherence::Incoherent;
	*this = {};
	suspect_ = suspect;
}

} // namespace swpath
