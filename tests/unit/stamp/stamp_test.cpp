// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stamp/stamp.h"

#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/stamp/latency.h"

namespace swpath::stamp
{
namespace
{

TEST(Stamp, IsReadBackAsItWasWritten)
{
	const Stamp stamp{1, unit_id("sw0"), 3, 4, 5, 24};
	std::array<std::byte, sector_bytes> sector{};
	encode(stamp, sector);
	EXPECT_EQ(decode(sector), stamp);
}

TEST(Stamp, IsRefusedWhenAnyOneBitDiffers)
{
	std::array<std::byte, sector_bytes> sector{};
	encode({1, 2, 3, 4, 5, 6}, sector);
	for (std::size_t bit = 0; bit < sector_bytes * 8; bit++) {
		const auto mask = std::byte(1U << (bit % 8));
		sector[bit / 8] ^= mask;
		EXPECT_FALSE(decode(sector)) << "bit " << bit;
		sector[bit / 8] ^= mask;
	}
	EXPECT_TRUE(decode(sector));
}

TEST(Stamp, OfAnEmptySectorIsNone)
{
	const std::array<std::byte, sector_bytes> sector{};
	EXPECT_FALSE(decode(sector));
}

TEST(Latency, FindsTheLongestTheGapAndThePercentile)
{
	Latency latency;
	constexpr std::uint64_t ms = 1'000'000;
	for (std::uint64_t i = 1; i <= 99; i++)
		latency.completed(i * 10 * ms, i * 10 * ms + ms); // 1 ms each, one in 10 ms
	latency.completed(995 * ms, 1495 * ms);
	EXPECT_EQ(latency.count(), 100U);
	EXPECT_DOUBLE_EQ(latency.longest_ms(), 500);
	EXPECT_DOUBLE_EQ(latency.percentile_ms(99), 1);
	EXPECT_DOUBLE_EQ(latency.percentile_ms(100), 500);
	EXPECT_DOUBLE_EQ(latency.gap_ms(), 504); // from 991 ms
}

TEST(Latency, OfNothingIsZero)
{
	const Latency latency;
	EXPECT_EQ(latency.percentile_ms(99), 0);
	EXPECT_EQ(latency.gap_ms(), 0);
}

} // namespace
} // namespace swpath::stamp
