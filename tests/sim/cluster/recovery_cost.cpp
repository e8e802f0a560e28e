// SPDX-License-Identifier: GPL-2.0-or-later
/// How long it takes from a change of membership until all members have activated all services: the
/// real recovery, engine `static` and services of pathd, on hosts between which frames take time.
/// `./dev bench recovery` calls it; docs/benchmarks.md says what is modelled. Prints lines
///   recovery HOSTS UNITS join|leave|crash MS NOTICED_MS KIB CPU_US
/// MS: to the end of the last round; NOTICED_MS: to the last host that knows by itself (both in
/// virtual time); KIB: of all hosts together; CPU_US: real, of each host.
#include <algorithm>
#include <array>
#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <stdexcept>

#include <fmt/core.h>

#include "libpath/cluster/disk_sightings.h"
#include "libpath/cluster/recovery.h"
#include "libpath/cluster/server_directory.h"
#include "libpath/cluster/static_membership.h"
#include "libpath/control/peer_session.h"
#include "tests/sim/random.h"
#include "tests/sim/schedule.h"

namespace
{

using namespace swpath;
using namespace swpath::sim;

constexpr Nanos latency = 200 * us; ///< one way
constexpr Nanos bits_per_us = 1000; ///< of a host's port, each direction
/// Of a frame that carries another, and of its answer: peer protocol, TLS record, TCP, IP,
/// Ethernet.
constexpr std::size_t around_bytes = 128;
/// As pathd/static_engine.h has them.
constexpr Nanos ping_interval = 1 * sec, ping_limit = 5 * sec;
constexpr std::array<unsigned, 4> host_counts{2, 4, 8, 16};
constexpr std::array<unsigned, 3> unit_counts{1, 100, 1000};

constexpr std::uint64_t first_incarnation = 1; ///< host N has this + N

enum class Change { Join, Leave, Crash };

/// Hosts see the same disks, each on a bus of its array's, and offer all of them.
std::string wwid(unsigned unit)
{
	return fmt::format("naa.60014059a3c1d7e4b2f0{:012x}", unit);
}

struct Host {
	Host(Member member, unsigned units)
		: self(std::move(member)), links(self), sightings(self),
		  directory(self, self.host + ".storage.example.org:10809"),
		  recovery(self, {&sightings, &directory})
	{
		DiskHashes seen;
		for (unsigned unit = 0; unit < units; unit++) {
			seen.insert(unit + 1);
			if (!directory.offer(wwid(unit), 0, fmt::format("data{:04}", unit)))
				throw std::runtime_error("a host cannot offer so many disks");
		}
		sightings.set_own(std::move(seen));
	}

	Member self;
	StaticMembership links;
	DiskSightings sightings;
	ServerDirectory directory;
	Recovery recovery;
	bool alive = false;
	std::uint64_t timer = 0;
	Nanos completed_at = 0;
	Nanos sends_until = 0, receives_until = 0; ///< its port is busy
};

class Cluster
{
public:
	Cluster(unsigned hosts, unsigned units) : units_(units), random_(hosts * 10000 + units)
	{
		for (unsigned i = 0; i < hosts; i++)
			hosts_.push_back(std::make_unique<Host>(
				Member{fmt::format("host{:02}", i), first_incarnation + i}, units));
	}

	void start(unsigned id)
	{
		hosts_[id]->alive = true;
		apply(id, hosts_[id]->links.begin());
		for (unsigned other = 0; other < hosts_.size(); other++) {
			if (other == id || !hosts_[other]->alive)
				continue;
			apply(id, hosts_[id]->links.link_up(hosts_[other]->self));
			apply(other, hosts_[other]->links.link_up(hosts_[id]->self));
		}
	}

	/// Connections that are closed are missed after one way, a silent one by the pings.
	void stop(unsigned id, bool silently)
	{
		hosts_[id]->alive = false;
		for (unsigned other = 0; other < hosts_.size(); other++) {
			if (other == id)
				continue;
			const auto noticed =
				silently ? random_.between(0, ping_interval) + ping_limit : latency;
			schedule_.after(noticed, [this, id, other] {
				noticed_at_ = schedule_.now();
				apply(other, hosts_[other]->links.link_down(hosts_[id]->self));
			});
		}
	}

	/// Until nobody has anything to do or to wait for.
	void rest()
	{
		while (schedule_.step(schedule_.now() + 600 * sec))
			if (schedule_.events() > events_max)
				throw std::runtime_error("the hosts do not come to rest");
	}

	/// All are together, and each knows what every other one offers.
	void check() const
	{
		std::vector<Member> alive;
		for (const auto &host : hosts_)
			if (host->alive)
				alive.push_back(host->self);
		for (const auto &host : hosts_)
			if (host->alive && (host->recovery.phase() != RecoveryPhase::Complete ||
					    host->recovery.status().members != alive ||
					    !knows_all(*host, alive.size() - 1)))
				throw std::runtime_error(host->self.host +
							 " does not know what it should");
	}

