// SPDX-License-Identifier: GPL-2.0-or-later
#include "churn.h"

#include <algorithm>
#include <utility>

namespace swpath::sim
{

namespace
{

/// Twice the greatest patience with a silent member, and then once more with another.
constexpr Nanos quiet_max = 300 * sec;
/// A run that does more than this does it without end.
constexpr std::uint64_t events_max = 3'000'000;

} // namespace

Churn::Churn(std::uint64_t seed, bool trace, ChurnMutant mutant)
	: context_(seed, trace, Mutant::NONE), mutant_(mutant), network_(context_),
	  record_(context_.checker), fabric_{context_, {}, {}, {}}
{
	auto &random = context_.random;
	const auto count = static_cast<unsigned>(random.between(2, random.chance(0.5) ? 4 : 16));
	for (unsigned id = 0; id < count; id++)
		fabric_.hosts.push_back(std::make_unique<ClusterHost>(
			context_, id, record_,
			[this](ClusterHost &from, const auto &actions) { send(from, actions); }));
	const bool agreed = random.chance(0.5);
	const bool ghosts = random.chance(0.5);
	engine_ = agreed ? make_agreed_engine(fabric_, ghosts)
			 : make_static_engine(fabric_, network_);
	if (random.chance(0.3))
		network_.set_loss(0.05);
	// Many small changes in a burst, or one at a time.
	pause_ = random.chance(0.5) ? 100 * ms : 3 * sec;
	context_.trace.say("churn", "{} hosts, engine {}{}", count, agreed ? "agreed" : "static",
			   agreed && ghosts ? " with ghosts" : "");
}

void Churn::run_until(Nanos until)
{
	while (!broken() && context_.schedule.step(until))
		context_.checker.expect(context_.schedule.events() < events_max, "B8",
					"messages without end");
}

void Churn::send(ClusterHost &from, const RecoveryActions &actions)
{
	for (const auto &frame : actions.send)
		engine_->send(from, frame);
	for (const auto &member : actions.left_out) {
		context_.trace.say(from.name(), "leaves {} out: silent", member.host);
		engine_->left_out(from, member);
	}
}

void Churn::start(ClusterHost &host)
{
	host.start(++incarnation_, mutant_, everywhere_);
	engine_->started(host);
}

void Churn::kill(ClusterHost &host)
{
	const auto status = host.process()->recovery->status();
	result_.rounds += status.rounds;
	result_.aborts += status.aborts;
	result_.refused += status.refused;
	const auto member = host.process()->member;
	host.kill();
	engine_->stopped(host.id(), member);
}

void Churn::cut(unsigned from, unsigned to)
{
	if (from == to)
		return;
	fabric_.cuts.insert({from, to});
	network_.cut(from, to);
	engine_->fabric_changed();
}

void Churn::heal()
{
	for (const auto &[from, to] : std::exchange(fabric_.cuts, {}))
		network_.heal(from, to);
	engine_->fabric_changed();
}

void Churn::one_fault(unsigned which)
{
	auto &random = context_.random;
	const auto count = fabric_.hosts.size();
	auto &host = *fabric_.hosts[random.below(count)];
	switch (which) {
	case 0: // a process joins, or dies
	case 1:
		if (host.process())
			kill(host);
		else if (!fabric_.down.contains(host.id()))
			start(host);
		break;
	case 2: // a short life
		if (host.process()) {
			kill(host);
			start(host);
		}
		break;
	case 3: // a machine loses its power, or has it again
		if (fabric_.down.erase(host.id()) == 0) {
			if (host.process())
				kill(host);
			fabric_.down.insert(host.id());
			context_.trace.say(host.name(), "loses its power");
		} else {
			start(host);
		}
		engine_->fabric_changed();
		break;
	case 4: { // partition
		const auto split = static_cast<unsigned>(random.between(1, count - 1));
		for (unsigned a = 0; a < count; a++)
			for (unsigned b = 0; b < count; b++)
				if ((a < split) != (b < split))
					cut(a, b);
		break;
	}
	case 5: // one way, or both
		cut(host.id(), static_cast<unsigned>(random.below(count)));
		break;
	case 6:
	case 7:
		heal();
		break;
	case 8:
	case 9:
		if (!host.process())
			break;
		context_.trace.say(host.name(), "{}", host.frozen() ? "thaws" : "freezes");
		if (host.frozen())
			host.thaw();
		else
			host.freeze();
		break;
	default: // something happens that the services have to tell
		if (host.speaks())
			for (auto &service : host.process()->services)
				service->count();
		break;
	}
}

void Churn::fault()
{
	if (calm_)
		return;
	result_.faults++;
	one_fault(static_cast<unsigned>(context_.random.below(14)));
	context_.schedule.after(context_.random.between(1, 2 * pause_), [this] { fault(); });
}

void Churn::become_quiet()
{
	auto &random = context_.random;
	calm_ = true;
	network_.set_loss(0);
	heal();
	for (auto &host : fabric_.hosts) {
		// Some stay as they are: dead, frozen, or listed and dead.
		if (host->frozen() && random.chance(0.7))
			host->thaw();
		if (!host->process() && random.chance(0.7)) {
			fabric_.down.erase(host->id());
			start(*host);
		}
	}
	engine_->fabric_changed();
	context_.trace.say("churn", "is quiet");
}

/// All that speak have ended the same round. One that was frozen after its end may be in it.
bool Churn::converged()
{
	std::vector<Member> speaking;
	for (auto &host : fabric_.hosts)
		if (host->speaks())
			speaking.push_back(host->process()->member);
	put_in_order(speaking);
	std::optional<SyncTag> tag;
	for (auto &host : fabric_.hosts) {
		if (!host->speaks())
			continue;
		const auto status = host->process()->recovery->status();
		if (status.phase != RecoveryPhase::Complete ||
		    !std::includes(status.members.begin(), status.members.end(), speaking.begin(),
				   speaking.end()) ||
		    (tag && *tag != status.tag))
			return false;
		tag = status.tag;
	}
	return true;
}

ChurnResult Churn::run()
{
	for (auto &host : fabric_.hosts)
		if (context_.random.chance(0.8))
			start(*host);
	const auto begin = context_.schedule.now();
	context_.schedule.after(context_.random.between(0, 5 * sec), [this] { fault(); });
	run_until(begin + context_.random.between(2, 10) * pause_ * 3);
	become_quiet();
	const auto quiet = context_.schedule.now();
	// Detection takes some seconds at most; what was right before it is no proof.
	run_until(quiet + 4 * sec);
	while (!broken() && !converged()) {
		const auto next = context_.schedule.now() + 100 * ms;
		context_.checker.expect(next < quiet + quiet_max, "B7",
					"it is quiet, and the members do not come together");
		run_until(next);
	}
	result_.quiet = context_.schedule.now() - quiet;
	for (auto &host : fabric_.hosts) {
		if (!host->process())
			continue;
		const auto status = host->process()->recovery->status();
		result_.rounds += status.rounds;
		result_.aborts += status.aborts;
		result_.refused += status.refused;
	}
	result_.events = context_.schedule.events();
	result_.activations = record_.activations();
	result_.simulated = context_.schedule.now() - begin;
	if (const auto *violation = context_.checker.violation())
		result_.violation = fmt::format("{} at {:.6f}: {}", violation->promise,
						static_cast<double>(violation->at) / 1e9 - 1000,
						violation->text);
	return result_;
}

} // namespace swpath::sim
