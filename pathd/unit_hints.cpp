// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: what the host's buses are told about its legs.
#include <algorithm>

#include "libpath/sys/clock.h"
#include "libpath/unit/reservation.h"
#include "pathd/unit.h"

namespace swpath
{

bool Unit::directs_judged() const
{
	return !stale_ && std::all_of(slots_.begin(), slots_.end(), [](const Slot &slot) {
		return !slot.leg || slot.leg->kind() != PathKind::DIRECT || slot.leg->settled;
	});
}

void Unit::hint_seen(const Leg &leg)
{
	if (services_.hints && leg.kind() == PathKind::SERVED)
		services_.hints->image_appears(leg.number(), now());
}

void Unit::hint_gone(const Leg &leg)
{
	if (!services_.hints)
		return;
	if (leg.kind() == PathKind::SERVED)
		services_.hints->image_goes(leg.number());
	else
		services_.hints->direct_goes(leg.number());
}

/// `reason`: why the check is no proof.
void Unit::hint_probed(const Leg &leg, const ProbeFacts &facts, Reason reason)
{
	if (!services_.hints || !facts.identity)
		return;
	// Another disk is there now. What fails for another reason is still on its bus.
	if (reason == Reason::IDENTITY)
		services_.hints->direct_goes(leg.number());
	if (reason != Reason::NONE)
		return;
	services_.hints->direct_proved(leg.device(), *facts.identity);
	if (!facts.reservations)
		return;
	// This host's other paths have keys of their own on the disk.
	std::vector<std::uint64_t> own;
	for (const auto &path : config_.paths)
		if (path.kind == PathKind::DIRECT)
			own.push_back(reservation_key(services_.hints->machine_id(), config_.wwid,
						      path.name));
	services_.hints->keys_seen(leg.number(), own, facts.keys);
}

} // namespace swpath
