// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: the reservations of the unit's users, over the paths of this host and over
/// the peers that serve it; and those of the users of the hosts that are served.
#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "libpath/sys/clock.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

namespace
{

constexpr Duration carry_limit = std::chrono::seconds(2);
/// How long a client whose key was preempted may go on through this host.
constexpr Duration rights_interval = std::chrono::seconds(1);
/// Between a client's word and its export.
constexpr Duration export_grace = std::chrono::seconds(10);

} // namespace

/// What a check saw on the disk, and what the path's nexus is to have by the next one.
void Unit::carry_key(unsigned i, const ProbeFacts &facts)
{
	if (!facts.nexus)
		return;
	const auto active = kernel_ && kernel_->status.state == UnitState::ONLINE
				    ? kernel_->status.active
				    : std::nullopt;
	const bool direct = active && kernel_->status.paths[*active].kind == PathKind::DIRECT;
	if (facts.copied)
		carried_.changed(i, *facts.copied);
	const auto before = carried_.state();
	if (!carried_.looked({.path = i,
			      .began = facts.began,
			      .in_use = direct && *active == i,
			      .other_in_use = direct && *active != i,
			      .view = clients_.own_view(*facts.nexus)},
			     facts.ended) &&
	    before == state_.carried && !carried_.wanted(i))
		return;
	const auto &state = carried_.state();
	if (state.key != before.key)
		log::say(Message::Notice, {.unit = config_.name}, "{}",
			 state.key != 0
				 ? fmt::format("the key {} of the unit's users is carried over "
					       "every path",
					       reservation_key_text(state.key))
				 : fmt::format("the key {} of the unit's users is on the disk no "
					       "more",
					       reservation_key_text(before.key)));
	state_.carried = state;
	save_state();
	for (unsigned other = 0; other < slots_.size(); other++) {
		auto &slot = slots_[other];
		const bool new_key = state.key != 0 && state.key != before.key && other != i;
		if (by_peer(other))
			slot.attest_next = {};
		if (!slot.leg)
			continue;
		// Its ticket is from before the key: the kernel must not go on by it.
		if (new_key)
			slot.monitor.step(ProofVoided{facts.ended});
		// A peer's path is checked when the peer has answered, or as ever if it does not:
		// to fail it now would close its connection each time that a key is new.
		if (slot.leg->kind() != PathKind::DIRECT)
			continue;
		const auto wanted = carried_.wanted(other);
		slot.probe_now |= wanted != slot.leg->key.copy || state.key != before.key;
		slot.leg->key.copy = wanted;
	}
}

std::optional<Difference> Unit::judge_rights(unsigned i) const
{
	const auto &slot = slots_[i];
	std::string text;
	if (by_peer(i))
		text = carried_.missing_by_peer(i, config_.paths[i].peer);
	else if (slot.leg->key.carry)
		text = carried_.missing(i);
	if (text.empty())
		return std::nullopt;
	return Difference{Reason::RESERVATION, std::move(text)};
}

/// Tells the peer which key our users have, and asks whether they have the same rights there.
/// Errors: EBADE they have not; others: it does not say.
void Unit::carry_by_peer(unsigned i, std::function<void(const Result<void> &)> answered)
{
	PeerRequest request;
	request.verb = PeerVerb::Carry;
	request.key = carried_.state().key;
	ask_peer(i, request, carry_limit,
		 [this, i, key = request.key, answered](const Result<PeerAnswer> &answer) {
			 auto &slot = slots_[i];
			 const auto &peer = config_.paths[i].peer;
			 Result<void> result;
			 if (!answer)
				 result = tl::unexpected(answer.error());
			 if (answer || answer.error().code.value() == EBADE) {
				 const auto before = carried_.missing_by_peer(i, peer);
				 if (carried_.answered(i, key,
						       answer ? std::string()
							      : answer.error().context)) {
					 state_.carried = carried_.state();
					 save_state();
				 }
				 slot.probe_now |=
					 slot.leg && before != carried_.missing_by_peer(i, peer);
			 }
			 answered(result);
		 });
}

/// For a peer: is the disk to it, through this host, what it is through its own path?
void Unit::carry_for(const PeerOrder &order)
{
	auto *leg = served_leg();
	if (!leg)
		return answer_peer(order.token, PeerStatus::UnknownDisk,
				   "this host's path is not proved");
	if (rights_busy_)
		return answer_peer(order.token, PeerStatus::Busy, "the disk is being asked");
	clients_.told(order.client, order.request.key);
	told_at_[order.client] = now();
	look_for_client(*leg, order.client, std::nullopt,
			[this, token = order.token](int error, std::string text) {
				answer_peer(token, peer_status_of(error), std::move(text));
			});
}

/// Errors of `answered`: EBADE the client has not its rights here.
void Unit::look_for_client(Leg &leg, const std::string &client, std::optional<NexusChange> copy,
			   std::function<void(int error, std::string text)> answered)
{
	rights_busy_ = leg.nexus(
		copy, carry_limit,
		[this, &leg, here = std::weak_ptr(here_), client, copy,
		 answered](const Result<NexusView> &view) {
			if (here.expired())
				return;
			rights_busy_ = false;
			touch();
			// A disk without reservations reserves nothing for anybody.
			if (!view && view.error().code == ScsiOutcome::IllegalRequest)
				return answered(0, {});
			if (!view && view.error().code.value() == ENOENT && copy)
				return look_for_client(leg, client, std::nullopt, answered);
			if (!view)
				return answered(EIO, view.error().message());
			if (copy)
				clients_.changed(copy->key);
			const auto verdict = clients_.looked(client, *view);
			if (clients_.state() != state_.clients) {
				state_.clients = clients_.state();
				save_state();
			}
			if (verdict.change) {
				log::say(Message::Notice, {.unit = config_.name},
					 "key of this host's path for {}: {}", client,
					 verdict.change->key != 0
						 ? reservation_key_text(verdict.change->key)
						 : "none");
				return look_for_client(leg, client, verdict.change, answered);
			}
			answered(verdict.refusal.empty() ? 0 : EBADE, verdict.refusal);
		});
	if (!rights_busy_)
		answered(EAGAIN, "this host's path hangs");
}

/// Every client is looked for once in rights_interval.
Duration Unit::rights_wait() const
{
	return rights_interval /
	       static_cast<Duration::rep>(std::max<std::size_t>(1, clients_.state().keys.size()));
}

/// Is a client's key still there? Who preempts it means every way that the client has.
void Unit::look_after_rights(Instant now)
{
	const auto &keys = clients_.state().keys;
	if (keys.empty() || rights_busy_ || now < rights_next_ || services_.serving == nullptr ||
	    !services_.serving->answers())
		return;
	rights_next_ = now + rights_wait();
	auto next = keys.upper_bound(rights_turn_);
	const std::string client = (next == keys.end() ? keys.begin() : next)->first;
	rights_turn_ = client;
	const auto state = services_.serving->state(config_.wwid, client);
	auto *leg = served_leg();
	if (!state || !leg)
		return;
	if (!state->open) {
		if (now < std::max(told_at_[client], created_) + export_grace)
			return;
		clients_.told(client, 0);
		if (!clients_.copy_is_left()) {
			clients_.forget(client);
			told_at_.erase(client);
			state_.clients = clients_.state();
			save_state();
			return;
		}
	}
	look_for_client(*leg, client, std::nullopt,
			[this, name = ExportName{config_.wwid, client, state->epoch},
			 open = state->open](int error, const std::string &text) {
				if (open && error == EBADE && revoking_ == 0)
					serve_no_more(name, text);
			});
}

} // namespace swpath
