// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/coherence_probe.h"

#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

constexpr std::uint32_t block_bytes = 4096;

/// A disk, a server of it with one of the caches that were measured, and the kernel's records of
/// what the caller wrote. Contents are numbers, which stand for their own checksums.
struct World {
	enum class Cache { None, Page, WriteBack };
	Cache cache;
	bool served_is_active;
	std::map<std::uint64_t, std::uint32_t> disk, cached;
	struct Written {
		std::uint32_t crc;
		Instant at;
	};
	std::map<std::uint64_t, Written> records;
	Instant now{1h};

	std::uint32_t read_served(std::uint64_t block)
	{
		if (cache == Cache::None)
			return disk[block];
		return cached.try_emplace(block, disk[block]).first->second;
	}
	/// What the path that does not carry I/O shows.
	std::uint32_t read_candidate(std::uint64_t block)
	{
		return served_is_active ? disk[block] : read_served(block);
	}
	void write(std::uint64_t block, std::uint32_t value)
	{
		if (served_is_active && cache != Cache::None)
			cached[block] = value;
		if (!served_is_active || cache != Cache::WriteBack)
			disk[block] = value;
		records[block] = {value, now};
	}
	[[nodiscard]] WitnessList list() const
	{
		WitnessList list{{}, now};
		for (const auto &[block, written] : records)
			list.records.push_back(
				{block, block_bytes, written.crc,
				 static_cast<std::uint64_t>(
					 std::chrono::duration_cast<std::chrono::milliseconds>(
						 now - written.at)
						 .count())});
		return list;
	}
};

/// 100 checks, with writes between them and, `busy`, during them.
Coherence probe(World::Cache cache, bool served_is_active, unsigned seed, bool busy)
{
	std::mt19937 random(seed);
	World world{cache, served_is_active, {}, {}, {}};
	CoherenceProbe probe;
	std::uint32_t version = 0;
	for (unsigned check = 0; check < 100; check++) {
		for (unsigned writes = random() % 4; writes > 0; writes--)
			world.write(random() % 8, ++version);
		const auto before = world.list();
		std::vector<WitnessSight> shown;
		for (const auto &record : before.records) {
			world.now += 11ms;
			if (busy && random() % 4 == 0)
				world.write(random() % 8, ++version);
			if (random() % 8 == 0)
				continue; // could not be read
			shown.push_back(
				{record.sector, block_bytes, world.read_candidate(record.sector)});
		}
		world.now += 11ms;
		(void)probe.check(before, shown, world.list());
	}
	return probe.verdict();
}

TEST(CoherenceProbe, ServersAreToldApartByTheCallersWritesAlone)
{
	using Cache = World::Cache;
	for (unsigned seed = 0; seed < 200; seed++) {
		SCOPED_TRACE(seed);
		for (const bool busy : {false, true}) {
			EXPECT_EQ(probe(Cache::None, false, seed, busy), Coherence::Coherent);
			EXPECT_EQ(probe(Cache::None, true, seed, busy), Coherence::Coherent);
			EXPECT_EQ(probe(Cache::Page, false, seed, busy), Coherence::Incoherent);
			EXPECT_EQ(probe(Cache::WriteBack, false, seed, busy),
				  Coherence::Incoherent);
			EXPECT_EQ(probe(Cache::WriteBack, true, seed, busy), Coherence::Incoherent);
		}
	}
}

class OneBlock : public testing::Test
{
protected:
	static WitnessList list(std::uint32_t crc, Instant acknowledged, Instant at)
	{
		const auto age =
			std::chrono::duration_cast<std::chrono::milliseconds>(at - acknowledged);
		return {{{8, block_bytes, crc, static_cast<std::uint64_t>(age.count())}}, at};
	}
	CoherenceProbe::Finding check(std::uint32_t written, std::uint32_t shown)
	{
		now_ += 1s;
		const std::vector<WitnessSight> sight{{8, block_bytes, shown}};
		return probe_.check(list(written, now_ - 100ms, now_), sight,
				    list(written, now_ - 100ms, now_ + 20ms));
	}

	CoherenceProbe probe_;
	Instant now_{1h};
};

