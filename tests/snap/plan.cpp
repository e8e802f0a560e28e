// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/snap/plan.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/core.h>

#include "tests/sim/random.h"

namespace swpath::snap
{
namespace
{

using namespace std::chrono_literals;
using sim::Random;

/// The writer's, of which it works the first few percent.
constexpr Duration period = 100ms;

Duration between(Random &random, Duration low, Duration high)
{
	return Duration(random.between(low.count(), high.count()));
}

/// A moment at which I/O is likely to be under way: around the part of a period in which the
/// writer works.
Duration busy_moment(Random &random, const Workload &workload, Duration low, Duration high)
{
	const Duration base = between(random, low, high) / period * period;
	const Duration busy = period * workload.duty_percent / 100;
	return base + between(random, 0ms, busy + 2ms);
}

Workload make_workload(Random &random)
{
	constexpr std::array<std::uint64_t, 6> sizes{512, 1024, 4096, 4096, 16384, 65536};
	Workload workload;
	workload.block_bytes = sizes[random.below(sizes.size())];
	workload.blocks = random.between(8, workload.block_bytes > 16384 ? 24 : 96);
	workload.depth = static_cast<unsigned>(random.between(1, 16));
	workload.read_percent = static_cast<unsigned>(random.chance(0.5) ? random.below(60) : 0);
	workload.fsync_every = random.chance(0.4) ? random.between(1, 32) : 0;
	workload.fua = random.chance(0.2);
	workload.duty_percent = static_cast<unsigned>(random.between(1, 3));
	return workload;
}

class Maker
{
public:
	explicit Maker(std::uint32_t seed) : random_(seed)
	{
		plan_.seed = seed;
		plan_.workload = make_workload(random_);
	}

	Plan make()
	{
		const bool server_first = random_.chance(0.5);
		plan_.begins_served = random_.chance(server_first ? 0.8 : 0.25);
		const Duration first =
			busy_moment(random_, plan_.workload, 2 * period, 12 * period);
		const bool both = random_.chance(0.3);
		if (server_first || both)
			server_fault(server_first ? first : near(first));
		if (!server_first || both)
			direct_fault(server_first ? near(first) : first);
		if (random_.chance(0.3))
			pathd_fault(near(first));
		if (random_.chance(0.3))
			order(near(first));
		auto &deeds = plan_.deeds;
		std::stable_sort(deeds.begin(), deeds.end(),
				 [](const Deed &a, const Deed &b) { return a.at < b.at; });
		plan_.over = deeds.back().at;
		return plan_;
	}

private:
	void add(Duration at, DeedKind kind, bool forced = false)
	{
		plan_.deeds.push_back({at, kind, forced});
	}

	/// At the same time, in the middle of what the first one set off, or after it.
	Duration near(Duration first)
	{
		const Duration low = std::max<Duration>(first - 500ms, 100ms);
		return busy_moment(random_, plan_.workload, low, first + 5s);
	}

	/// Long enough for a path to be given up, mostly.
	Duration end_of(Duration begin)
	{
		return begin + (random_.chance(0.15) ? between(random_, 10ms, 1500ms)
						     : between(random_, 3500ms, 8s));
	}

	void server_fault(Duration begin)
	{
		if (random_.chance(0.75)) {
			add(begin, DeedKind::ServerStop);
			add(end_of(begin), DeedKind::ServerContinue);
		} else {
			add(begin, DeedKind::ServerKill);
			add(end_of(begin), DeedKind::ServerStart);
		}
	}

	void direct_fault(Duration begin)
	{
		constexpr std::array kinds{DeedKind::DirectErrors,  DeedKind::DirectHangs,
					   DeedKind::DirectKeeps,   DeedKind::DirectKeeps,
					   DeedKind::DirectOffline, DeedKind::DirectDelete};
		const DeedKind kind = kinds[random_.below(kinds.size())];
		const Duration end = end_of(begin);
		add(begin, kind);
		if (kind == DeedKind::DirectKeeps)
			add(end, DeedKind::GhostsLand);
		add(end + between(random_, 1ms, 500ms), DeedKind::DirectHeal);
	}

	void pathd_fault(Duration begin)
	{
		const Duration end = begin + between(random_, 1ms, 4s);
		const bool kill = random_.chance(0.6);
		add(begin, kill ? DeedKind::PathdKill : DeedKind::PathdStop);
		add(end, kill ? DeedKind::PathdStart : DeedKind::PathdContinue);
	}

	void order(Duration at)
	{
		const bool served = random_.chance(0.5);
		add(at, served ? DeedKind::SwitchServed : DeedKind::SwitchDirect,
		    random_.chance(0.25));
	}

	Random random_;
	Plan plan_;
};

} // namespace

Plan make_plan(std::uint32_t seed)
{
	return Maker(seed).make();
}

std::string Plan::text() const
{
	auto lines = fmt::format(
		"workload: {} blocks of {} bytes, depth {}, {} % reads, {}{}, {} % busy, on the "
		"{} path\n",
		workload.blocks, workload.block_bytes, workload.depth, workload.read_percent,
		workload.fsync_every == 0 ? std::string("no flush")
					  : fmt::format("flush every {}", workload.fsync_every),
		workload.fua ? ", FUA" : "", workload.duty_percent,
		begins_served ? "served" : "direct");
	for (const auto &deed : deeds)
		lines += fmt::format("plan: {:9.6f} {}{}\n",
				     std::chrono::duration<double>(deed.at).count(),
				     word(deed.kind), deed.forced ? " forced" : "");
	return lines;
}

} // namespace swpath::snap
