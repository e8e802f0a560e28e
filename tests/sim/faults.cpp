// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a world: what goes wrong, and the people who deal with it.
#include <algorithm>

#include "world.h"

namespace swpath::sim
{

namespace
{

constexpr HostId client_id = 0;
/// A transport hands a command over within 50 ms or never.
constexpr Nanos fabric_life = 60 * ms;

} // namespace

Nanos World::length()
{
	return context_.random.between(fault_length_ / 20 + 1, fault_length_);
}

void World::break_things()
{
	if (mix_.abort)
		for (auto *nexus : nexuses())
			nexus->set_faults({.abort_fails = context_.random.chance(0.5) ? 1.0 : 0.4});
	if (mix_.loss)
		network_.set_loss(0.02);
	if (mix_.pathd)
		daemon_->set_kill_chance(0.02);
	context_.schedule.after(context_.random.between(1, 2 * fault_pause_), [this] { fault(); });
}

/// One fault after the other; each heals by itself, so that several are there at once.
void World::fault()
{
	if (calm_)
		return;
	const bool wanted[] = {mix_.link,      mix_.stall,  mix_.network, mix_.freeze,
			       mix_.kill,      mix_.crash,  mix_.pathd,   mix_.client,
			       mix_.reboot,    mix_.power,  mix_.medium,  mix_.swap,
			       mix_.operators, mix_.reload, mix_.remove,  mix_.caching};
	const auto which = static_cast<unsigned>(context_.random.below(std::size(wanted)));
	if (wanted[which]) {
		faults_++;
		one_fault(which);
	}
	context_.schedule.after(
		context_.random.between(1, wanted[which] ? 2 * fault_pause_ : 100 * ms),
		[this] { fault(); });
}

void World::one_fault(unsigned which)
{
	auto &random = context_.random;
	const auto all = nexuses();
	Nexus *nexus = all[random.below(all.size())];
	Peer *peer = peers_.empty() ? nullptr : peers_[random.below(peers_.size())].get();
	const auto peer_id = peer ? peer->nexus.id() : 0;
	const Nanos lasts = length();
	const auto later = [this, lasts](Schedule::What what) {
		context_.schedule.after(lasts, std::move(what));
	};

	switch (which) {
	case 0:
		nexus->set_link(random.chance(0.7) ? Link::Down : Link::Deaf);
		later([nexus] { nexus->set_link(Link::Up); });
		break;
	case 1:
		context_.trace.say("disk", "port of nexus {} stalls for {} ms", nexus->id(),
				   lasts / ms);
		disk_.stall(nexus->id(), context_.schedule.now() + lasts);
		break;
	case 2: {
		if (!peer)
			break;
		const auto ways = random.between(1, 3);
		if (ways & 1)
			network_.cut(client_id, peer_id);
		if (ways & 2)
			network_.cut(peer_id, client_id);
		later([this, peer_id] {
			network_.heal(client_id, peer_id);
			network_.heal(peer_id, client_id);
		});
		break;
	}
	case 3: {
		if (!peer)
			break;
		if (setup_.carry && random.chance(0.4)) { // its server serves on
			peer->pathd.freeze();
			later([peer] { peer->thaw(); });
			break;
		}
		const bool whole = random.chance(0.3);
		peer->process.freeze();
		if (whole) {
			peer->machine.freeze();
			peer->pathd.freeze();
		}
		later([peer] { peer->thaw(); });
		break;
	}
	case 4:
		if (!peer || !peer->process.up())
			break;
		if (setup_.carry && random.chance(0.4)) {
			peer->pathd.crash();
			later([peer] {
				if (peer->machine.up())
					peer->start_pathd();
			});
			break;
		}
		peer->process.crash();
		peer->server.died(false);
		for (auto &leg : legs_)
			if (auto *served = dynamic_cast<ServedLeg *>(leg.get());
			    served && served->peer() == peer_id)
				served->server_died();
		later([peer] {
			if (peer->machine.up())
				peer->process.start();
		});
		break;
	case 5:
		if (!peer || !peer->machine.up())
			break;
		peer->power_off();
		later([peer] { peer->power_on(); });
		break;
	case 6:
		daemon_->kill();
		break;
	case 7:
		client_.freeze();
		daemon_->process().freeze();
		context_.schedule.after(lasts / 2, [this] {
			client_.thaw();
			daemon_->process().thaw();
		});
		break;
	case 8:
		if (!random.chance(0.3))
			break;
		client_.crash();
		daemon_->machine_went_down();
		kernel_->crash();
		sure_of_ = 0;
		workload_->client_crashed();
		for (auto &leg : legs_)
			leg->client_went_down();
		later([this] { boot_client(); });
		break;
	case 9:
		disk_.power_loss();
		break;
	case 10:
		disk_.spoil(static_cast<std::uint32_t>(random.below(block_count)));
		break;
	case 11:
		swap_disk(static_cast<unsigned>(random.below(legs_.size())));
		break;
	case 12:
		if (setup_.reservations && random.chance(0.1))
			disk_.clear_keys();
		else
			random_order();
		break;
	case 13:
		reload_table();
		break;
	case 14:
		if (auto *direct =
			    dynamic_cast<DirectLeg *>(legs_[random.below(legs_.size())].get());
		    direct && client_.up() && !client_.frozen())
			direct->replace();
		break;
	case 15: // one server alone: where all are old, there is no path to go to
		if (!peers_.empty())
			start_caching(*peers_.front());
		break;
	}
}

/// A server that reads by its machine's page cache is started in the place of ours, or one that
/// serves an old replica.
void World::start_caching(Peer &peer)
{
	auto &cache = peer.server.cache();
	if (cache.on())
		return;
	const bool replica = context_.random.chance(0.3);
	context_.trace.say("server", "{} {}", peer.process.name(),
			   replica ? "serves a replica that is left behind"
				   : "answers from its page cache");
	cache.begin();
	if (replica)
		cache.fill(peer.nexus.disk());
	context_.schedule.after(10 * length(), [&cache] { cache.end(); });
}

/// An administrator loads the table again, or one that lacks a path; pathd mends that.
void World::reload_table()
{
	if (!kernel_->running() || !client_.up() || client_.frozen())
		return;
	auto devices = kernel_->devices();
	if (context_.random.chance(0.5))
		devices[context_.random.below(devices.size())] = 0;
	(void)kernel_->reload(devices);
}

/// A path dies for longer than any proof of it lives, and comes back as a path to another disk for
/// a while.
void World::swap_disk(unsigned path)
{
	auto *leg = dynamic_cast<DirectLeg *>(legs_[path].get());
	if (!leg)
		return;
	auto &nexus = leg->nexus();
	if (swapping_)
		return;
	swapping_ = true;
	nexus.plug(false);
	const Nanos began = context_.schedule.now();
	const Nanos dead = 3 * setup_.check_interval + 2 * setup_.command_limit + 10 * sec;
	context_.schedule.after(dead, [this, path, began, &nexus] {
		// A path in use, or held by an operator, is not looked at again before it is used
		// on.
		if (calm_ || (kernel_->running() &&
			      (kernel_->core().state == SW_STATE_ONLINE ||
			       kernel_->core().state == SW_STATE_HELD) &&
			      kernel_->core().current_path == static_cast<int>(path))) {
			swapping_ = false;
			return nexus.plug(true);
		}
		nexus.point_at(other_disk_);
		context_.checker.path_leads_to(path, other_disk_.identity(), began);
		nexus.plug(true);
		context_.schedule.after(length() + 2 * sec, [this, path, &nexus] {
			nexus.plug(false);
			nexus.point_at(disk_);
			context_.checker.path_leads_to(path, disk_.identity(),
						       context_.schedule.now());
			context_.schedule.after(1 * sec, [this, &nexus] {
				swapping_ = false;
				nexus.plug(true);
			});
		});
	});
}

void World::random_order()
{
	if (!kernel_->running() || !client_.up() || client_.frozen())
		return;
	auto &random = context_.random;
	const auto path = static_cast<unsigned>(random.below(legs_.size()));
	const auto &core = kernel_->core();
	context_.trace.say("operator", "an order for path {}", path);
	switch (random.below(11)) {
	case 0:
		if (kernel_->hold() == 0)
			context_.schedule.after(length() / 4, [this] {
				if (kernel_->running() && client_.up() && !client_.frozen())
					(void)kernel_->release();
			});
		break;
	case 1:
	case 2:
	case 3:
		if (kernel_->switch_to(path, true, Reason::OPERATOR) == 0)
			daemon_->pin(path);
		break;
	case 4:
		if (kernel_->switch_to(path, false, Reason::OPERATOR) == 0)
			daemon_->pin(path);
		note_withdrawn();
		break;
	case 5:
		(void)kernel_->fail(path, Reason::OPERATOR);
		note_withdrawn();
		context_.schedule.after(length(), [this, path] {
			if (kernel_->running() && client_.up() && !client_.frozen())
				bring_back(path);
		});
		break;
	case 6:
		if (random.chance(0.2))
			(void)kernel_->abort();
		break;
	case 7: // late messages of a pathd of long ago
		(void)kernel_->ticket(path, core.epoch - 1, 5000);
		break;
	case 8:
		(void)kernel_->commit(core.mv - 1, path, Method::PREEMPT_ABORT, "late");
		break;
	case 9:
		(void)kernel_->reject(core.mv - 1, path, Reason::IDENTITY);
		break;
	case 10: // a pathd that knows no better
		if (core.state == SW_STATE_VERIFY && core.phase == SW_PHASE_PROVE &&
		    core.doubt > 0 && setup_.fence == Fence::PROVE &&
		    (static_cast<int>(path) != core.current_path ||
		     setup_.kinds[path] == PathKind::SERVED))
			context_.checker.expect(kernel_->commit(core.mv, path,
								random.chance(0.5)
									? Method::NONE_NEEDED
									: Method::DRAINED,
								"hasty") != 0,
						"P2", "a commit without a proof was accepted");
		break;
	}
	daemon_->touch();
}

/// `pathctl fail`, and the old path of a forced switch: only people bring it back.
void World::note_withdrawn()
{
	const auto &core = kernel_->core();
	for (unsigned i = 0; i < legs_.size(); i++)
		if (core.paths[i].state == SW_PATH_FAILED &&
		    core.paths[i].reason == SW_REASON_OPERATOR)
			context_.checker.withdrawn(i, kernel_->devices()[i]);
}

void World::bring_back(unsigned path)
{
	context_.checker.brought_back(path);
	(void)kernel_->reinstate(path);
	daemon_->pardon(path);
}

/// People look every second: they start what lies down, and end a hold that nothing else can end.
void World::operator_looks()
{
	context_.schedule.after(1 * sec, [this] { operator_looks(); });
	if (wait_judge_)
		wait_judge_->look();
	if (!daemon_->process().up() && client_.up() &&
	    (calm_ || context_.random.chance(restart_chance_)))
		daemon_->start();
	if (!kernel_->running() || !client_.up() || client_.frozen())
		return;
	const auto &core = kernel_->core();
	if (core.state == SW_STATE_FAILED && (calm_ || context_.random.chance(0.1)))
		(void)kernel_->retry();
	if (calm_) {
		if (core.state == SW_STATE_HELD)
			(void)kernel_->release();
		for (unsigned i = 0; i < legs_.size(); i++)
			if (core.paths[i].state == SW_PATH_FAILED &&
			    core.paths[i].reason == SW_REASON_OPERATOR)
				bring_back(i);
	}
	if (core.state == SW_STATE_VERIFY && core.mv == sure_of_)
		daemon_->confirm(core.mv);
	if (core.mv != mv_seen_ || core.state != SW_STATE_VERIFY) {
		mv_seen_ = core.mv;
		mv_seen_since_ = context_.schedule.now();
	}
	const Nanos waits = context_.schedule.now() - mv_seen_since_;
	if (core.state == SW_STATE_VERIFY && core.phase == SW_PHASE_PROVE && core.doubt > 0 &&
	    waits > (calm_ ? 5 : 3) * sec && !fencing_ && core.mv != sure_of_ &&
	    context_.random.chance(0.3))
		operator_fences();
}

/// A person makes sure that nothing can reach the disk by the old paths any more, and then says so:
/// servers are switched off, the array ends what it holds.
void World::operator_fences()
{
	fencing_ = true;
	context_.trace.say("operator", "fences by hand");
	const bool blindly = context_.broken(Mutant::OPERATOR_HASTY);
	const auto holds = kernel_->holds();
	for (auto &each : peers_) {
		Peer *peer = each.get();
		if (blindly || !peer->machine.up())
			continue;
		peer->power_off();
		context_.schedule.after(3 * sec, [peer] { peer->power_on(); });
	}
	context_.schedule.after(fabric_life, [this, blindly] {
		if (!blindly)
			for (auto *nexus : nexuses())
				disk_.lose_nexus(nexus->id());
	});
	// When the servers are back, or before. The mount verification may have ended in errors and
	// been begun anew meanwhile: it is about the same writes, as long as nothing else was sent.
	const bool early = blindly || context_.random.chance(0.5);
	context_.schedule.after(early ? 2 * fabric_life : 6 * sec,
				[this, holds, boot = client_.boot()] {
					fencing_ = false;
					if (boot == client_.boot() && kernel_->holds() == holds)
						sure_of_ = kernel_->core().mv;
					daemon_->touch();
				});
}

void World::heal_everything()
{
	context_.trace.say("world", "everything works again");
	context_.checker.all_works();
	for (auto *nexus : nexuses()) {
		nexus->set_faults({});
		nexus->set_link(Link::Up);
	}
	network_.set_loss(0);
	daemon_->set_kill_chance(0);
	for (auto &peer : peers_) {
		network_.heal(client_id, peer->nexus.id());
		network_.heal(peer->nexus.id(), client_id);
		peer->power_on();
		peer->thaw();
		peer->server.cache().end();
	}
	client_.thaw();
	daemon_->process().thaw();
}

} // namespace swpath::sim
