// SPDX-License-Identifier: GPL-2.0-or-later
#include "host.h"

#include <utility>

namespace swpath::sim
{

void ClusterHost::start(std::uint64_t incarnation, ChurnMutant mutant,
			CounterService::Everywhere &everywhere)
{
	process_ = std::make_unique<ClusterProcess>();
	process_->member = {name(), incarnation};
	std::vector<SyncService *> services;
	// Not every host has every service: versions differ.
	for (std::uint16_t number = 1; number <= 4; number++) {
		if (number != 2 && context_.random.chance(0.1))
			continue;
		process_->services.push_back(std::make_unique<CounterService>(
			ServiceId{number}, process_->member, record_, context_.random, mutant,
			everywhere));
		services.push_back(process_->services.back().get());
	}
	process_->recovery = std::make_unique<Recovery>(process_->member, services);
	frozen_ = false;
	waiting_.clear();
	context_.trace.say(name(), "starts as {}, {} services", incarnation, services.size());
}

void ClusterHost::kill()
{
	context_.trace.say(name(), "dies");
	process_.reset();
	waiting_.clear();
	frozen_ = false;
	timer_++;
}

void ClusterHost::thaw()
{
	frozen_ = false;
	for (auto &[incarnation, what] : std::exchange(waiting_, {}))
		reach(incarnation, std::move(what));
	if (process_)
		step([&](ClusterProcess &p) {
			return p.recovery->tick(context_.schedule.instant());
		});
}

void ClusterHost::reach(std::uint64_t incarnation,
			std::function<RecoveryActions(ClusterProcess &)> what)
{
	if (!process_ || process_->member.incarnation != incarnation)
		return;
	if (frozen_)
		waiting_.emplace_back(incarnation, std::move(what));
	else
		step(what);
}

void ClusterHost::step(const std::function<RecoveryActions(ClusterProcess &)> &what)
{
	const auto before = context_.trace.on() ? process_->recovery->status() : RecoveryStatus();
	const auto actions = what(*process_);
	if (context_.trace.on())
		tell(before, process_->recovery->status());
	judge();
	send_(*this, actions);
	arm();
}

void ClusterHost::tell(const RecoveryStatus &before, const RecoveryStatus &after)
{
	if (before.phase == after.phase && before.tag == after.tag &&
	    before.service == after.service)
		return;
	const auto service =
		after.service ? fmt::format(", service {}", static_cast<unsigned>(*after.service))
			      : std::string();
	context_.trace.say(name(), "{}, ring {}.{} epoch {}, {} members{}", word(after.phase),
			   after.tag.ring.leader, after.tag.ring.sequence, after.tag.epoch,
			   after.members.size(), service);
}

/// Outside of a round, and after one that was given up, the services have nothing of it.
void ClusterHost::judge()
{
	const auto phase = process_->recovery->phase();
	const bool outside = phase == RecoveryPhase::Alone || phase == RecoveryPhase::Exchange ||
			     phase == RecoveryPhase::Complete;
	for (const auto &service : process_->services)
		record_.expect(!outside || service->clean(), "B5",
			       "a round that is over has left something in a service");
}

void ClusterHost::arm()
{
	const auto at = process_->recovery->deadline();
	const auto timer = ++timer_;
	if (!at)
		return;
	context_.schedule.at(nanos(*at), [this, timer] {
		if (timer != timer_ || !speaks())
			return;
		step([&](ClusterProcess &p) {
			return p.recovery->tick(context_.schedule.instant());
		});
	});
}

} // namespace swpath::sim
