// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: checking its paths, and what the checks say.
#include <algorithm>

#include <fmt/core.h>

#include "libpath/sys/clock.h"
#include "libpath/unit/reason.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

namespace
{

/// The proof that a check gives, as one word for the certificate. `witnessed`: the path showed
/// acknowledged writes, which says more than that its fixed blocks are the same.
std::string_view evidence(PathKind kind, bool attested, bool compared, bool witnessed)
{
	if (kind == PathKind::DIRECT)
		return witnessed ? "vpd83+capacity+medium+witness" : "vpd83+capacity+medium";
	if (attested)
		return witnessed  ? "attested+size+medium+witness"
		       : compared ? "attested+size+medium-compared"
				  : "attested+size+medium";
	return witnessed  ? "export+size+medium+witness"
	       : compared ? "export+size+medium-compared"
			  : "export+size+medium";
}

} // namespace

void Unit::probe_due(Instant now)
{
	for (unsigned i = 0; i < slots_.size(); i++) {
		auto &slot = slots_[i];
		if (!slot.leg)
			continue;
		if (const auto since = slot.leg->probing_since()) {
			// The thread hangs in the kernel. That is an answer, too; the next one
			// comes when it comes.
			const Duration limit =
				config_.effective_command_timeout() + std::chrono::seconds(1);
			if (!slot.overdue && now >= *since + limit) {
				slot.overdue = true;
				slot.leg->proved = false;
				slot.leg->settled = true;
				slot.leg->failures++;
				slot.leg->fault = Reason::TIMEOUT;
				slot.text = "a check has no answer";
				slot.monitor.step(ProbeFailed{now, Reason::TIMEOUT});
				tell(i, now);
				touch();
			} else if (slot.overdue && now >= slot.monitor.next_probe()) {
				slot.leg->failures++;
				slot.monitor.step(ProbeFailed{now, Reason::TIMEOUT});
			}
			continue;
		}
		if (!slot.probe_now && now < slot.monitor.next_probe())
			continue;
		slot.probe_now = false;
		probe(i, 0);
	}
}

/// A check of the path, for mount verification `mv` or, 0, as a routine.
void Unit::probe(unsigned i, std::uint64_t mv)
{
	auto &leg = *slots_[i].leg;
	const bool carries = kernel_ && kernel_->status.state == UnitState::ONLINE &&
			     kernel_->status.active == i;
	// The path that I/O goes down shows what went down it, whoever remembers it.
	leg.expected = carries ? WitnessList{} : witnesses();
	leg.unit_bytes = geometry_ ? geometry_->capacity_bytes : 0;
	leg.probe(mv);
}

/// What every path has to show now. Empty: the unit keeps no records, or the kernel does not say.
WitnessList Unit::witnesses()
{
	WitnessList list;
	std::string_view reply;
	if (config_.witness == 0 || !kernel_ ||
	    services_.dm.send(config_.name, SW_MSG_WITNESS, &reply) != 0)
		return list;
	auto records = parse_witness(reply);
	if (records)
		list = {std::move(*records), swpath::now()};
	else
		log::say(Message::Warning, {.unit = config_.name},
			 "cannot read the witness records: {}", records.error().message());
	return list;
}

std::optional<Difference> Unit::judge_coherence(unsigned i, const ProbeFacts &facts)
{
	auto &slot = slots_[i];
	const bool direct = slot.leg->kind() == PathKind::DIRECT;
	const auto name = slot.leg->device().sysname;
	// A check that had nothing to show asks the kernel nothing.
	const auto found = slot.coherence.check(facts.expected, facts.shown,
						facts.shown.empty() ? WitnessList{} : witnesses());
	slot.witnessed = found.compared > 0;
	if (found.stale) {
		// The disk shows what is on it: what it lacks is in the server that I/O goes
		// through, and may be there the next time.
		if (direct)
			slot.coherence = {};
		return Difference{
			Reason::STALE_DATA,
			fmt::format("{} does not show at sector {} what was acknowledged there{}",
				    name, found.stale->sector,
				    direct ? ""
					   : ": its server answers from a cache, or it is an "
					     "old copy")};
	}
	if (slot.coherence.verdict() == Coherence::Incoherent)
		return Difference{Reason::STALE_DATA,
				  fmt::format("{} has shown old contents, and has yet to show {} "
					      "blocks that changed",
					      name, CoherenceProbe::fresh_needed)};
	return std::nullopt;
}

/// Which server a path leads to, whatever its place in the configuration; empty: a direct path.
std::string Unit::server_of(unsigned i) const
{
	const auto &path = config_.paths[i];
	if (path.kind == PathKind::DIRECT || !path.peer.empty())
		return path.peer;
	return path.server.text() + "/" + path.export_name;
}

/// What a new pathd has to know of the path's coherence. Not while I/O is held: no file is opened
/// then, and the kernel's records stay as they are, so that a new pathd finds what we found.
void Unit::keep_coherence(unsigned i)
{
	const auto server = server_of(i);
	if (server.empty() || config_.witness == 0 ||
	    (kernel_ && kernel_->status.state == UnitState::VERIFY))
		return;
	const bool incoherent = slots_[i].coherence.verdict() == Coherence::Incoherent;
	if (incoherent == state_.incoherent.contains(server))
		return;
	if (incoherent)
		state_.incoherent.insert(server);
	else
		state_.incoherent.erase(server);
	save_state();
}

/// Takes what an earlier pathd found for what is known. Without records nothing could clear a path.
void Unit::distrust_incoherent()
{
	if (config_.witness == 0)
		return;
	for (unsigned i = 0; i < slots_.size(); i++)
		if (state_.incoherent.contains(server_of(i)))
			slots_[i].coherence.distrust();
}

