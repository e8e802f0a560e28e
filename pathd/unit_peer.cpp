// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: served paths that are a peer's. What the peer says of the disk, the export
/// that it grants, and the fence that it carries out.
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "libpath/serve/export_name.h"
#include "libpath/sys/clock.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

namespace
{

constexpr Duration attest_limit = std::chrono::seconds(2);
constexpr Duration export_limit = std::chrono::seconds(4);
/// A unit that begins does not hold it against a path that its peer is not connected yet.
constexpr Duration first_contact = std::chrono::seconds(3);
/// A peer's answer is on its way when the step's time is over.
constexpr Duration fence_slack = std::chrono::milliseconds(250);
constexpr const char *key_gone = "{}'s key was taken off the disk, and is not back yet";

std::string text_of(const PeerId &id)
{
	std::string text;
	for (const auto byte : id)
		text += fmt::format("{:02x}", byte);
	return text;
}

std::string listed(const std::vector<std::string> &names)
{
	return names.empty() ? "no name" : fmt::format("{}", fmt::join(names, ", "));
}

PeerRequest request_for(PeerVerb verb, std::uint64_t epoch = 0)
{
	PeerRequest request;
	request.verb = verb;
	request.epoch = epoch;
	return request;
}

/// `peers`: null while this host cannot join its cluster, too.
std::string no_peer(const Peers *peers, const std::string &name)
{
	if (peers == nullptr)
		return fmt::format(
			"'{}' cannot be asked: this host is in no cluster; `pathctl peers` "
			"says why",
			name);
	return fmt::format(
		"pathd knows no peer '{}': [cluster] is read when it starts, restart it to "
		"use another one (units go on)",
		name);
}

PeerVerb verb_of(FenceAction::Kind kind)
{
	switch (kind) {
	case FenceAction::Kind::Revoke:
		return PeerVerb::Revoke;
	case FenceAction::Kind::RegisterKey:
		return PeerVerb::Register;
	case FenceAction::Kind::PreemptAbort:
		return PeerVerb::PreemptAbort;
	case FenceAction::Kind::Reserve:
		return PeerVerb::Reserve;
	case FenceAction::Kind::LuReset:
		return PeerVerb::LuReset;
	default:
		return PeerVerb::Keys;
	}
}

} // namespace

bool Unit::by_peer(unsigned slot) const
{
	return slot < config_.paths.size() && !config_.paths[slot].peer.empty();
}

PeerClient *Unit::peer_of(unsigned slot) const
{
	return services_.peers != nullptr && by_peer(slot)
		       ? services_.peers->client(config_.paths[slot].peer)
		       : nullptr;
}

bool Unit::needs_peer(const std::string &peer) const
{
	if (!kernel_)
		return false;
	// One that was left with writes in doubt may have no device any more, but to be fenced.
	const bool all = kernel_->status.state != UnitState::ONLINE;
	for (unsigned i = 0; i < kernel_->status.paths.size(); i++)
		if (by_peer(i) && config_.paths[i].peer == peer &&
		    (all || kernel_->status.paths[i].device))
			return true;
	return false;
}

ExportGrant Unit::grant_of(unsigned slot) const
{
	const auto found = state_.grants.find(config_.paths[slot].peer);
	return found == state_.grants.end() ? ExportGrant{} : found->second;
}

/// Before another export is granted: what the last one has lost, the next one's end will not tell.
void Unit::note_revoked(unsigned slot, std::uint64_t lost)
{
	const auto found = state_.grants.find(config_.paths[slot].peer);
	if (found == state_.grants.end() || lost == 0 || found->second.lost)
		return;
	found->second.revoked(lost);
	save_state();
}

/// A peer that falls silent has to be shut out by every key that it has had.
void Unit::note_attestation(unsigned slot, const PeerAnswer &answer)
{
	slots_[slot].attestation = answer;
	const auto found = state_.grants.find(config_.paths[slot].peer);
	if (found != state_.grants.end() && found->second.attested(answer.keys))
		save_state();
}

/// Nothing is in doubt while the unit is online.
void Unit::settle_grants()
{
	const auto &status = kernel_->status;
	if (status.state != UnitState::ONLINE)
		return;
	bool news = false;
	for (unsigned i = 0; i < slots_.size(); i++) {
		// What is out by a connection that has ended may come back in doubt yet.
		if (!by_peer(i) || (status.active == i && in_table(i) == nullptr))
			continue;
		if (const auto found = state_.grants.find(config_.paths[i].peer);
		    found != state_.grants.end())
			news |= found->second.settle();
	}
	if (news)
		save_state();
}