	void measure(Change change)
	{
		// The one that leads the ring: the others have most to do.
		for (unsigned id = change == Change::Join ? 1 : 0; id < hosts_.size(); id++)
			start(id);
		rest();
		check();
		const auto begin = schedule_.now();
		const auto cpu_ns = cpu_now_ns();
		noticed_at_ = begin;
		bytes_ = 0;
		if (change == Change::Join)
			start(0);
		else
			stop(0, change == Change::Crash);
		rest();
		const auto took_ns = cpu_now_ns() - cpu_ns;
		check();
		Nanos end = begin;
		std::uint64_t alive = 0;
		for (const auto &host : hosts_) {
			if (!host->alive)
				continue;
			alive++;
			end = std::max(end, host->completed_at);
		}
		constexpr std::array words{"join", "leave", "crash"};
		fmt::print("recovery {} {} {} {:.2f} {:.2f} {:.1f} {}\n", hosts_.size(), units_,
			   words[static_cast<std::size_t>(change)],
			   static_cast<double>(end - begin) / 1e6,
			   static_cast<double>(noticed_at_ - begin) / 1e6,
			   static_cast<double>(bytes_) / 1024, took_ns / 1000 / alive);
	}

private:
	static constexpr std::uint64_t events_max = 20'000'000;

	/// What one host has to say to another: so many requests may be without an answer.
	struct Way {
		std::size_t unanswered = 0;
		std::deque<std::string> waiting;
	};

	static std::uint64_t cpu_now_ns()
	{
		timespec spent{};
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
		return static_cast<std::uint64_t>(spent.tv_sec) * sec +
		       static_cast<std::uint64_t>(spent.tv_nsec);
	}

	[[nodiscard]] bool knows_all(const Host &host, std::size_t others) const
	{
		for (unsigned unit = 0; unit < units_; unit++)
			if (host.directory.servers(wwid(unit)).size() != others)
				return false;
		return host.sightings.of_others().size() == (others > 0 ? units_ : 0);
	}

	/// Through the ports of both, one frame after the other.
	void transmit(unsigned from, unsigned to, std::size_t bytes, Schedule::What arrived)
	{
		bytes_ += bytes;
		const Nanos takes = bytes * 8 * us / bits_per_us;
		auto &until = hosts_[from]->sends_until;
		until = std::max(until, schedule_.now()) + takes;
		schedule_.at(until + latency, [this, to, takes, arrived = std::move(arrived)] {
			auto &busy = hosts_[to]->receives_until;
			busy = std::max(busy, schedule_.now()) + takes;
			schedule_.at(busy, arrived);
		});
	}

	void cast(unsigned from, const Member &to, std::string bytes)
	{
		const auto id = static_cast<unsigned>(to.incarnation - first_incarnation);
		ways_[{from, id}].waiting.push_back(std::move(bytes));
		pump(from, id);
	}

	void pump(unsigned from, unsigned to)
	{
		auto &way = ways_[{from, to}];
		while (!way.waiting.empty() && way.unanswered < PeerLimits().requests_max) {
			way.unanswered++;
			auto bytes = std::move(way.waiting.front());
			way.waiting.pop_front();
			const auto size = bytes.size() + around_bytes;
			transmit(from, to, size, [this, from, to, bytes = std::move(bytes)] {
				if (!hosts_[to]->alive)
					return;
				transmit(to, from, around_bytes, [this, from, to] {
					ways_[{from, to}].unanswered--;
					pump(from, to);
				});
				take(from, to, bytes);
			});
		}
	}

	void take(unsigned from, unsigned to, const std::string &bytes)
	{
		auto &host = *hosts_[to];
		if (is_link_graph(bytes))
			apply(to, host.links.take(hosts_[from]->self, bytes));
		else
			apply(to,
			      host.recovery.take(hosts_[from]->self, bytes, schedule_.instant()));
	}

	void apply(unsigned id, const StaticMembership::Actions &actions)
	{
		for (const auto &frame : actions.send)
			cast(id, frame.to, frame.bytes);
		if (actions.changed)
			apply(id,
			      hosts_[id]->recovery.change(*actions.changed, schedule_.instant()));
	}

	void apply(unsigned id, const RecoveryActions &actions)
	{
		auto &host = *hosts_[id];
		for (const auto &frame : actions.send)
			for (const auto &member : host.links.membership().members)
				if (member != host.self && (!frame.to || *frame.to == member))
					cast(id, member, frame.bytes);
		if (!actions.left_out.empty())
			throw std::runtime_error(host.self.host + " has left out a host");
		if (actions.completed)
			host.completed_at = schedule_.now();
		const auto timer = ++host.timer;
		if (const auto at = host.recovery.deadline())
			schedule_.at(nanos(*at), [this, id, timer] {
				auto &it = *hosts_[id];
				if (it.alive && it.timer == timer)
					apply(id, it.recovery.tick(schedule_.instant()));
			});
	}

	unsigned units_;
	Random random_;
	Schedule schedule_;
	std::vector<std::unique_ptr<Host>> hosts_;
	std::map<std::pair<unsigned, unsigned>, Way> ways_;
	std::uint64_t bytes_ = 0;
	Nanos noticed_at_ = 0;
};

} // namespace

int main()
try {
	for (const auto hosts : host_counts)
		for (const auto units : unit_counts)
			for (const auto change : {Change::Join, Change::Leave, Change::Crash})
				Cluster(hosts, units).measure(change);
	return 0;
} catch (const std::exception &problem) {
	fmt::print(stderr, "swrecovery: {}\n", problem.what());
	return 2;
}