/// What a good check says about the disk: nothing if it is the unit's.
std::optional<Difference> Unit::judge(const Leg &leg, unsigned slot, const ProbeFacts &facts)
{
	if (facts.identity) {
		Identity expected;
		expected.wwid = config_.wwid;
		if (auto difference = compare(state_.identity.value_or(expected), *facts.identity))
			return difference;
	}
	if (geometry_) {
		Geometry expected = *geometry_;
		expected.write_protected = false;
		// Known by the kernel's table alone: the block size is whatever the first path
		// says.
		if (!first_proved_)
			expected.logical_block_bytes = facts.geometry.logical_block_bytes;
		const bool named = facts.identity || by_peer(slot);
		if (auto difference = compare(expected, facts.geometry, named))
			return difference;
	} else if (facts.geometry.write_protected) {
		return Difference{Reason::WRITE_PROTECTED, "the disk is write-protected"};
	}
	if (auto difference = judge_rights(slot))
		return difference;
	if (slots_[slot].attestation)
		if (auto difference = judge_attestation(slot, *slots_[slot].attestation))
			return difference;
	medium_.add(slot, facts.medium);
	if (kernel_ && kernel_->status.active && in_table(*kernel_->status.active)) {
		const unsigned reference = *kernel_->status.active;
		for (unsigned i = 0; i < slots_.size(); i++)
			if (i != reference)
				(void)medium_.judge(reference, i);
		if (slot != reference && medium_.verdict(slot) == MediumVerdict::Differs)
			return Difference{
				Reason::STALE_DATA,
				fmt::format("{} shows other contents than the active path",
					    leg.device().sysname)};
	}
	return judge_coherence(slot, facts);
}

void Unit::probed(Leg &leg, const ProbeFacts &facts, std::uint64_t mv)
{
	const auto slot_number = slot_of(leg);
	touch();
	if (!slot_number)
		return;
	const unsigned i = *slot_number;
	auto &slot = slots_[i];
	slot.overdue = false;
	slot.last_probe = now();
	leg.settled = true;

	carry_key(i, facts);
	Reason reason = facts.failure;
	std::string text = facts.text;
	if (reason == Reason::NONE) {
		if (const auto difference = judge(leg, i, facts)) {
			reason = difference->reason;
			text = difference->text;
		}
		keep_coherence(i);
	}
	leg.fault = reason;
	hint_probed(leg, facts, reason);
	if (reason == Reason::NONE) {
		leg.proved = true;
		leg.failures = 0;
		if (leg.recovered())
			borrow_settings(leg);
		leg.reservations = facts.reservations;
		if (facts.reservations) {
			mv_.key_seen(i, leg.key.key, facts.began);
			mv_.keys_seen(facts.keys, facts.began);
		}
		slot.text.clear();
		slot.proof = evidence(leg.kind(), by_peer(i),
				      medium_.verdict(i) == MediumVerdict::Same, slot.witnessed);
		leg.capacity_bytes = facts.geometry.capacity_bytes;
		leg.sequence = facts.sequence;
		if (!first_proved_) {
			first_proved_ = facts.ended;
			// A unit that is there has the size of its table, whatever the disk has
			// grown to.
			const auto unit_bytes = geometry_ ? geometry_->capacity_bytes
							  : facts.geometry.capacity_bytes;
			geometry_ = facts.geometry;
			geometry_->capacity_bytes = unit_bytes;
		}
		if (facts.identity && !state_.identity) {
			state_.identity = facts.identity;
			save_state();
		}
		slot.monitor.step(ProbeOk{facts.began});
	} else {
		leg.proved = false;
		leg.failures++;
		slot.text = text;
		slot.monitor.step(ProbeFailed{facts.ended, reason});
	}
	tell(i, facts.ended);

	// A proof is one of the device that the kernel would use, and of no other.
	if (mv != 0 && in_table(i) == &leg) {
		if (reason == Reason::NONE)
			mv_.verified(mv, i, facts.ended, slot.proof);
		else
			mv_.refuted(mv, i, facts.ended, reason);
	}
}

/// Says it in the journal when a path's state changes, and once.
void Unit::tell(unsigned i, Instant now)
{
	auto &slot = slots_[i];
	const auto state = slot.monitor.state();
	if (state == slot.told)
		return;
	const auto before = slot.told;
	slot.told = state;
	slot.since = now;
	const std::string label = path_label(i);
	const log::Subject subject{
		.unit = config_.name, .path = label, .reason = word(slot.monitor.fault())};
	switch (state) {
	case MonitorState::Ok:
		log::say(Message::PathOk, subject, "{} is ok", label);
		break;
	case MonitorState::Failed:
		log::say(Message::PathFailed, subject, "{} failed: {}", label, slot.text);
		break;
	case MonitorState::Rejected:
		log::say(Message::PathRejected, subject, "{} is rejected: {}", label, slot.text);
		break;
	case MonitorState::Damped:
		log::say(Message::PathDamped, subject,
			 "{} is damped: it failed too often; penalty {:.0f}", label,
			 slot.monitor.penalty(now));
		break;
	case MonitorState::Checking:
		if (before != MonitorState::Unknown)
			log::say(Message::Plain, subject,
				 "{} answers again, used when stable for {} s", label,
				 std::chrono::duration_cast<std::chrono::seconds>(
					 failback_rule_.stable)
					 .count());
		break;
	case MonitorState::Unknown:
		break;
	}
}

} // namespace swpath