/// Asks, and forgets about it if the unit, or its paths, are others by then.
void Unit::ask_peer(unsigned slot, PeerRequest request, Duration limit,
		    std::function<void(const Result<PeerAnswer> &)> answered)
{
	auto *client = peer_of(slot);
	if (client == nullptr)
		return answered(
			fail(EHOSTUNREACH, no_peer(services_.peers, config_.paths[slot].peer)));
	request.wwid = config_.wwid;
	client->ask(std::move(request), limit, now(),
		    [this, here = std::weak_ptr(here_), generation = generation_,
		     answered = std::move(answered)](const Result<PeerAnswer> &result) {
			    if (here.expired() || generation != generation_)
				    return;
			    touch();
			    if (result && result->status != PeerStatus::Ok)
				    answered(fail(errno_of(result->status), result->text));
			    else
				    answered(result);
		    });
}

/// What each peer sees of the disk, as often as paths are checked.
void Unit::attest_due(Instant now)
{
	for (unsigned i = 0; i < slots_.size(); i++) {
		auto *client = peer_of(i);
		auto &slot = slots_[i];
		if (client == nullptr)
			continue;
		if (!client->reachable()) {
			slot.attest_next = {};
			continue;
		}
		if (slot.attesting || now < slot.attest_next)
			continue;
		slot.attesting = true;
		slot.attest_next = now + config_.check_interval;
		ask_peer(i, request_for(PeerVerb::Attest), attest_limit,
			 [this, i](const Result<PeerAnswer> &answer) {
				 slots_[i].attesting = false;
				 auto &known = slots_[i].attestation;
				 if (answer && slots_[i].leg && !config_.reservations)
					 carry_by_peer(i, [](const Result<void> &) {});
				 if (answer) {
					 note_attestation(i, *answer);
					 look_for_keys(i);
				 } else if (known &&
					    answer.error().code == std::errc::no_such_device)
					 known->direct = false;
			 });
	}
}

/// An attestation is about the peer's last check: which keys the disk has now is asked for itself.
void Unit::look_for_keys(unsigned slot)
{
	const auto &known = slots_[slot].attestation;
	if (!config_.reservations || !known->direct || !known->reservations)
		return;
	ask_peer(slot, request_for(PeerVerb::Keys), attest_limit,
		 [this, slot, asked = now()](const Result<PeerAnswer> &answer) {
			 if (answer)
				 note_keys(slot, answer->keys, asked);
		 });
}

void Unit::note_keys(unsigned slot, const std::vector<std::uint64_t> &keys, Instant asked)
{
	mv_.keys_seen(keys, asked);
	if (const auto &known = slots_[slot].attestation)
		for (const auto key : known->keys)
			if (std::find(keys.begin(), keys.end(), key) != keys.end())
				mv_.key_seen(slot, key, asked);
}

std::optional<Difference> Unit::judge_attestation(unsigned slot, const PeerAnswer &answer) const
{
	const auto &peer = config_.paths[slot].peer;
	if (!answer.direct)
		return std::nullopt; // it says nothing about a disk
	if (state_.identity) {
		std::vector<std::string> expected;
		for (const auto &each : state_.identity->of_unit())
			expected.push_back(each.text());
		std::sort(expected.begin(), expected.end());
		if (expected != answer.designators)
			return Difference{Reason::IDENTITY,
					  fmt::format("{} has another disk: {}, not {}", peer,
						      listed(answer.designators),
						      listed(expected))};
	}
	const Geometry found{answer.capacity_bytes, answer.logical_block_bytes,
			     answer.physical_block_bytes, answer.write_protected};
	Geometry expected = geometry_.value_or(found);
	expected.write_protected = false;
	// Known by the kernel's table alone: see judge().
	if (!first_proved_)
		expected.logical_block_bytes = found.logical_block_bytes;
	return compare(expected, found, true);
}

