// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/medium_compare.h"

#include <gtest/gtest.h>

#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using test::at_s;

MediumSample sample(double s, std::uint64_t first, std::uint64_t others = 7)
{
	return {at_s(s), at_s(s + 0.1), {first, others, others, others}};
}

/// The reference (0) is read around each read of the candidate (1).
MediumVerdict around(MediumCompare &compare, double s, std::uint64_t before, std::uint64_t shown,
		     std::uint64_t after)
{
	compare.add(0, sample(s, before));
	compare.add(1, sample(s + 1, shown));
	compare.add(0, sample(s + 2, after));
	return compare.judge(0, 1);
}

TEST(MediumCompare, LandmarksAreAlignedApartAndInside)
{
	const auto offsets = landmarks(64 << 20);
	EXPECT_EQ(offsets[0], 0U);
	EXPECT_EQ(offsets[3], (64U << 20) - 4096);
	for (const auto &offset : offsets) {
		ASSERT_TRUE(offset);
		EXPECT_EQ(*offset % landmark_bytes, 0U);
	}
	const auto tiny = landmarks(4096);
	EXPECT_EQ(tiny[0], 0U);
	EXPECT_FALSE(tiny[1] || tiny[2] || tiny[3]);
	EXPECT_FALSE(landmarks(4095)[0]);
}

TEST(MediumCompare, EqualReadsAreTheSameMedium)
{
	MediumCompare compare;
	EXPECT_EQ(around(compare, 0, 1, 1, 1), MediumVerdict::Same);
}

TEST(MediumCompare, TwoDifferencesInARowAreAnotherMedium)
{
	MediumCompare compare;
	EXPECT_EQ(around(compare, 0, 1, 2, 1), MediumVerdict::Unknown);
	EXPECT_EQ(around(compare, 10, 1, 2, 1), MediumVerdict::Differs);
	EXPECT_EQ(compare.verdict(1), MediumVerdict::Differs);
}

TEST(MediumCompare, ABlockThatIsWrittenMeanwhileCondemnsNobody)
{
	MediumCompare compare;
	for (int i = 0; i < 5; i++)
		EXPECT_NE(around(compare, 10.0 * i, 1, 2, 3), MediumVerdict::Differs);
}

TEST(MediumCompare, OneSampleIsJudgedOnce)
{
	MediumCompare compare;
	(void)around(compare, 0, 1, 2, 1);
	compare.add(0, sample(3, 1));
	EXPECT_NE(compare.judge(0, 1), MediumVerdict::Differs);
}

TEST(MediumCompare, WithoutAReadOnBothSidesNothingIsKnown)
{
	MediumCompare compare;
	compare.add(1, sample(0, 2));
	compare.add(0, sample(1, 1));
	EXPECT_EQ(compare.judge(0, 1), MediumVerdict::Unknown);
	compare.add(0, sample(2, 1));
	EXPECT_EQ(compare.judge(0, 1), MediumVerdict::Unknown);
}

TEST(MediumCompare, ADifferenceStandsUntilTheSameIsSeen)
{
	MediumCompare compare;
	(void)around(compare, 0, 1, 2, 1);
	(void)around(compare, 10, 1, 2, 1);
	compare.add(1, sample(20, 1));
	EXPECT_EQ(compare.verdict(1), MediumVerdict::Differs);
	EXPECT_EQ(around(compare, 30, 1, 1, 1), MediumVerdict::Same);
}

TEST(MediumCompare, AReplacedDeviceStartsWithACleanSheet)
{
	MediumCompare compare;
	(void)around(compare, 0, 1, 2, 1);
	compare.forget(1);
	EXPECT_EQ(around(compare, 10, 1, 2, 1), MediumVerdict::Unknown);
	EXPECT_EQ(around(compare, 20, 1, 1, 1), MediumVerdict::Same);
	compare.forget(1);
	EXPECT_EQ(compare.verdict(1), MediumVerdict::Unknown);
}

TEST(MediumCompare, TheNextConnectionToAnotherDiskIsNoBetterThanTheLast)
{
	MediumCompare compare;
	(void)around(compare, 0, 1, 2, 1);
	(void)around(compare, 10, 1, 2, 1);
	compare.forget(1);
	EXPECT_EQ(compare.verdict(1), MediumVerdict::Differs);
	EXPECT_EQ(around(compare, 20, 1, 2, 1), MediumVerdict::Differs);
	compare.forget(1);
	EXPECT_EQ(around(compare, 30, 1, 1, 1), MediumVerdict::Same);
}

} // namespace
} // namespace swpath
