// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "libpath/unit/reason.h"

namespace swpath::sim
{

namespace
{

constexpr unsigned rounds_max = 4;
constexpr Duration look_interval = std::chrono::seconds(1);

} // namespace

Daemon::Daemon(Context &context, const UnitSetup &setup, Kernel &kernel, Network &network,
	       std::vector<std::unique_ptr<Leg>> &legs, std::vector<std::unique_ptr<Peer>> &peers)
	: context_(context), setup_(setup), kernel_(kernel), legs_(legs),
	  process_(context, "pathd"), fencer_(context, process_, setup, network, legs, peers)
{
	kernel_.on_event([this] { touch(); });
}

void Daemon::start()
{
	process_.start();
	MonitorPolicy monitor;
	monitor.check_interval = duration(setup_.check_interval);
	monitor.check_interval_max = 4 * monitor.check_interval;
	monitor.first_retry = std::min<Duration>(monitor.first_retry, monitor.check_interval);
	monitor.stable = duration(setup_.stable);
	slots_.clear();
	slots_.resize(legs_.size());
	for (auto &slot : slots_)
		slot.monitor.set_policy(monitor);
	if (!context_.broken(Mutant::COHERENCE_FORGOTTEN))
		for (const unsigned i : incoherent_)
			slots_[i].coherence.distrust();

	MvPolicy mv;
	mv.verify_limit = command() + std::chrono::seconds(1);
	mv.give_up_direct = 2 * command() + std::chrono::seconds(1);
	mv_ = MountVerification(mv);
	medium_ = {};
	if (context_.broken(Mutant::PEERS_BELIEVED))
		carried_state_.peers = ~0U;
	carried_ = CarriedKey(carried_state_);
	status_.reset();
	next_wake_ = 0;
	touch();
}

void Daemon::machine_went_down()
{
	kill();
	last_failback_.reset();
	pinned_.reset();
	carried_state_ = {};
	grants_.clear();
	incoherent_.clear();
}

void Daemon::kill()
{
	process_.crash();
}

bool Daemon::dies()
{
	if (kill_chance_ <= 0 || !context_.random.chance(kill_chance_))
		return false;
	kill();
	return true;
}

void Daemon::touch()
{
	wake(context_.schedule.now());
}

void Daemon::wake(Nanos at)
{
	if (next_wake_ != 0 && next_wake_ <= at)
		return;
	next_wake_ = std::max(at, context_.schedule.now());
	const Nanos delay =
		next_wake_ - context_.schedule.now() + context_.random.between(10 * us, 2 * ms);
	process_.after(delay, [this, number = ++wakes_] {
		if (number == wakes_)
			step();
	});
}

bool Daemon::in_table(unsigned i) const
{
	return status_ && legs_[i]->device() != 0 && kernel_.devices()[i] == legs_[i]->device();
}

// --- one look ---------------------------------------------------------------

void Daemon::step()
{
	next_wake_ = 0;
	const Instant now = context_.schedule.instant();
	look_for_devices(now);
	for (unsigned round = 0; round < rounds_max; round++) {
		if (!look(now))
			break;
		bool told = verify(now);
		if (!process_.up())
			return;
		if (status_->state != UnitState::VERIFY || !told) {
			told |= keep(now);
			if (!process_.up())
				return;
			told |= fail_back(now);
		}
		if (!process_.up())
			return;
		if (!told)
			break;
	}
	build(now);
	if (!process_.up())
		return;
	look_after_connections();
	ask_peers(now);
	carry_due(now);
	if (!process_.up())
		return;
	probe_due(now);

	Instant due = now + look_interval;
	if (const auto deadline = mv_.deadline())
		due = std::min(due, *deadline);
	for (const auto &slot : slots_)
		if (!slot.probing_since)
			due = std::min(due, std::max(slot.monitor.next_probe(),
						     now + std::chrono::milliseconds(10)));
	if (status_ && status_->state == UnitState::VERIFY)
		due = std::min(due, now + std::chrono::milliseconds(100));
	wake(nanos(due));
}

/// The block devices that there are: a connection came or went.
void Daemon::look_for_devices(Instant now)
{
	for (unsigned i = 0; i < slots_.size(); i++) {
		auto &slot = slots_[i];
		const auto device = legs_[i]->device();
		if (slot.device == device)
			continue;
		if (slot.device != 0) {
			slot.monitor.step(PathLost{now, Reason::PATH_GONE});
			carried_.forget(i);
		}
		slot.device = device;
		slot.probe_now = device != 0;
		slot.proved = false;
		slot.overdue = false;
		slot.failures = 0;
		slot.probing_since.reset();
		slot.again.reset();
		medium_.forget(i);
		slot.coherence.forget();
		mv_.replaced(i);
	}
}

bool Daemon::look(Instant now)
{
	if (!kernel_.running()) {
		status_.reset();
		return false;
	}
	const bool first_look = !status_;
	const auto before = std::exchange(status_, kernel_.status());
	const auto &after = *status_;

	// The kernel, or the answer to it, chose this path: that is better than any stable period.
	if (!first_look && after.state == UnitState::ONLINE && after.active &&
	    (before->epoch != after.epoch || before->mv != after.mv ||
	     before->state != UnitState::ONLINE) &&
	    in_table(*after.active) && !slots_[*after.active].monitor.usable())
		slots_[*after.active].monitor.step(PathTaken{now});
	if (pinned_ && after.state == UnitState::ONLINE && after.active != pinned_)
		pinned_.reset();

	for (unsigned i = 0; i < slots_.size(); i++) {
		auto &slot = slots_[i];
		const auto &path = after.paths[i];
		const auto look_before =
			std::exchange(slot.last_look, LastLook{path.state, path.errors});
		if (is_loss(look_before, path, slot.monitor.state()))
			slot.monitor.step(PathLost{now, path.reason});
	}
	return true;
}

std::vector<MvCandidate> Daemon::candidates() const
{
	std::vector<MvCandidate> list(slots_.size());
	for (unsigned i = 0; i < list.size(); i++) {
		list[i].monitor = slots_[i].monitor.state();
		if (in_table(i)) {
			list[i].name = "leg";
			list[i].proved_at = slots_[i].monitor.proved_at();
		}
		auto &fencing = list[i].fencing;
		const bool served = legs_[i]->kind() == PathKind::SERVED;
		fencing.server = served ? fencer_.peer(i)->nexus.id() : 0;
		fencing.reachable = served ? context_.schedule.instant() < slots_[i].peer_until
					   : slots_[i].proved;
		fencing.reservations = setup_.reservations;
		fencing.lu_reset = setup_.lu_reset;
		fencing.agent = served && setup_.agent;
		fencing.key = fencer_.key(i);
		fencing.export_epoch = slots_[i].doubt_epoch;
		if (const auto grant = grants_.find(i); grant != grants_.end()) {
			fencing.moved = grant->second.moved;
			fencing.export_key = grant->second.key;
			fencing.keys.assign(grant->second.keys.begin(), grant->second.keys.end());
			fencing.doubt_keys.assign(grant->second.doubt_keys.begin(),
						  grant->second.doubt_keys.end());
		}
	}
	return list;
}

bool Daemon::verify(Instant now)
{
	for (unsigned i = 0; i < slots_.size(); i++)
		slots_[i].may_register = mv_.may_register(*status_, i);
	note_exports();
	const auto known = candidates();
	bool told = false;
	for (const auto &action : mv_.step(*status_, known, now))
		if (!carry_out(action, now, told))
			return false;
	return told;
}

/// False: killed.
bool Daemon::carry_out(const MvAction &action, Instant now, bool &told)
{
	if (dies())
		return false;
	switch (action.kind) {
	case MvAction::Kind::Verify:
		if (in_table(action.path))
			probe(action.path, action.mv);
		else
			mv_.refuted(action.mv, action.path, now, Reason::PATH_GONE);
		break;
	case MvAction::Kind::GiveUp:
		context_.trace.say("pathd", "path {} is told to give up", action.path);
		legs_[action.path]->give_up();
		break;
	case MvAction::Kind::Reject:
		told |= kernel_.reject(action.mv, action.path, action.reason) == 0;
		break;
	case MvAction::Kind::Fence:
		fence(action.fence);
		break;
	case MvAction::Kind::Commit: {
		if (!in_table(action.path))
			break;
		if (action.reinstate_first)
			(void)kernel_.reinstate(action.path);
		if (dies())
			return false;
		const std::string evidence(action.evidence.empty() ? "none" : action.evidence);
		const int error =
			kernel_.commit(action.mv, action.path, action.method, evidence.c_str());
		told = true;
		if (error != 0)
			mv_.commit_refused(action.mv, action.path, error, now);
		break;
	}
	case MvAction::Kind::Retry:
		told |= kernel_.retry() == 0;
		break;
	}
	return true;
}

void Daemon::fence(const FenceAction &action)
{
	fencer_.carry_out(action, [this, action](int error, const FenceAnswer &answer) {
		const Instant now = context_.schedule.instant();
		context_.trace.say("fencer", "path {}: {}", action.path,
				   error ? std::strerror(error) : "done");
		FenceAnswer known = answer;
		if (error == 0 && action.kind == FenceAction::Kind::Revoke) {
			slots_[action.path].revoked_mv = action.mv;
			auto &grant = grants_[action.path];
			grant.revoked(answer.lost);
			grant.complete(known, peer_boot(action.path));
		}
		if (dies())
			return;
		if (error == 0)
			mv_.fence_done(action.token, known, now);
		else
			mv_.fence_failed(action.token, error, now);
		touch();
	});
}

void Daemon::confirm(std::uint64_t mv)
{
	process_.run([this, mv] {
		if (mv_.fence_confirmed(mv))
			touch();
	});
}

/// As Unit::attest_due(), and more often while a mount verification waits: who of the peers is
/// there to help, and what does it say of its own path?
void Daemon::ask_peers(Instant now)
{
	if (!status_)
		return;
	const Duration check = duration(setup_.check_interval);
	const Duration pause = status_->state == UnitState::VERIFY
				       ? std::min<Duration>(check, std::chrono::milliseconds(500))
				       : check;
	for (unsigned i = 0; i < slots_.size(); i++) {
		if (legs_[i]->kind() != PathKind::SERVED || now < slots_[i].asked + pause)
			continue;
		slots_[i].asked = now;
		fencer_.ask_status(i, [this, i](bool proved) {
			if (!proved)
				return;
			slots_[i].peer_until =
				context_.schedule.instant() + std::chrono::seconds(2);
			if (setup_.reservations)
				look_for_keys(i);
			touch();
		});
	}
}

bool Daemon::keep(Instant now)
{
	std::vector<KeptPath> paths(slots_.size());
	for (unsigned i = 0; i < paths.size(); i++) {
		const auto &monitor = slots_[i].monitor;
		if (in_table(i))
			paths[i] = {monitor.state(), monitor.fault(), monitor.failures(),
				    monitor.proved_at(), mv_.may_lack_key(i)};
		else if (status_->paths[i].state != PathState::ABSENT)
			paths[i] = {MonitorState::Failed, Reason::PATH_GONE, active_failures_max,
				    std::nullopt, false};
	}
	bool told = false;
	for (const auto &action :
	     keep_paths(*status_, paths, duration(setup_.check_interval), now)) {
		if (dies())
			return false;
		switch (action.kind) {
		case KeeperAction::Kind::Fail:
			told |= kernel_.fail(action.path, action.reason) == 0;
			break;
		case KeeperAction::Kind::Reject:
			told |= kernel_.reject(status_->mv, action.path, action.reason) == 0;
			break;
		case KeeperAction::Kind::Reinstate:
			told |= kernel_.reinstate(action.path) == 0;
			break;
		case KeeperAction::Kind::Ticket:
			context_.checker.expect(
				action.ttl_ms == 0 ||
					(paths[action.path].proved_at &&
					 now + std::chrono::milliseconds(action.ttl_ms) <=
						 *paths[action.path].proved_at +
							 3 * duration(setup_.check_interval)),
				"P3", "a ticket outlives the proof that it stands for");
			if (action.ttl_ms != 0 && setup_.carry)
				judge_ticket(action.path, nanos(*paths[action.path].proved_at));
			told |= kernel_.ticket(action.path, status_->epoch, action.ttl_ms) == 0;
			break;
		}
	}
	return told;
}

/// For the judge: what stands behind a ticket.
void Daemon::judge_ticket(unsigned i, Nanos began)
{
	auto &nexus = legs_[i]->nexus();
	auto &checker = context_.checker;
	checker.vouched(i, nexus.disk().key(nexus.id()), began);
	// While the export is open, the peer forgets nothing that it was told.
	const auto *peer = fencer_.peer(i);
	if (peer != nullptr && peer->server.has_session(legs_[i]->device()))
		checker.vouched_by_peer(i, peer->rights.told(), began);
}

FailbackDecision Daemon::failback_now(Instant now) const
{
	std::vector<FailbackView::Path> paths(slots_.size());
	for (unsigned i = 0; i < paths.size(); i++) {
		paths[i].ready = status_->paths[i].state == PathState::READY;
		paths[i].ticket = status_->paths[i].ticket_ms > 0;
		if (in_table(i)) {
			paths[i].state = slots_[i].monitor.state();
			paths[i].good_since = slots_[i].monitor.good_since();
		}
	}
	return decide_failback({.online = status_->state == UnitState::ONLINE,
				.pinned = pinned_.has_value(),
				.active = status_->active,
				.last_try = last_failback_,
				.paths = paths},
			       {.automatic = true,
				.interval = duration(setup_.failback_interval),
				.stable = duration(setup_.stable)},
			       now);
}

bool Daemon::fail_back(Instant now)
{
	const auto decision = failback_now(now);
	if (decision.verdict != FailbackVerdict::Go || dies())
		return false;
	last_failback_ = now;
	return kernel_.switch_to(*decision.to, true, Reason::FAILBACK) == 0;
}

void Daemon::pardon(unsigned path)
{
	process_.run([this, path] {
		slots_[path].monitor.step(PathPardoned{context_.schedule.instant()});
		slots_[path].probe_now = true;
		touch();
	});
}

} // namespace swpath::sim
