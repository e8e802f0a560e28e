// SPDX-License-Identifier: GPL-2.0-or-later
/// Of the daemon: the devices that stand for the paths: the table, connections, checks.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "daemon.h"

namespace swpath::sim
{

namespace
{

constexpr unsigned connection_failures_max = 2;
constexpr Nanos carry_limit = 2 * sec;
constexpr Nanos export_limit = 4 * sec;

Reason reason_of(Status status)
{
	switch (status) {
	case Status::Ok:
		return Reason::NONE;
	case Status::Timeout:
		return Reason::TIMEOUT;
	case Status::Transport:
		return Reason::TRANSPORT;
	case Status::Offline:
		return Reason::OFFLINE;
	case Status::Medium:
		return Reason::UNREADABLE;
	case Status::Conflict:
		return Reason::RESERVATION;
	case Status::Error:
		break;
	}
	return Reason::ERROR;
}

} // namespace

/// Only a proved device enters a table; a reload waits for what is in flight, so there is none
/// while that may take long (libpath/policy/unit_builder.h).
void Daemon::build(Instant now)
{
	for (unsigned i = 0; i < slots_.size(); i++)
		if (legs_[i]->device() == 0)
			attach(i, now);

	std::vector<std::uint64_t> wanted(slots_.size(), 0);
	bool differs = false;
	bool any = false;
	for (unsigned i = 0; i < slots_.size(); i++) {
		const bool proved = legs_[i]->device() != 0 && slots_[i].proved;
		if (kernel_.running())
			wanted[i] = kernel_.devices()[i];
		if (proved && wanted[i] != legs_[i]->device()) {
			wanted[i] = legs_[i]->device();
			differs = true;
		}
		any = any || proved;
	}
	if (!kernel_.running()) {
		if (any && !dies()) {
			kernel_.start(wanted);
			touch();
		}
		return;
	}
	if (!differs || status_->oldest_ms > 500 || status_->phase == Phase::DRAIN ||
	    status_->phase == Phase::FLUSH || dies())
		return;
	if (kernel_.reload(wanted))
		touch();
}

void Daemon::attach(unsigned i, Instant now)
{
	auto &slot = slots_[i];
	if (slot.attaching || now < slot.monitor.next_probe())
		return;
	// As Unit::attach_by_peer(): while writes are in doubt there, the fence ends that export.
	if (status_ && status_->state == UnitState::VERIFY && status_->fence == Fence::PROVE &&
	    mv_.may_have_left(*status_, i) &&
	    (status_->doubt > 0 || status_->phase == Phase::DRAIN) &&
	    slot.revoked_mv != status_->mv)
		return;
	slot.attaching = true;
	end_export(i);
}

/// Of Unit::attach_by_peer(): every export of ours that came before.
void Daemon::end_export(unsigned i)
{
	auto once = std::make_shared<bool>(true);
	const auto tell = [this, i, once](int error, const FenceAnswer &answer) {
		if (!std::exchange(*once, false))
			return;
		if (error != 0)
			return attached(i, Reason::TRANSPORT);
		if (const auto grant = grants_.find(i); grant != grants_.end())
			grant->second.revoked(answer.lost);
		export_by_peer(i, answer.ended + 1);
	};
	const auto grant = grants_.find(i);
	fencer_.end_export(i, grant == grants_.end() ? 0 : grant->second.epoch, tell);
	process_.after(export_limit, [tell] { tell(ETIMEDOUT, {}); });
}

/// As Unit::export_by_peer(): no export before the peer has given the users their rights, or while
/// it lacks its own key.
void Daemon::export_by_peer(unsigned i, Epoch epoch)
{
	if (setup_.reservations && !context_.broken(Mutant::EXPORT_UNKEYED))
		return export_if_keyed(i, epoch);
	if (!setup_.carry)
		return connect(i, epoch);
	carry_by_peer(i, [this, i, epoch](int error) {
		if (error == 0)
			connect(i, epoch);
		else
			attached(i, error == EBADE ? Reason::RESERVATION : Reason::TRANSPORT);
	});
}

/// As Unit::look_for_keys().
void Daemon::look_for_keys(unsigned i)
{
	fencer_.carry_out({.kind = FenceAction::Kind::ReadKeys, .path = i},
			  [this, i, asked = context_.schedule.instant()](
				  int error, const FenceAnswer &answer) {
				  if (error == 0)
					  note_keys(i, answer.keys, asked);
			  });
}

void Daemon::note_keys(unsigned i, const std::vector<Key> &keys, Instant asked)
{
	mv_.keys_seen(keys, asked);
	for (const auto key : fencer_.keys(i))
		if (std::find(keys.begin(), keys.end(), key) != keys.end())
			mv_.key_seen(i, key, asked);
}

void Daemon::export_if_keyed(unsigned i, Epoch epoch)
{
	auto once = std::make_shared<bool>(true);
	const auto tell = [this, i, epoch, once, asked = context_.schedule.instant()](
				  int error, const FenceAnswer &answer) {
		if (!std::exchange(*once, false))
			return;
		const auto &keys = answer.keys;
		if (error == 0)
			note_keys(i, keys, asked);
		if (error != 0)
			attached(i, Reason::TRANSPORT);
		else if (std::find(keys.begin(), keys.end(), fencer_.key(i)) == keys.end())
			attached(i, Reason::RESERVATION);
		else
			connect(i, epoch, keys);
	};
	fencer_.carry_out({.kind = FenceAction::Kind::ReadKeys, .path = i}, tell);
	process_.after(carry_limit, [tell] { tell(ETIMEDOUT, {}); });
}

/// The peer may have opened it by another nexus than the one that it was asked about.
void Daemon::connect(unsigned i, Epoch epoch, const std::optional<std::vector<Key>> &keys)
{
	auto &leg = static_cast<ServedLeg &>(*legs_[i]);
	leg.attach(epoch, process_, [this, i, &leg, keys](bool done) {
		if (done) {
			grants_[i].renew(leg.epoch(), peer_boot(i), leg.nexus().id(),
					 Fencer::key_of(leg.nexus()),
					 status_ && status_->state == UnitState::ONLINE &&
						 status_->active != i);
			(void)grants_[i].attested(fencer_.keys(i));
			if (keys && std::find(keys->begin(), keys->end(),
					      Fencer::key_of(leg.nexus())) == keys->end()) {
				leg.disconnect("its server's nexus had no key");
				return attached(i, Reason::RESERVATION);
			}
		}
		attached(i, done ? Reason::NONE : Reason::TRANSPORT);
	});
}

std::string Daemon::peer_boot(unsigned i) const
{
	return std::to_string(fencer_.peer(i)->machine.boot());
}

/// As Unit::settle_grants() and Unit::note_doubt().
void Daemon::note_exports()
{
	for (auto &[i, grant] : grants_) {
		auto &slot = slots_[i];
		if (status_->state == UnitState::ONLINE && (status_->active != i || in_table(i)))
			(void)grant.settle();
		if (status_->state != UnitState::VERIFY || slot.doubt_mv == status_->mv)
			continue;
		slot.doubt_mv = status_->mv;
		slot.doubt_epoch = grant.epoch;
	}
}

void Daemon::attached(unsigned i, Reason fault)
{
	slots_[i].attaching = false;
	if (fault != Reason::NONE)
		slots_[i].monitor.step(ProbeFailed{context_.schedule.instant(), fault});
	touch();
}

/// A served path whose connection is of no more use gets a new one.
void Daemon::look_after_connections()
{
	for (unsigned i = 0; i < slots_.size(); i++) {
		if (legs_[i]->kind() != PathKind::SERVED || legs_[i]->device() == 0)
			continue;
		const bool carries = status_ && in_table(i) &&
				     status_->state == UnitState::ONLINE && status_->active == i;
		if (carries || slots_[i].failures < connection_failures_max)
			continue;
		static_cast<ServedLeg &>(*legs_[i]).disconnect("too many failed checks");
		touch();
	}
}

void Daemon::probe_due(Instant now)
{
	for (unsigned i = 0; i < slots_.size(); i++) {
		auto &slot = slots_[i];
		if (legs_[i]->device() == 0)
			continue;
		if (slot.probing_since) {
			const Duration limit = command() + std::chrono::seconds(1);
			if (!slot.overdue && now >= *slot.probing_since + limit) {
				slot.overdue = true;
				slot.proved = false;
				slot.failures++;
				slot.monitor.step(ProbeFailed{now, Reason::TIMEOUT});
				touch();
			} else if (slot.overdue && now >= slot.monitor.next_probe()) {
				slot.failures++;
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

void Daemon::probe(unsigned i, std::uint64_t mv)
{
	if (slots_[i].probing_since)
		slots_[i].again = mv;
	else
		start_probe(i, mv);
}

void Daemon::start_probe(unsigned i, std::uint64_t mv)
{
	auto &slot = slots_[i];
	const Instant began = context_.schedule.instant();
	const auto device = legs_[i]->device();
	slot.probing_since = began;
	// The path that I/O goes down shows what went down it, whoever remembers it.
	const bool carries = status_ && status_->state == UnitState::ONLINE && status_->active == i;
	slot.expected = carries ? WitnessList{} : witnesses();
	std::uint32_t places = 0;
	for (const auto &record : slot.expected.records)
		places |= 1U << record.sector / block_sectors;
	const bool keyed = setup_.reservations && legs_[i]->kind() == PathKind::DIRECT &&
			   !context_.broken(Mutant::KEY_MISSING);
	legs_[i]->revive();
	legs_[i]->send({.op = Op::Probe,
			.path = i,
			.device = device,
			.look = setup_.carry && legs_[i]->kind() == PathKind::DIRECT,
			.copy = slot.copy,
			.key = keyed ? fencer_.key(i) : 0,
			.may_register = slot.may_register,
			.places = places},
		       [this, i, device, began, mv, boot = process_.boot()](const Answer &answer) {
			       if (boot != process_.boot())
				       return;
			       process_.run([this, i, device, began, mv, answer] {
				       probed(i, device, began, mv, answer);
			       });
		       });
}

Reason Daemon::judge(unsigned i, Instant began, const Answer &answer)
{
	if (answer.status != Status::Ok)
		return reason_of(answer.status);
	// A direct path by its designators, a served one by its server's word about the same.
	if (answer.identity != 0 && !context_.broken(Mutant::IDENTITY_UNCHECKED))
		return Reason::IDENTITY;
	if (setup_.carry)
		return lacks_rights(i) ? Reason::RESERVATION : judge_medium(i, began, answer);
	// Shut out by a fence.
	if (answer.unregistered)
		return Reason::RESERVATION;
	return judge_medium(i, began, answer);
}

Reason Daemon::judge_medium(unsigned i, Instant began, const Answer &answer)
{
	MediumSample sample{.began = began, .ended = context_.schedule.instant(), .digests = {}};
	sample.digests = answer.landmarks;
	medium_.add(i, sample);
	if (status_ && status_->active && in_table(*status_->active)) {
		const unsigned reference = *status_->active;
		for (unsigned k = 0; k < slots_.size(); k++)
			if (k != reference)
				(void)medium_.judge(reference, k);
		if (i != reference && medium_.verdict(i) == MediumVerdict::Differs)
			return Reason::STALE_DATA;
	}
	return judge_coherence(i, answer);
}

/// As Unit::witnesses().
WitnessList Daemon::witnesses() const
{
	if (!kernel_.running())
		return {};
	return {kernel_.witnesses(), context_.schedule.instant()};
}

Reason Daemon::judge_coherence(unsigned i, const Answer &answer)
{
	if (setup_.witness == 0 || context_.broken(Mutant::WITNESS_SKIPPED))
		return Reason::NONE;
	auto &slot = slots_[i];
	std::vector<WitnessSight> shown;
	for (const auto &[block, stamp] : answer.places)
		shown.push_back(
			{block * block_sectors, block_bytes, static_cast<std::uint32_t>(stamp)});
	const auto found = slot.coherence.check(slot.expected, shown,
						shown.empty() ? WitnessList{} : witnesses());
	if (!found.stale)
		return slot.coherence.verdict() == Coherence::Incoherent ? Reason::STALE_DATA
									 : Reason::NONE;
	if (legs_[i]->kind() == PathKind::DIRECT)
		slot.coherence = {};
	for (const auto &[block, stamp] : answer.places)
		if (block == found.stale->sector / block_sectors)
			slot.stale = {block, stamp, context_.schedule.now()};
	return Reason::STALE_DATA;
}

/// As Unit::keep_coherence().
void Daemon::keep_coherence(unsigned i)
{
	if (legs_[i]->kind() == PathKind::DIRECT || setup_.witness == 0 ||
	    (status_ && status_->state == UnitState::VERIFY))
		return;
	const bool incoherent = slots_[i].coherence.verdict() == Coherence::Incoherent;
	if (incoherent == incoherent_.contains(i))
		return;
	if (!incoherent) {
		incoherent_.erase(i);
		context_.checker.trusted(i);
		return;
	}
	incoherent_.insert(i);
	if (slots_[i].stale)
		context_.checker.distrusted(i, {slots_[i].stale->block, slots_[i].stale->shown,
						context_.schedule.now()});
}

/// As Unit::carry_key().
void Daemon::carry_key(unsigned i, Instant began, const Answer &answer)
{
	const auto active =
		status_ && status_->state == UnitState::ONLINE ? status_->active : std::nullopt;
	const bool direct = active && legs_[*active]->kind() == PathKind::DIRECT;
	if (answer.copied)
		carried_.changed(i, *answer.copied);
	const auto before = carried_.state();
	const Instant now = context_.schedule.instant();
	(void)carried_.looked({.path = i,
			       .began = began,
			       .in_use = direct && active == i,
			       .other_in_use = direct && active != i,
			       .view = *answer.nexus},
			      now);
	carried_state_ = carried_.state();
	context_.checker.key_known(carried_state_.key);
	for (unsigned other = 0; other < slots_.size(); other++) {
		auto &slot = slots_[other];
		const bool new_key =
			carried_state_.key != 0 && carried_state_.key != before.key && other != i;
		if (new_key)
			slot.monitor.step(ProofVoided{now});
		if (legs_[other]->kind() == PathKind::SERVED) {
			if (carried_state_ != before)
				slot.carry_next = {};
			continue;
		}
		const auto wanted = context_.broken(Mutant::KEY_NOT_CARRIED)
					    ? std::nullopt
					    : carried_.wanted(other);
		slot.probe_now |= wanted != slot.copy || carried_state_.key != before.key;
		slot.copy = wanted;
	}
}

/// As Unit::judge_rights().
bool Daemon::lacks_rights(unsigned i) const
{
	if (legs_[i]->kind() == PathKind::SERVED)
		return !carried_.missing_by_peer(i, "peer").empty();
	return !carried_.missing(i).empty() && !context_.broken(Mutant::KEY_NOT_CARRIED);
}

/// As Unit::attest_due(): each peer is told with each check.
void Daemon::carry_due(Instant now)
{
	for (unsigned i = 0; setup_.carry && i < slots_.size(); i++) {
		auto &slot = slots_[i];
		if (legs_[i]->kind() == PathKind::DIRECT || slot.device == 0 ||
		    now < slot.carry_next)
			continue;
		if (dies())
			return;
		slot.carry_next = now + duration(setup_.check_interval);
		carry_by_peer(i, [](int) {});
	}
}

/// As Unit::carry_by_peer(). `answered` is called once, within the limit.
void Daemon::carry_by_peer(unsigned i, std::function<void(int)> answered)
{
	const auto key = carried_.state().key;
	auto once = std::make_shared<std::function<void(int)>>(std::move(answered));
	const auto tell = [this, i, key, once](int error) {
		if (!*once)
			return;
		context_.trace.say("pathd", "path {}: its peer was told key {:#x}: {}", i, key,
				   error ? std::strerror(error) : "it has it");
		if (error == 0 || error == EBADE) {
			const bool lacked = lacks_rights(i);
			(void)carried_.answered(i, key, error ? "refused" : "");
			carried_state_ = carried_.state();
			slots_[i].probe_now |= slots_[i].device != 0 && lacked != lacks_rights(i);
		}
		std::exchange(*once, nullptr)(error);
		touch();
	};
	fencer_.carry(i, key, tell);
	process_.after(carry_limit, [tell] { tell(ETIMEDOUT); });
}

void Daemon::probed(unsigned i, std::uint64_t device, Instant began, std::uint64_t mv,
		    const Answer &answer)
{
	auto &slot = slots_[i];
	if (slot.device != device || !slot.probing_since)
		return;
	slot.probing_since.reset();
	slot.overdue = false;
	const Instant now = context_.schedule.instant();
	if (answer.nexus)
		carry_key(i, began, answer);
	const Reason reason = judge(i, began, answer);
	if (answer.status == Status::Ok)
		keep_coherence(i);
	context_.trace.say("pathd", "check of path {}{}: {}", i,
			   mv ? " for the mount verification" : "", word(reason));
	if (reason == Reason::NONE) {
		slot.proved = true;
		slot.failures = 0;
		slot.monitor.step(ProbeOk{began});
		if (setup_.reservations && legs_[i]->kind() == PathKind::DIRECT) {
			mv_.key_seen(i, fencer_.key(i), began);
			mv_.keys_seen(answer.keys, began);
		}
	} else {
		slot.proved = false;
		slot.failures++;
		slot.monitor.step(ProbeFailed{now, reason});
	}
	if (context_.broken(Mutant::LATE_PROOF) && status_)
		mv = status_->mv;
	if (mv != 0 && in_table(i)) {
		context_.checker.expect(
			mv != kernel_.core().mv || nanos(began) >= kernel_.core().hold_at, "P9",
			"a proof from before the mount verification was given for it");
		if (reason == Reason::NONE)
			mv_.verified(mv, i, now, "identity+medium");
		else
			mv_.refuted(mv, i, now, reason);
	}
	if (const auto again = std::exchange(slot.again, std::nullopt))
		start_probe(i, *again);
	touch();
}

} // namespace swpath::sim
