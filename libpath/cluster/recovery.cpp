// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/recovery.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace swpath
{
namespace
{

/// Frames that came before this host had all exchanges; more are asked for again.
constexpr std::size_t early_max = 1024;
constexpr unsigned left_out_max = 3;

/// Steps of the service with this index: it has said all, it is activated.
constexpr std::uint32_t done_step(std::size_t index)
{
	return static_cast<std::uint32_t>(2 * index + 1);
}
constexpr std::uint32_t activated_step(std::size_t index)
{
	return done_step(index) + 1;
}

template <class T>
bool has(const std::vector<T> &list, const T &one)
{
	return std::find(list.begin(), list.end(), one) != list.end();
}

} // namespace

Recovery::Recovery(Member self, std::vector<SyncService *> services, RecoveryLimits limits)
	: self_(std::move(self)), limits_(limits)
{
	for (auto *service : services)
		services_.emplace(service->id(), service);
	assert(services_.size() == services.size() && services.size() <= sync_services_max);
}

RecoveryActions Recovery::finish()
{
	return std::exchange(actions_, {});
}

void Recovery::send(std::optional<Member> to, decltype(SyncMessage::body) body)
{
	actions_.send.push_back({std::move(to), encode({tag_, std::move(body)})});
}

SyncExchange Recovery::own_exchange(bool again) const
{
	SyncExchange exchange;
	exchange.members = members_;
	for (const auto &[id, service] : services_)
		exchange.services.push_back(id);
	exchange.last = last_;
	exchange.again = again;
	return exchange;
}

/// Drops everything of the attempt, in whatever phase it is.
void Recovery::abort_round()
{
	if (begun_) {
		counts_.aborts++;
		for (const auto &[id, service] : services_)
			service->sync_abort();
	}
	begun_ = false;
	phase_ = RecoveryPhase::Alone;
	tag_ = {};
	members_.clear();
	peers_.clear();
	early_.clear();
	stages_.clear();
	stage_ = 0;
	step_ = 0;
	round_ = {};
}

void Recovery::propose(std::vector<Member> members, std::uint64_t epoch, Instant now)
{
	abort_round();
	if (!changed_at_)
		changed_at_ = now;
	tag_ = {engine_.ring, epoch};
	epoch_seen_ = std::max(epoch_seen_, epoch);
	members_ = std::move(members);
	for (const auto &each : members_)
		if (each != self_)
			peers_[each];
	phase_ = RecoveryPhase::Exchange;
	waiting_since_ = asked_at_ = now;
	send({}, own_exchange(false));
}

RecoveryActions Recovery::change(const Membership &membership, Instant now)
{
	if (membership == engine_)
		return {};
	engine_ = membership;
	put_in_order(engine_.members);
	listed_ = engine_.members;
	std::erase_if(listed_,
		      [&](const Member &each) { return !has(membership.hosts, each.host); });
	left_out_ = 0;
	if (!contains(listed_, self_) || listed_.size() > members_max) {
		abort_round();
		changed_at_.reset();
		return finish();
	}
	propose(listed_, epoch_seen_ + 1, now);
	advance(now);
	return finish();
}

/// Whom to propose when a member proposes others than this host does. Both compute the same from
/// the same two lists, and neither leaves out one that speaks.
std::vector<Member> Recovery::meeting_point(const std::vector<Member> &theirs, const Member &from,
					    bool newer) const
{
	std::vector<Member> result{self_, from};
	for (const auto &each : theirs)
		if (contains(listed_, each) && (newer || contains(members_, each)))
			result.push_back(each);
	put_in_order(result);
	return result;
}

void Recovery::take(const Member &from, const SyncMessage &message, const SyncExchange &exchange,
		    Instant now)
{
	const auto epoch = message.tag.epoch;
	if (epoch > tag_.epoch) {
		auto members = meeting_point(exchange.members, from, true);
		const bool same = members == exchange.members;
		propose(std::move(members), same ? epoch : epoch + 1, now);
		if (!same)
			return;
	} else if (epoch < tag_.epoch) {
		// It is behind, and ours is on its way to it. An answer to every such frame would
		// have answers of its own where all hear all.
		if (exchange.again)
			send(from, own_exchange(false));
		return;
	} else if (exchange.members != members_) {
		propose(meeting_point(exchange.members, from, false), epoch + 1, now);
		return;
	}
	auto &peer = peers_.at(from);
	peer.heard = now;
	if (phase_ == RecoveryPhase::Exchange)
		peer.exchange = exchange;
	if (exchange.again)
		send(from, own_exchange(false));
}

void Recovery::take(const Member &from, const SyncData &data)
{
	auto &peer = peers_.at(from);
	for (std::size_t i = 0; i < stages_.size(); i++) {
		// Another number than the next one: said twice, or one before it is missing and
		// will be asked for.
		if (stages_[i].id != data.service || peer.received[i] != data.number)
			continue;
		peer.received[i]++;
		if (stages_[i].local && step_ < activated_step(i))
			stages_[i].local->sync_receive(from, data.bytes);
	}
}

void Recovery::take(const Member &from, const SyncStep &step)
{
	if (step.step > activated_step(stages_.size() - 1))
		return;
	auto &peer = peers_.at(from);
	peer.step = std::max(peer.step, step.step);
	if (step.step % 2 == 1)
		peer.announced[step.step / 2] = step.messages;
}

/// Says again what the member lacks: this host may be a phase ahead of it, or have ended the round.
void Recovery::take(const Member &from, const SyncAsk &ask)
{
	const std::size_t index = (ask.step - 1) / 2;
	if (ask.whom != self_ || index >= stages_.size())
		return;
	const auto &stage = stages_[index];
	for (std::size_t i = ask.have; i < stage.said.size(); i++)
		send(from, SyncData{stage.id, static_cast<std::uint32_t>(i), stage.said[i]});
	if (step_ >= done_step(index))
		send(from,
		     SyncStep{done_step(index), static_cast<std::uint32_t>(stage.said.size())});
	if (step_ >= activated_step(index))
		send(from, SyncStep{activated_step(index), 0});
}

/// Its sender knows that all have activated all; this host may not know that of the others yet.
void Recovery::take(const Member &from, const SyncNews &news)
{
	if (stages_.empty() || step_ != activated_step(stages_.size() - 1))
		return;
	if (const auto service = services_.find(news.service); service != services_.end())
		service->second->sync_hear(from, news.bytes);
}

void Recovery::take(const Member &from, const SyncMessage &message, Instant now)
{
	const auto *exchange = std::get_if<SyncExchange>(&message.body);
	// One that was left out may come back, by an exchange and in no other way. Nobody proposes
	// a membership without itself.
	if (message.tag.ring != engine_.ring || !contains(listed_, from) || !tag_.valid() ||
	    (exchange ? !contains(exchange->members, from)
		      : message.tag != tag_ || !contains(members_, from))) {
		counts_.refused++;
		return;
	}
	if (exchange) {
		take(from, message, *exchange, now);
		return;
	}
	peers_.at(from).heard = now;
	if (!begun_ && phase_ == RecoveryPhase::Exchange) {
		if (early_.size() < early_max)
			early_.emplace_back(from, encode(message));
		return;
	}
	if (const auto *data = std::get_if<SyncData>(&message.body))
		take(from, *data);
	else if (const auto *step = std::get_if<SyncStep>(&message.body))
		take(from, *step);
	else if (const auto *ask = std::get_if<SyncAsk>(&message.body))
		take(from, *ask);
	else
		take(from, std::get<SyncNews>(message.body));
}

RecoveryActions Recovery::take(const Member &from, std::string_view frame, Instant now)
{
	if (from == self_)
		return {};
	const auto message = decode_sync_message(frame);
	if (!message || message->tag.epoch > epoch_seen_ + sync_epoch_leap_max) {
		counts_.refused++;
		return {};
	}
	// Of whatever ring: the next attempt of this host must be newer than all that were.
	epoch_seen_ = std::max(epoch_seen_, message->tag.epoch);
	take(from, *message, now);
	advance(now);
	return finish();
}

bool Recovery::satisfied(const Peer &peer) const
{
	switch (phase_) {
	case RecoveryPhase::Exchange:
		return peer.exchange.has_value();
	case RecoveryPhase::Barrier:
		return peer.step >= done_step(stage_) &&
		       peer.announced[stage_] == peer.received[stage_];
	case RecoveryPhase::Activated:
		return peer.step >= activated_step(stage_);
	default:
		return true;
	}
}

bool Recovery::all_satisfied() const
{
	return std::all_of(peers_.begin(), peers_.end(),
			   [&](const auto &each) { return satisfied(each.second); });
}

/// All members have said the same list with the same tag: nobody can say another one with it.
void Recovery::begin_round(Instant now)
{
	round_ = {tag_, members_, {self_}};
	std::vector<ServiceId> ids;
	for (const auto &[id, service] : services_)
		ids.push_back(id);
	for (const auto &[member, peer] : peers_) {
		ids.insert(ids.end(), peer.exchange->services.begin(),
			   peer.exchange->services.end());
		if (last_.valid() && peer.exchange->last == last_)
			round_.transitional.push_back(member);
	}
	put_in_order(round_.transitional);
	std::sort(ids.begin(), ids.end());
	ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
	ids.resize(std::min(ids.size(), sync_services_max));
	for (const auto id : ids) {
		const auto local = services_.find(id);
		stages_.push_back({id, local == services_.end() ? nullptr : local->second, {}});
	}
	for (auto &[member, peer] : peers_) {
		peer.received.assign(stages_.size(), 0);
		peer.announced.assign(stages_.size(), std::nullopt);
	}
	begun_ = true;
	// All of them before the first one works: a member that lives shortly is missed by none.
	for (const auto &[id, service] : services_)
		service->sync_init(round_);
	phase_ = RecoveryPhase::Process;
	process_at_ = now;
	for (auto &[from, frame] : std::exchange(early_, {}))
		if (const auto message = decode_sync_message(frame))
			take(from, *message, now);
}

void Recovery::reach(std::uint32_t step, Instant now)
{
	step_ = step;
	waiting_since_ = asked_at_ = now;
	for (auto &[member, peer] : peers_)
		peer.had = peer.received[stage_];
	const auto said = step % 2 == 1 ? stages_[stage_].said.size() : 0;
	send({}, SyncStep{step, static_cast<std::uint32_t>(said)});
}

/// True: the service has said all.
bool Recovery::process(Instant now)
{
	auto &stage = stages_[stage_];
	if (!stage.local)
		return true;
	if (now < process_at_)
		return false;
	auto output = stage.local->sync_process();
	for (auto &message : output.messages) {
		assert(message.size() <= sync_data_bytes_max);
		stage.local->sync_receive(self_, message);
		send({},
		     SyncData{stage.id, static_cast<std::uint32_t>(stage.said.size()), message});
		stage.said.push_back(std::move(message));
	}
	process_at_ = now + limits_.process;
	return output.done;
}

/// Goes as far as what is known allows.
void Recovery::advance(Instant now)
{
	for (;;) {
		switch (phase_) {
		case RecoveryPhase::Alone:
		case RecoveryPhase::Complete:
			return;
		case RecoveryPhase::Exchange:
			if (!all_satisfied())
				return;
			begin_round(now);
			break;
		case RecoveryPhase::Process:
			if (stage_ == stages_.size()) {
				phase_ = RecoveryPhase::Complete;
				begun_ = false;
				left_out_ = 0;
				counts_.rounds++;
				counts_.took = now - *std::exchange(changed_at_, std::nullopt);
				last_ = tag_;
				actions_.completed = round_;
				return;
			}
			if (!process(now))
				return;
			phase_ = RecoveryPhase::Barrier;
			reach(done_step(stage_), now);
			break;
		case RecoveryPhase::Barrier:
			if (!all_satisfied())
				return;
			if (stages_[stage_].local)
				stages_[stage_].local->sync_activate();
			phase_ = RecoveryPhase::Activated;
			reach(activated_step(stage_), now);
			break;
		case RecoveryPhase::Activated:
			if (!all_satisfied())
				return;
			phase_ = RecoveryPhase::Process;
			process_at_ = now;
			stage_++;
			break;
		}
	}
}

void Recovery::say_news()
{
	if (phase_ != RecoveryPhase::Complete)
		return;
	for (const auto &[id, service] : services_)
		for (auto &bytes : service->sync_news())
			send({}, SyncNews{id, std::move(bytes)});
}

void Recovery::ask_again(Instant now)
{
	asked_at_ = now;
	if (phase_ == RecoveryPhase::Exchange) {
		send({}, own_exchange(true));
		return;
	}
	for (auto &[member, peer] : peers_) {
		const auto have = peer.received[stage_];
		// Whoever has much to say, and a slow way, is not asked to say it all again while
		// it is still coming.
		if (!satisfied(peer) && std::exchange(peer.had, have) == have)
			send(member, SyncAsk{member, step_, have});
	}
}

Duration Recovery::patience() const
{
	return limits_.barrier * (1U << std::min(left_out_, left_out_max));
}

/// A ghost is listed, and says nothing. Whoever spoke lately may itself be waiting for the ghost.
bool Recovery::leave_out_silent(Instant now)
{
	const bool all = now >= waiting_since_ + 2 * patience();
	auto rest = members_;
	std::erase_if(rest, [&](const Member &each) {
		const auto peer = peers_.find(each);
		if (peer == peers_.end() || satisfied(peer->second))
			return false;
		return all || !peer->second.heard || *peer->second.heard + patience() <= now;
	});
	if (rest == members_)
		return false;
	std::set_difference(members_.begin(), members_.end(), rest.begin(), rest.end(),
			    std::back_inserter(actions_.left_out));
	counts_.ghosts += actions_.left_out.size();
	left_out_++;
	propose(std::move(rest), epoch_seen_ + 1, now);
	return true;
}

RecoveryActions Recovery::tick(Instant now)
{
	advance(now);
	say_news();
	if (all_satisfied() || now < asked_at_ + limits_.again)
		return finish();
	const bool impatient = now >= waiting_since_ + patience();
	if (!impatient || !leave_out_silent(now))
		ask_again(now);
	advance(now);
	return finish();
}

std::optional<Instant> Recovery::deadline() const
{
	if (phase_ == RecoveryPhase::Process)
		return process_at_;
	if (all_satisfied())
		return std::nullopt;
	return asked_at_ + limits_.again;
}

RecoveryStatus Recovery::status() const
{
	auto status = counts_;
	status.phase = phase_;
	status.tag = tag_;
	status.members = members_;
	for (const auto &[member, peer] : peers_)
		if (!satisfied(peer))
			status.waiting_for.push_back(member);
	if (begun_ && stage_ < stages_.size())
		status.service = stages_[stage_].id;
	if (last_.valid())
		status.last = last_;
	return status;
}

} // namespace swpath
