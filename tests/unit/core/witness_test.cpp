// SPDX-License-Identifier: GPL-2.0-or-later
/// sw-witness.c: a record is true or absent.
#include <vector>

#include <gtest/gtest.h>

extern "C" {
#include "sw-witness.h"
}

namespace
{

class Witness : public testing::Test
{
protected:
	Witness() { sw_witness_init(&ring_, 3); }

	void comes(u64 sector, unsigned bytes) { sw_witness_write(&ring_, sector, bytes); }
	bool begins(u64 sector, unsigned bytes = SW_WITNESS_BYTES)
	{
		ring_.due = true;
		comes(sector, bytes);
		const bool taken = sw_witness_take(&ring_, sector, bytes);
		if (taken)
			ring_.sample.crc = static_cast<u32>(sector);
		return taken;
	}
	void ends(u64 sector, bool ok = true)
	{
		if (sw_witness_sampled(&ring_, sector))
			sw_witness_sample_end(&ring_, ok, static_cast<u32>(sector), 5);
	}
	static std::vector<u64> sectors(const sw_witness_ring &ring)
	{
		std::vector<u64> list;
		for (unsigned i = 0; i < ring.nr; i++)
			if (const auto *record = sw_witness_get(&ring, i))
				list.push_back(record->sector);
		return list;
	}
	[[nodiscard]] std::vector<u64> sectors() const { return sectors(ring_); }

	sw_witness_ring ring_;
};

using List = std::vector<u64>;

TEST_F(Witness, RemembersTheLatestWritesAndNoMoreThanItsNumber)
{
	for (const u64 sector : {8, 16, 24, 32}) {
		ASSERT_TRUE(begins(sector));
		ends(sector);
	}
	EXPECT_EQ(sectors(), (List{16, 24, 32}));
}

TEST_F(Witness, SamplesOneWriteATickAndOneAtATime)
{
	EXPECT_FALSE(sw_witness_take(&ring_, 0, 512)) << "none is due";
	ASSERT_TRUE(begins(0));
	EXPECT_FALSE(begins(64)) << "one is in flight";
	ends(0);
	ring_.due = true;
	comes(64, 512);
	EXPECT_TRUE(sw_witness_take(&ring_, 64, 512)) << "it is due until one is taken";
}

TEST_F(Witness, AWriteDropsWhatItOverlapsAndNothingElse)
{
	for (const u64 sector : {8, 16, 24}) {
		ASSERT_TRUE(begins(sector));
		ends(sector);
	}
	comes(0, 8 * 512);
	comes(32, 8 * 512);
	EXPECT_EQ(sectors(), (List{8, 16, 24})) << "they only touch";
	comes(15, 2 * 512);
	EXPECT_EQ(sectors(), (List{24}));
}

TEST_F(Witness, ASampleThatIsOverwrittenInFlightIsNoRecord)
{
	ASSERT_TRUE(begins(8));
	comes(8, 512);
	ends(8);
	EXPECT_EQ(sectors(), List{});
}

TEST_F(Witness, AWriteThatFailedOrWhoseBufferChangedIsNoRecord)
{
	ASSERT_TRUE(begins(8));
	ends(8, false);
	ASSERT_TRUE(begins(16));
	sw_witness_sample_end(&ring_, true, 17, 5);
	EXPECT_EQ(sectors(), List{});
	EXPECT_TRUE(begins(24)) << "and makes room for the next";
}

TEST_F(Witness, OfALargeWriteTheBeginningIsRemembered)
{
	ASSERT_TRUE(begins(0, 1 << 20));
	ends(0);
	EXPECT_EQ(sw_witness_bytes(sw_witness_get(&ring_, 2)), unsigned{SW_WITNESS_BYTES});
	EXPECT_EQ(sw_witness_get(&ring_, 2)->at, 5U);
}

TEST_F(Witness, ASmallerOneTakesOverTheLatest)
{
	for (const u64 sector : {8, 16, 24}) {
		ASSERT_TRUE(begins(sector));
		ends(sector);
	}
	sw_witness_ring next;
	sw_witness_init(&next, 2);
	sw_witness_take_over(&next, &ring_);
	EXPECT_EQ(sectors(next), (List{16, 24}));
}

} // namespace
