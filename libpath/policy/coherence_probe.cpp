// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/coherence_probe.h"

#include <algorithm>

namespace swpath
{

void CoherenceProbe::queue(Step step)
{
	if (std::find(steps_.begin(), steps_.end(), step) != steps_.end())
		return;
	if (steps_.size() >= blocks_max)
		steps_.pop_front();
	steps_.push_back(step);
}

void CoherenceProbe::written(std::uint64_t block)
{
	queue({shown_.contains(block) ? Step::Kind::Check : Step::Kind::Prime, block});
}

std::optional<CoherenceProbe::Step> CoherenceProbe::next()
{
	if (steps_.empty())
		return std::nullopt;
	const auto step = steps_.front();
	steps_.pop_front();
	return step;
}

void CoherenceProbe::primed(std::uint64_t block, std::uint64_t shown)
{
	if (!shown_.contains(block)) {
		if (order_.size() >= blocks_max) {
			shown_.erase(order_.front());
			order_.pop_front();
		}
		order_.push_back(block);
	}
	shown_[block] = shown;
}

void CoherenceProbe::checked(std::uint64_t block, std::uint64_t before, std::uint64_t shown,
			     std::uint64_t after)
{
	const auto known = shown_.find(block);
	if (known == shown_.end())
		return; // gave way to others meanwhile
	const auto old = known->second;
	known->second = shown;
	if (before != after)
		return; // it was written meanwhile, which asks for the next check
	if (shown != before) {
		fresh_ = 0;
		stale_++;
		queue({Step::Kind::Check, block}); // a cache shows the same again
	} else if (before != old) {
		fresh_++;
	}
}

Coherence CoherenceProbe::verdict() const noexcept
{
	if (stale_ >= stale_needed)
		return Coherence::Incoherent;
	return fresh_ >= fresh_needed ? Coherence::Coherent : Coherence::Unknown;
}

} // namespace swpath
