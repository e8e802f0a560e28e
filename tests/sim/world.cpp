// SPDX-License-Identifier: GPL-2.0-or-later
#include "world.h"

#include <algorithm>

namespace swpath::sim
{

namespace
{

/// The client's own nexuses are numbered from here, the servers' by their hosts.
constexpr NexusId direct_nexus = 100;
/// In the end nothing is broken any more: by then the unit is online and every I/O has ended.
constexpr Nanos patience = 900 * sec;
/// Whatever still lives in a target or a server has come out by then.
constexpr Nanos aftermath = 40 * sec;

std::vector<PathKind> choose_paths(Random &random)
{
	constexpr auto D = PathKind::DIRECT;
	constexpr auto S = PathKind::SERVED;
	switch (random.below(8)) {
	case 0:
		return {D, D};
	case 1:
		return {D, D, S};
	case 2:
		return {D, S, S};
	case 3:
		return {S, S};
	default:
		return {D, S};
	}
}

} // namespace

World::World(std::uint64_t seed, bool trace, Mutant broken)
	: context_(seed, trace, broken), two_ways_(seed % 4 == 0), disk_(context_, 0),
	  other_disk_(context_, 1), client_(context_, "client"), network_(context_)
{
	choose_setup();
	build();
}

void World::choose_setup()
{
	auto &random = context_.random;
	setup_.kinds = choose_paths(random);
	setup_.fence = random.chance(0.8) ? Fence::PROVE : Fence::DRAIN;
	setup_.stall = random.between(500 * ms, 5 * sec);
	setup_.mv_timeout = random.between(10, 120) * sec;
	setup_.check_interval = random.between(1, 5) * sec;
	setup_.stable = random.between(1, 20) * sec;
	setup_.failback_interval = random.between(5, 60) * sec;
	setup_.command_limit = random.between(1, 4) * sec;
	setup_.reservations = random.chance(0.6);
	setup_.lu_reset = random.chance(0.6);
	setup_.agent = random.chance(0.3);
	fault_pause_ = random.between(200 * ms, 5 * sec);
	fault_length_ = random.between(500 * ms, 15 * sec);
	restart_chance_ = random.chance(0.3) ? 0.02 : 0.3;
	for (bool *fault : {&mix_.link, &mix_.stall, &mix_.abort, &mix_.network, &mix_.freeze,
			    &mix_.kill, &mix_.crash, &mix_.pathd, &mix_.operators})
		*fault = random.chance(0.5);
	for (bool *fault : {&mix_.loss, &mix_.client, &mix_.power, &mix_.medium, &mix_.swap,
			    &mix_.reload, &mix_.remove, &mix_.reboot})
		*fault = random.chance(0.2);

	mix_.caching = random.chance(0.3);
	// A record is true unless the disk lost what it had acknowledged, or was given a ghost.
	if (setup_.fence == Fence::PROVE && !mix_.power && !mix_.reboot && random.chance(0.8))
		setup_.witness = static_cast<unsigned>(random.between(4, SW_WITNESS_MAX));

	// Users' orders go to a direct path of theirs.
	const auto of_kind = [this](PathKind kind) {
		return std::count(setup_.kinds.begin(), setup_.kinds.end(), kind) > 0;
	};
	setup_.carry =
		of_kind(PathKind::DIRECT) && random.chance(of_kind(PathKind::SERVED) ? 0.4 : 0.7);
	if (setup_.carry) {
		setup_.reservations = false; // else the keys are ours and the fence's
		mix_.reboot = mix_.swap = false;
	}

	two_ways_ = two_ways_ && !setup_.carry;

	context_.checker.set_proving(setup_.fence == Fence::PROVE);
	// A ticket lives for three intervals from the begin of its check, a check in a mount
	// verification for the limit of a check, which may take as long itself.
	context_.checker.set_proof_lives(3 * setup_.check_interval + 10 * ms,
					 2 * (setup_.command_limit + sec) + sec);
}

void World::build()
{
	unsigned served = 0;
	for (unsigned i = 0; i < setup_.kinds.size(); i++) {
		if (setup_.kinds[i] == PathKind::DIRECT) {
			direct_.push_back(std::make_unique<Nexus>(
				context_, client_, direct_nexus + i, disk_, setup_.command_limit));
			legs_.push_back(std::make_unique<DirectLeg>(*direct_.back()));
		} else {
			const HostId id = ++served;
			peers_.push_back(std::make_unique<Peer>(context_, id, disk_,
								setup_.command_limit, two_ways_));
			legs_.push_back(std::make_unique<ServedLeg>(context_, client_, network_, id,
								    peers_.back()->server,
								    setup_.command_limit));
		}
	}
	// A user of the disk has made a reservation, for every nexus.
	if (setup_.reservations && context_.random.chance(0.3)) {
		disk_.reserve(nexuses().front()->id());
		for (auto *nexus : nexuses())
			disk_.register_key(nexus->id(),
					   nexus->id() < direct_nexus
						   ? server_key(nexus->id())
						   : 0xd000 + nexus->id() - direct_nexus);
	}
	kernel_ = std::make_unique<Kernel>(context_, client_, setup_, legs_);
	daemon_ = std::make_unique<Daemon>(context_, setup_, *kernel_, network_, legs_, peers_);
	if (!mix_.abort && !setup_.carry)
		wait_judge_ = std::make_unique<WaitJudge>(context_, setup_, *kernel_, client_,
							  daemon_->process(), disk_, legs_);
	workload_ = std::make_unique<Workload>(context_, client_, *kernel_,
					       static_cast<unsigned>(context_.random.between(1, 6)),
					       context_.random.between(20 * ms, 400 * ms));
	for (auto &peer : peers_)
		if (setup_.reservations)
			peer->keep_keys(setup_.check_interval);
	if (setup_.carry) {
		context_.checker.set_users_reserve();
		reserver_ = std::make_unique<Reserver>(context_, client_, *kernel_, disk_, legs_);
		for (auto &peer : peers_)
			peer->carry();
	}
	if (context_.trace.on())
		context_.trace.say("world",
				   "paths {}, fence {}, stall {} ms, mv_timeout {} s, check {} s, "
				   "command limit {} s",
				   setup_.kinds.size(), word(setup_.fence), setup_.stall / ms,
				   setup_.mv_timeout / sec, setup_.check_interval / sec,
				   setup_.command_limit / sec);
}

std::vector<Nexus *> World::nexuses()
{
	std::vector<Nexus *> all;
	for (const auto &nexus : direct_)
		all.push_back(nexus.get());
	for (const auto &peer : peers_)
		for (auto *way : peer->ways())
			all.push_back(way);
	return all;
}

void World::run_until(Nanos until)
{
	while (!context_.checker.violation() && context_.schedule.step(until)) {
	}
}

/// The unit is there when pathd has proved a path.
void World::boot_client()
{
	client_.start();
	context_.checker.client_booted(client_.boot());
	for (auto &leg : legs_)
		leg->client_came_up();
	daemon_->start();
	const auto begin = [this](auto &&self) -> void {
		if (kernel_->running()) {
			workload_->start();
			if (reserver_)
				reserver_->start();
		} else {
			client_.after(100 * ms, [self] { self(self); });
		}
	};
	begin(begin);
}

RunResult World::run()
{
	const Nanos start = context_.schedule.now();
	boot_client();
	run_until(start + 5 * sec);
	break_things();
	operator_looks();
	run_until(start + context_.random.between(60, 300) * sec);

	calm_ = true;
	if (reserver_)
		reserver_->stop();
	heal_everything();
	wait_for([this] { return settled(); });
	if (!context_.checker.violation())
		verify_medium();

	RunResult result;
	result.switches = kernel_->switches();
	result.holds = kernel_->holds();
	result.ios = workload_->ios();
	result.errors = workload_->errors();
	result.events = context_.schedule.events();
	result.faults = faults_;
	result.ghosts_by_policy = context_.checker.ghosts_by_policy();
	result.ghosts_of_crash = context_.checker.ghosts_of_crash();
	result.stale_reads = context_.checker.stale_reads();
	result.simulated = context_.schedule.now() - start;
	if (const auto *violation = context_.checker.violation())
		result.violation = violation->promise + ": " + violation->text;
	return result;
}

void World::wait_for(const std::function<bool()> &done)
{
	const Nanos limit = context_.schedule.now() + patience;
	while (!context_.checker.violation() && context_.schedule.now() < limit && !done())
		run_until(context_.schedule.now() + 1 * sec);
}

/// Everything works again: the unit must be online, and stay so.
bool World::settled()
{
	return kernel_->running() && kernel_->core().state == SW_STATE_ONLINE;
}

void World::verify_medium()
{
	auto &checker = context_.checker;
	if (!checker.expect(settled(), "P5",
			    "nothing is broken any more, and the unit is not online"))
		return;
	workload_->stop();
	run_until(context_.schedule.now() + aftermath);
	// Another hold may have begun meanwhile, and a person may have to end it.
	wait_for([this] { return workload_->busy() == 0 && kernel_->idle(); });
	checker.expect(workload_->busy() == 0, "P4", "a bio was never completed");
	checker.expect(kernel_->idle(), "P4", "a bio was never completed");
	workload_->read_all();
	run_until(context_.schedule.now() + aftermath);
	checker.expect(workload_->busy() == 0, "P5", "a read in the end was never completed");
}

} // namespace swpath::sim
