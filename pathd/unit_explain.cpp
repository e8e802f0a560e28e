// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: what explains its paths.
#include <algorithm>

#include "pathd/unit.h"

namespace swpath
{

UnitFacts Unit::facts(Instant now)
{
	UnitFacts facts;
	facts.report = report(now);
	facts.config = config_;
	const auto known = kernel_ ? candidates() : std::vector<MvCandidate>{};
	for (unsigned i = 0; i < slots_.size() && i < facts.report.paths.size(); i++) {
		const auto &slot = slots_[i];
		PathFacts path;
		path.report = facts.report.paths[i];
		path.config = config_.paths[i];
		path.stranger = slot.leg ? std::string() : slot.stranger;
		path.proof = slot.proof;
		if (slot.leg)
			path.hctl = slot.leg->device().hctl;
		if (i < known.size())
			path.fence = known[i].fencing;
		path.fence.kind = path.config.kind;
		if (by_peer(i)) {
			auto &peer = path.peer.emplace();
			const auto *client = peer_of(i);
			peer.reachable = client != nullptr && client->reachable();
			if (client != nullptr)
				peer.trouble = client->trouble();
			peer.attestation = slot.attestation;
			peer.epoch = grant_of(i).epoch;
			peer.unequal = carried_.missing_by_peer(i, path.config.peer);
			// While nothing is in doubt, it would be about the present export.
			if (path.fence.export_epoch == 0)
				path.fence.export_epoch = peer.epoch;
		}
		facts.paths.push_back(std::move(path));
	}
	for (const auto number : spare_)
		if (const auto found = legs_.find(number); found != legs_.end()) {
			const auto &device = found->second->device();
			facts.spare.push_back({device.sysname, found->second->kind(), device.hctl,
					       device.by_path});
		}
	return facts;
}

} // namespace swpath
