// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "engine.h"

namespace swpath::sim
{
namespace
{

class AgreedEngine : public ClusterEngine
{
public:
	AgreedEngine(Fabric &fabric, bool ghosts) : ClusterEngine(fabric), ghosts_(ghosts)
	{
		last_.resize(fabric.hosts.size());
		ring_of_.resize(fabric.hosts.size());
		for (unsigned host = 0; host < ring_of_.size(); host++)
			form({host});
	}

	void started(ClusterHost &host) override
	{
		const auto member = host.process()->member;
		order([this, id = host.id(), member] {
			// A new process on the host ends the ghost of the one before.
			std::erase_if(group_, [&](const auto &each) {
				return each.first == id && each.second != member;
			});
			group_.emplace(id, member);
			if (!running(id, member))
				group_.erase({id, member});
			tell(ring_of_[id]);
		});
	}

	void stopped(unsigned host, const Member &member) override
	{
		if (ghosts_ && fabric_.context.random.chance(0.3)) {
			fabric_.context.trace.say("engine", "{} stays as a ghost", member.host);
			return;
		}
		order([this, host, member] {
			if (group_.erase({host, member}) > 0)
				tell(ring_of_[host]);
		});
	}

	void fabric_changed() override
	{
		fabric_.context.schedule.after(fabric_.context.random.between(50 * ms, 400 * ms),
					       [this] { reform(); });
	}

	void send(ClusterHost &from, const RecoveryFrame &frame) override
	{
		order([this, id = from.id(), member = from.process()->member, bytes = frame.bytes] {
			for (const auto host : in_ring(ring_of_[id]))
				deliver(host, [this, member, bytes](ClusterProcess &p) {
					return p.recovery->take(member, bytes,
								fabric_.context.schedule.instant());
				});
		});
	}

private:
	struct Ring {
		RingId id;
		std::vector<unsigned> hosts;
	};

	[[nodiscard]] bool running(unsigned host, const Member &member)
	{
		auto *process = fabric_.hosts[host]->process();
		return process && process->member == member;
	}

	/// A machine that went down is in its last ring until it is up again; the others are not.
	[[nodiscard]] std::vector<unsigned> in_ring(unsigned ring) const
	{
		auto hosts = rings_[ring].hosts;
		std::erase_if(hosts, [&](unsigned host) { return ring_of_[host] != ring; });
		return hosts;
	}

	/// The token comes round, and what waited for it is in its place among the messages.
	void order(Schedule::What what)
	{
		auto &schedule = fabric_.context.schedule;
		ordered_ =
			std::max(ordered_ + 1,
				 schedule.now() + fabric_.context.random.between(50 * us, 2 * ms));
		schedule.at(ordered_, std::move(what));
	}

	void deliver(unsigned host, std::function<RecoveryActions(ClusterProcess &)> what)
	{
		auto *process = fabric_.hosts[host]->process();
		if (!process)
			return;
		auto &schedule = fabric_.context.schedule;
		last_[host] =
			std::max(last_[host] + 1,
				 schedule.now() + fabric_.context.random.between(20 * us, lag_));
		schedule.at(last_[host], [this, host, incarnation = process->member.incarnation,
					  what = std::move(what)] {
			fabric_.hosts[host]->reach(incarnation, what);
		});
	}

	void tell(unsigned ring)
	{
		const auto &of = rings_[ring];
		Membership membership;
		membership.ring = of.id;
		for (const auto host : of.hosts)
			membership.hosts.push_back(fabric_.hosts[host]->name());
		for (const auto &[host, member] : group_)
			if (std::find(of.hosts.begin(), of.hosts.end(), host) != of.hosts.end() ||
			    ghosts_kept_.contains(host))
				membership.members.push_back(member);
		put_in_order(membership.members);
		for (const auto host : in_ring(ring))
			deliver(host, [this, membership](ClusterProcess &p) {
				fabric_.context.trace.say(p.member.host, "hears of ring {}.{}: {}",
							  membership.ring.leader,
							  membership.ring.sequence,
							  membership.members.size());
				return p.recovery->change(membership,
							  fabric_.context.schedule.instant());
			});
	}

	void form(std::vector<unsigned> hosts)
	{
		Ring ring;
		ring.id = {fabric_.hosts[hosts.front()]->name(), sequence_ += 4};
		ring.hosts = std::move(hosts);
		for (const auto host : ring.hosts)
			ring_of_[host] = static_cast<unsigned>(rings_.size());
		rings_.push_back(std::move(ring));
		tell(static_cast<unsigned>(rings_.size() - 1));
	}

	/// Who hears each other forms a ring.
	void reform()
	{
		// A machine that lost its power in the middle of a round: corosync before 2026-07
		// may go on to list what ran there.
		ghosts_kept_.clear();
		for (const auto host : fabric_.down) {
			if (ghosts_ && fabric_.context.random.chance(0.3))
				ghosts_kept_.insert(host);
			else
				std::erase_if(group_,
					      [&](const auto &each) { return each.first == host; });
		}
		std::set<unsigned> placed = fabric_.down;
		for (unsigned first = 0; first < fabric_.hosts.size(); first++) {
			if (placed.contains(first))
				continue;
			std::vector<unsigned> hosts{first};
			for (unsigned other = first + 1; other < fabric_.hosts.size(); other++)
				if (!placed.contains(other) &&
				    std::all_of(hosts.begin(), hosts.end(), [&](unsigned each) {
					    return fabric_.connected(each, other);
				    }))
					hosts.push_back(other);
			placed.insert(hosts.begin(), hosts.end());
			if (in_ring(ring_of_[first]) != hosts ||
			    rings_[ring_of_[first]].hosts != hosts)
				form(std::move(hosts));
		}
	}

	bool ghosts_;
	Nanos lag_ = 3 * ms;
	Nanos ordered_ = 0;
	std::uint64_t sequence_ = 0;
	std::vector<Nanos> last_; ///< delivery to a host
	std::vector<Ring> rings_;
	std::vector<unsigned> ring_of_;
	std::set<std::pair<unsigned, Member>> group_;
	std::set<unsigned> ghosts_kept_;
};

} // namespace

std::unique_ptr<ClusterEngine> make_agreed_engine(Fabric &fabric, bool ghosts)
{
	return std::make_unique<AgreedEngine>(fabric, ghosts);
}

} // namespace swpath::sim