/// Attestation, the end of the export before, a new one, and then the connection.
void Unit::attach_by_peer(unsigned i)
{
	auto &slot = slots_[i];
	const auto *client = peer_of(i);
	// A peer is given the time to be connected to.
	if ((client == nullptr || !client->reachable()) && now() < created_ + first_contact)
		return;
	if (client == nullptr || !client->reachable())
		return attach_failed(i, Reason::TRANSPORT,
				     client != nullptr
					     ? client->trouble()
					     : no_peer(services_.peers, config_.paths[i].peer));
	// While writes are in doubt there, the fence ends that export, and knows it by its epoch.
	if (kernel_ && kernel_->status.state == UnitState::VERIFY &&
	    kernel_->status.fence == Fence::PROVE && mv_.may_have_left(kernel_->status, i) &&
	    (kernel_->status.doubt > 0 || kernel_->status.phase == Phase::DRAIN) &&
	    slot.revoked_mv != kernel_->status.mv)
		return;
	slot.attaching = true;
	ask_peer(i, request_for(PeerVerb::Attest), attest_limit, [this, i](const auto &answer) {
		const auto &peer = config_.paths[i].peer;
		if (!answer)
			return attach_failed(i, Reason::TRANSPORT, answer.error().context);
		note_attestation(i, *answer);
		if (const auto difference = judge_attestation(i, *answer))
			return attach_failed(i, difference->reason, difference->text);
		if (!answer->direct)
			return attach_failed(
				i, Reason::OFFLINE,
				fmt::format("{} has no direct path that is proved", peer));
		const auto last = std::max(answer->epoch, grant_of(i).epoch);
		if (last == 0)
			return export_by_peer(i, 1);
		ask_peer(i, request_for(PeerVerb::Revoke, last), export_limit,
			 [this, i, last](const auto &revoked) {
				 if (!revoked)
					 return attach_failed(
						 i, Reason::TRANSPORT,
						 fmt::format("{} does not end epoch {}: {}",
							     config_.paths[i].peer, last,
							     revoked.error().context));
				 note_revoked(i, revoked->lost);
				 export_by_peer(i, last + 1);
			 });
	});
}

/// The peer has closed every export of ours that came before.
void Unit::export_by_peer(unsigned i, std::uint64_t epoch)
{
	if (config_.reservations)
		return export_if_keyed(i, epoch);
	carry_by_peer(i, [this, i, epoch](const Result<void> &carried) {
		if (carried)
			return grant_by_peer(i, epoch);
		const bool conflict = carried.error().code.value() == EBADE;
		attach_failed(
			i, conflict ? Reason::RESERVATION : Reason::TRANSPORT,
			fmt::format("{}: {}", config_.paths[i].peer, carried.error().context));
	});
}

/// A fence may have taken the peer's key away, and its last check need not have seen that.
void Unit::export_if_keyed(unsigned i, std::uint64_t epoch)
{
	const auto key = slots_[i].attestation ? slots_[i].attestation->key : 0;
	if (key == 0 || !slots_[i].attestation->reservations)
		return grant_by_peer(i, epoch);
	ask_peer(i, request_for(PeerVerb::Keys), attest_limit,
		 [this, i, epoch, key, asked = now()](const Result<PeerAnswer> &answer) {
			 const auto &peer = config_.paths[i].peer;
			 if (!answer)
				 return attach_failed(
					 i, Reason::TRANSPORT,
					 fmt::format("{} does not say which keys the disk has: {}",
						     peer, answer.error().context));
			 note_keys(i, answer->keys, asked);
			 if (std::find(answer->keys.begin(), answer->keys.end(), key) ==
			     answer->keys.end())
				 return attach_failed(i, Reason::RESERVATION,
						      fmt::format(key_gone, peer));
			 grant_by_peer(i, epoch, answer->keys);
		 });
}

/// `keys`: that were on the disk before; nothing: nobody has looked. The peer may open the export
/// by another nexus than the one that it has attested.
void Unit::grant_by_peer(unsigned i, std::uint64_t epoch,
			 const std::optional<std::vector<std::uint64_t>> &keys)
{
	ask_peer(i, request_for(PeerVerb::Export, epoch), export_limit,
		 [this, i, epoch, keys](const auto &granted) {
			 const auto &path = config_.paths[i];
			 const auto *client = peer_of(i);
			 if (!granted || client == nullptr || client->hello() == nullptr)
				 return attach_failed(
					 i, Reason::TRANSPORT,
					 fmt::format("{} does not serve: {}", path.peer,
						     granted ? "it went away"
							     : granted.error().context));
			 // Before any I/O can go there: a pathd that comes after this one has to
			 // know what to revoke.
			 state_.grants[path.peer].renew(
				 epoch, text_of(client->hello()->boot), granted->nexus,
				 granted->key,
				 kernel_ && kernel_->status.state == UnitState::ONLINE &&
					 kernel_->status.active != i);
			 if (slots_[i].attestation)
				 (void)state_.grants[path.peer].attested(
					 slots_[i].attestation->keys);
			 if (auto saved = save_state(); !saved)
				 return attach_failed(
					 i, Reason::TRANSPORT,
					 fmt::format(
						 "the export that {} granted cannot be noted: {}",
						 path.peer, saved.error().message()));
			 if (keys && granted->key != 0 &&
			     std::find(keys->begin(), keys->end(), granted->key) == keys->end())
				 return attach_failed(i, Reason::RESERVATION,
						      fmt::format(key_gone, path.peer));
			 submit_attach(i, {client->peer().address.host, granted->port, {}},
				       granted->export_name, backend_of(i) + granted->export_name,
				       services_.peers->data_key());
		 });
}

