// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/coherence_probe.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

using Kind = CoherenceProbe::Step::Kind;

/// A disk, and a server of it with one of the caches that were measured.
struct World {
	enum class Cache { None, Page, WriteBack };
	Cache cache;
	std::map<std::uint64_t, std::uint64_t> disk;
	std::map<std::uint64_t, std::uint64_t> cached;

	std::uint64_t read_direct(std::uint64_t block) { return disk[block]; }
	void write_direct(std::uint64_t block, std::uint64_t value) { disk[block] = value; }
	std::uint64_t read_served(std::uint64_t block)
	{
		if (cache == Cache::None)
			return disk[block];
		return cached.try_emplace(block, disk[block]).first->second;
	}
	void write_served(std::uint64_t block, std::uint64_t value)
	{
		if (cache != Cache::None)
			cached[block] = value;
		if (cache != Cache::WriteBack)
			disk[block] = value;
	}
};

/// `writes` writes to a few blocks, with the probe's reads between them; `busy`: a write falls
/// between the reads of some checks.
Coherence probe(World world, bool served_is_active, unsigned writes, unsigned seed,
		bool busy = false)
{
	std::mt19937 random(seed);
	CoherenceProbe probe;
	std::uint64_t version = 0;
	const auto write = [&](std::uint64_t block) {
		version++;
		served_is_active ? world.write_served(block, version)
				 : world.write_direct(block, version);
		probe.written(block);
	};
	const auto active = [&](std::uint64_t block) {
		return served_is_active ? world.read_served(block) : world.read_direct(block);
	};
	const auto candidate = [&](std::uint64_t block) {
		return served_is_active ? world.read_direct(block) : world.read_served(block);
	};
	for (unsigned i = 0; i < writes; i++) {
		write(random() % 8);
		for (unsigned reads = random() % 3; reads > 0; reads--) {
			const auto step = probe.next();
			if (!step)
				break;
			if (step->kind == Kind::Prime) {
				probe.primed(step->block, candidate(step->block));
				continue;
			}
			const auto before = active(step->block);
			if (busy && random() % 2)
				write(step->block);
			const auto shown = candidate(step->block);
			if (busy && random() % 2)
				write(step->block);
			probe.checked(step->block, before, shown, active(step->block));
		}
	}
	return probe.verdict();
}

TEST(CoherenceProbe, ASetOfServersIsToldApartByTheCallersWritesAlone)
{
	for (unsigned seed = 0; seed < 200; seed++) {
		SCOPED_TRACE(seed);
		for (const bool busy : {false, true}) {
			EXPECT_EQ(probe({World::Cache::None, {}, {}}, false, 300, seed, busy),
				  Coherence::Coherent);
			EXPECT_EQ(probe({World::Cache::None, {}, {}}, true, 300, seed, busy),
				  Coherence::Coherent);
			EXPECT_EQ(probe({World::Cache::Page, {}, {}}, false, 300, seed, busy),
				  Coherence::Incoherent);
			EXPECT_EQ(probe({World::Cache::WriteBack, {}, {}}, false, 300, seed, busy),
				  Coherence::Incoherent);
			EXPECT_EQ(probe({World::Cache::WriteBack, {}, {}}, true, 300, seed, busy),
				  Coherence::Incoherent);
		}
	}
}

TEST(CoherenceProbe, WithoutWritesNothingIsKnown)
{
	CoherenceProbe idle;
	EXPECT_FALSE(idle.next());
	EXPECT_EQ(idle.verdict(), Coherence::Unknown);
	EXPECT_EQ(probe({World::Cache::Page, {}, {}}, false, 1, 1), Coherence::Unknown);
}

TEST(CoherenceProbe, ABlockThatDidNotChangeProvesNothing)
{
	CoherenceProbe probe;
	for (unsigned i = 0; i < 10; i++) {
		probe.written(1);
		const auto step = probe.next();
		ASSERT_TRUE(step);
		if (step->kind == Kind::Prime)
			probe.primed(1, 7);
		else
			probe.checked(1, 7, 7, 7);
	}
	EXPECT_EQ(probe.verdict(), Coherence::Unknown);
}

TEST(CoherenceProbe, OneStaleAnswerIsAskedForAgainAndTwoCondemn)
{
	CoherenceProbe probe;
	probe.primed(1, 7);
	probe.written(1);
	EXPECT_EQ(probe.next(), (CoherenceProbe::Step{Kind::Check, 1}));
	probe.checked(1, 8, 7, 8);
	EXPECT_EQ(probe.verdict(), Coherence::Unknown);
	EXPECT_EQ(probe.next(), (CoherenceProbe::Step{Kind::Check, 1}));
	probe.checked(1, 8, 7, 8);
	EXPECT_EQ(probe.verdict(), Coherence::Incoherent);
	for (unsigned i = 0; i < 10; i++)
		probe.checked(1, 9 + i, 9 + i, 9 + i);
	EXPECT_EQ(probe.verdict(), Coherence::Incoherent) << "the same server is not forgiven";
	probe.forget();
	EXPECT_EQ(probe.verdict(), Coherence::Unknown);
}

TEST(CoherenceProbe, RemembersNoMoreThanItsBound)
{
	CoherenceProbe probe;
	for (std::uint64_t block = 0; block < 1000; block++)
		probe.written(block);
	unsigned steps = 0;
	while (const auto step = probe.next()) {
		probe.primed(step->block, 1);
		steps++;
	}
	EXPECT_EQ(steps, CoherenceProbe::blocks_max);
	for (std::uint64_t block = 2000; block < 2000 + CoherenceProbe::blocks_max; block++)
		probe.primed(block, 1);
	probe.written(999); // primed, and gave way
	EXPECT_EQ(probe.next()->kind, Kind::Prime);
}

} // namespace
} // namespace swpath