TEST_F(OneBlock, WithoutWritesNothingIsKnown)
{
	EXPECT_EQ(probe_.check({}, {}, {}).compared, 0U);
	EXPECT_EQ(probe_.verdict(), Coherence::Unknown);
}

TEST_F(OneBlock, ThatDidNotChangeIsComparedAndMakesNobodyCoherent)
{
	for (unsigned i = 0; i < 10; i++)
		EXPECT_EQ(check(7, 7).compared, 1U);
	EXPECT_EQ(probe_.verdict(), Coherence::Unknown);
}

TEST_F(OneBlock, ThatIsNotShownIsNamedAndCondemns)
{
	const auto found = check(8, 7);
	ASSERT_TRUE(found.stale);
	EXPECT_EQ(found.stale->sector, 8U);
	EXPECT_EQ(probe_.verdict(), Coherence::Incoherent);
	for (std::uint32_t i = 9; i < 20; i++)
		(void)check(i, i);
	EXPECT_EQ(probe_.verdict(), Coherence::Incoherent) << "the same server is not forgiven";
}

TEST_F(OneBlock, IsNotJudgedIfItWasWrittenMeanwhile)
{
	const std::vector<WitnessSight> shown{{8, block_bytes, 7}};
	const auto before = list(8, now_ - 100ms, now_);
	// Gone from the records; other contents; the same contents, written again.
	EXPECT_EQ(probe_.check(before, shown, {{}, now_ + 20ms}).compared, 0U);
	EXPECT_EQ(probe_.check(before, shown, list(9, now_ - 100ms, now_ + 20ms)).compared, 0U);
	EXPECT_EQ(probe_.check(before, shown, list(8, now_ + 5ms, now_ + 20ms)).compared, 0U);
	EXPECT_EQ(probe_.verdict(), Coherence::Unknown);
}

TEST_F(OneBlock, ANewConnectionAfterAStaleOneHasToShowThatItIsBetter)
{
	(void)check(8, 7);
	probe_.forget();
	EXPECT_EQ(probe_.verdict(), Coherence::Incoherent);
	(void)check(9, 9);
	for (std::uint32_t i = 0; i < CoherenceProbe::fresh_needed; i++) {
		EXPECT_EQ(probe_.verdict(), Coherence::Incoherent);
		(void)check(10 + i, 10 + i);
	}
	EXPECT_EQ(probe_.verdict(), Coherence::Coherent);
	probe_.forget();
	EXPECT_EQ(probe_.verdict(), Coherence::Unknown);
}

TEST_F(OneBlock, APathThatAnEarlierPathdDistrustedHasToShowThatItIsBetter)
{
	probe_.distrust();
	probe_.forget(); // its device is found after that
	EXPECT_EQ(probe_.check({{}, now_}, {}, {{}, now_}).compared, 0U);
	EXPECT_EQ(probe_.verdict(), Coherence::Incoherent) << "nothing shown is nothing proved";
	(void)check(9, 9);
	for (std::uint32_t i = 0; i < CoherenceProbe::fresh_needed; i++) {
		EXPECT_EQ(probe_.verdict(), Coherence::Incoherent);
		(void)check(10 + i, 10 + i);
	}
	EXPECT_EQ(probe_.verdict(), Coherence::Coherent);
}

TEST(CoherenceProbe, RemembersNoMorePlacesThanItSays)
{
	CoherenceProbe probe;
	const auto show = [&](std::uint64_t sector, std::uint32_t crc) {
		const WitnessList list{{{sector, 512, crc, 0}}, Instant{1h}};
		const std::vector<WitnessSight> shown{{sector, 512, crc}};
		(void)probe.check(list, shown, list);
	};
	for (std::uint64_t sector = 0; sector <= CoherenceProbe::places_max; sector++)
		show(sector, 1);
	// The first place is forgotten: what it shows now is no change.
	for (unsigned i = 0; i < CoherenceProbe::fresh_needed; i++) {
		show(CoherenceProbe::places_max - i, 2);
		EXPECT_EQ(probe.verdict(), i + 1 < CoherenceProbe::fresh_needed
						   ? Coherence::Unknown
						   : Coherence::Coherent);
		if (i == 0)
			show(0, 2);
	}
}

} // namespace
} // namespace swpath