/// Which export of each peer the writes in doubt may have gone to. A later one of ours is as good
/// to revoke: it closes those before it, and the grant knows what they have lost.
void Unit::note_doubt()
{
	const auto &status = kernel_->status;
	if (status.state != UnitState::VERIFY)
		return;
	for (unsigned i = 0; i < slots_.size(); i++) {
		auto &slot = slots_[i];
		if (!by_peer(i) || slot.doubt_mv == status.mv)
			continue;
		slot.doubt_mv = status.mv;
		slot.doubt_epoch =
			std::max(grant_of(i).epoch, slot.leg ? slot.leg->export_epoch : 0);
		// The kernel may have gone on by a connection that no slot wants any more.
		const auto device = i < status.paths.size() ? status.paths[i].device : std::nullopt;
		if (const auto found = device ? legs_.find(*device) : legs_.end();
		    found != legs_.end())
			slot.doubt_epoch = std::max(slot.doubt_epoch, found->second->export_epoch);
	}
}

FencePath Unit::fence_path_of_peer(unsigned i) const
{
	FencePath path;
	const auto &slot = slots_[i];
	const auto &peers = services_.peers != nullptr ? services_.peers->config().peers
						       : std::vector<PeerConfig>{};
	for (unsigned n = 0; n < peers.size(); n++)
		if (peers[n].name == config_.paths[i].peer)
			path.server = n + 1;
	path.export_epoch = slot.doubt_epoch;
	const auto grant = grant_of(i);
	path.moved = grant.moved;
	if (config_.reservations) {
		path.key = slot.attestation && slot.attestation->key != 0 ? slot.attestation->key
									  : grant.key;
		path.export_key = grant.key;
		path.keys.assign(grant.keys.begin(), grant.keys.end());
		path.doubt_keys.assign(grant.doubt_keys.begin(), grant.doubt_keys.end());
	}
	const auto *client = peer_of(i);
	if (client == nullptr || !client->reachable() || !slot.attestation)
		return path;
	const auto &seen = *slot.attestation;
	path.reachable = true;
	path.reservations = config_.reservations && seen.direct && seen.reservations;
	path.lu_reset = config_.lu_reset && seen.direct && seen.lu_reset;
	return path;
}

/// False: not done by peers.
bool Unit::fence_by_peer(const FenceAction &action, const std::string &what)
{
	if (action.kind == FenceAction::Kind::ProveRejected ||
	    action.kind == FenceAction::Kind::AskClusterFence)
		return false;
	auto request = request_for(verb_of(action.kind), action.epoch);
	request.key = action.key;
	request.victim = action.victim;
	request.type = action.type;
	request.mv = action.mv;
	const auto limit = std::max<Duration>(action.limit - fence_slack, fence_slack);
	ask_peer(action.path, request, limit, [this, action, what](const auto &answer) {
		FenceResult result;
		if (!answer) {
			result.error = answer.error().code.value();
			result.text = answer.error().context;
			return fenced(action, what, result);
		}
		result.answer.keys = answer->keys;
		result.answer.type = answer->type;
		result.answer.generation = answer->generation;
		result.answer.ended = answer->ended;
		result.answer.lost = answer->lost;
		result.text = answer->text;
		if (action.kind == FenceAction::Kind::Revoke) {
			slots_[action.path].revoked_mv = action.mv;
			note_revoked(action.path, answer->lost);
			const auto *client = peer_of(action.path);
			const bool known = client != nullptr && client->hello() != nullptr;
			grant_of(action.path)
				.complete(result.answer,
					  known ? text_of(client->hello()->boot) : std::string());
		}
		fenced(action, what, result);
	});
	return true;
}

} // namespace swpath
