// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine.h"

namespace swpath::sim
{
namespace
{

class StaticEngine : public ClusterEngine
{
public:
	StaticEngine(Fabric &fabric, Network &network) : ClusterEngine(fabric), network_(network) {}

	void started(ClusterHost &host) override
	{
		const auto member = host.process()->member;
		host.process()->links = std::make_unique<StaticMembership>(member);
		links_[host.id()].clear();
		host.reach(member.incarnation, [this, id = host.id()](ClusterProcess &p) {
			return perform(id, p, p.links->begin());
		});
		poll(host.id(), member.incarnation);
	}

	// Both are found out by looking.
	void stopped(unsigned, const Member &) override {}
	void fabric_changed() override {}

	void send(ClusterHost &from, const RecoveryFrame &frame) override
	{
		const auto &process = *from.process();
		for (const auto &member : process.links->membership().members) {
			if (member == process.member || (frame.to && *frame.to != member))
				continue;
			transmit(from.id(), process.member, member,
				 [this, member = process.member,
				  bytes = frame.bytes](ClusterProcess &p) {
					 return p.recovery->take(
						 member, bytes, fabric_.context.schedule.instant());
				 });
		}
	}

	/// The connection is ended; a new one counts when the other side has said hello.
	void left_out(ClusterHost &host, const Member &member) override
	{
		for (auto &[other, link] : links_[host.id()])
			if (link.up == member)
				end(host.id(), host.process()->member.incarnation, link);
	}

private:
	/// A connection from one host to another, as the one that made it sees it.
	struct Link {
		std::optional<Member> up;
		std::uint64_t number = 0; ///< of the connection
		std::optional<Nanos> silent_since;
		Nanos patience = 0;
	};

	[[nodiscard]] ClusterHost *find(const Member &member)
	{
		for (auto &host : fabric_.hosts)
			if (host->process() && host->process()->member == member)
				return host.get();
		return nullptr;
	}

	/// What is on the way when its connection breaks may arrive, or be lost.
	void transmit(unsigned from, const Member &sender, const Member &to,
		      std::function<RecoveryActions(ClusterProcess &)> what)
	{
		auto *host = find(to);
		if (!host || links_[from][host->id()].up != to)
			return;
		const bool sure = fabric_.context.random.chance(0.3);
		network_.send(from, host->id(),
			      [this, from, to, sender, id = host->id(), sure,
			       number = links_[from][host->id()].number, what = std::move(what)] {
				      if (sure || links_[from][id].number == number)
					      fabric_.hosts[id]->reach(to.incarnation, what);
			      });
	}

	RecoveryActions perform(unsigned id, ClusterProcess &process,
				const StaticMembership::Actions &actions)
	{
		for (const auto &frame : actions.send)
			transmit(id, process.member, frame.to,
				 [this, from = process.member, bytes = frame.bytes,
				  to = frame.to](ClusterProcess &p) {
					 auto *host = find(to);
					 return host ? perform(host->id(), p,
							       p.links->take(from, bytes))
						     : RecoveryActions();
				 });
		if (!actions.changed)
			return {};
		fabric_.context.trace.say(
			process.member.host, "counts ring {}.{}: {}", actions.changed->ring.leader,
			actions.changed->ring.sequence, actions.changed->members.size());
		return process.recovery->change(*actions.changed,
						fabric_.context.schedule.instant());
	}

	void poll(unsigned id, std::uint64_t incarnation)
	{
		auto &host = *fabric_.hosts[id];
		if (!host.process() || host.process()->member.incarnation != incarnation)
			return;
		for (unsigned other = 0; other < fabric_.hosts.size() && !host.frozen(); other++)
			if (other != id)
				look(id, incarnation, other);
		fabric_.context.schedule.after(fabric_.context.random.between(100 * ms, 300 * ms),
					       [this, id, incarnation] { poll(id, incarnation); });
	}

	void look(unsigned id, std::uint64_t incarnation, unsigned other)
	{
		auto &link = links_[id][other];
		const auto now = fabric_.context.schedule.now();
		auto *process = fabric_.hosts[other]->process();
		const bool way = fabric_.connected(id, other);
		if (!link.up) {
			// A frozen one takes a connection, and says no hello.
			if (!way || !process || fabric_.hosts[other]->frozen())
				return;
			link = {process->member, link.number + 1, {}, 0};
			fabric_.hosts[id]->reach(
				incarnation, [this, id, member = *link.up](ClusterProcess &p) {
					return perform(id, p, p.links->link_up(member));
				});
			return;
		}
		if (way && process && process->member == *link.up) {
			link.silent_since.reset();
			return;
		}
		if (!link.silent_since) {
			link.silent_since = now;
			// A dead process resets its connections at once.
			link.patience = way ? 0 : fabric_.context.random.between(200 * ms, 3 * sec);
		}
		if (now < *link.silent_since + link.patience)
			return;
		end(id, incarnation, link);
	}

	void end(unsigned id, std::uint64_t incarnation, Link &link)
	{
		const auto member = *link.up;
		link = {{}, link.number + 1, {}, 0};
		// Not from within the step that it is a consequence of.
		fabric_.context.schedule.after(0, [this, id, incarnation, member] {
			fabric_.hosts[id]->reach(
				incarnation, [this, id, member](ClusterProcess &p) {
					return perform(id, p, p.links->link_down(member));
				});
		});
	}

	Network &network_;
	std::map<unsigned, std::map<unsigned, Link>> links_;
};

} // namespace

std::unique_ptr<ClusterEngine> make_static_engine(Fabric &fabric, Network &network)
{
	return std::make_unique<StaticEngine>(fabric, network);
}

} // namespace swpath::sim
