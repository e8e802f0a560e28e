// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/geometry.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

constexpr Geometry disk{1 << 20, 512, 4096, false};

TEST(Geometry, TheSameDiskIsNoDifference)
{
	EXPECT_FALSE(compare(disk, disk));
}

TEST(Geometry, ThePhysicalBlockSizeMayDiffer)
{
	auto other = disk;
	other.physical_block_bytes = 512;
	EXPECT_FALSE(compare(disk, other));
}

TEST(Geometry, ALargerDiskIsAnotherOneToo)
{
	for (const std::uint64_t bytes : {disk.capacity_bytes - 512, disk.capacity_bytes + 512}) {
		auto other = disk;
		other.capacity_bytes = bytes;
		const auto difference = compare(disk, other);
		ASSERT_TRUE(difference);
		EXPECT_EQ(difference->reason, Reason::SIZE);
		EXPECT_NE(difference->text.find(std::to_string(bytes)), std::string::npos);
	}
}

TEST(Geometry, ADiskThatIsKnownByNameMayHaveGrownAndNotShrunk)
{
	auto other = disk;
	other.capacity_bytes = 2 * disk.capacity_bytes;
	EXPECT_FALSE(compare(disk, other, true));
	EXPECT_EQ(compare(other, disk, true)->reason, Reason::SIZE);
	other.write_protected = true;
	EXPECT_EQ(compare(disk, other, true)->reason, Reason::WRITE_PROTECTED);
}

TEST(Geometry, AnotherLogicalBlockSizeIsRefused)
{
	auto other = disk;
	other.logical_block_bytes = 4096;
	EXPECT_EQ(compare(disk, other)->reason, Reason::SIZE);
}

TEST(Geometry, AProtectedPathServesOnlyAProtectedUnit)
{
	auto other = disk;
	other.write_protected = true;
	EXPECT_EQ(compare(disk, other)->reason, Reason::WRITE_PROTECTED);
	EXPECT_FALSE(compare(other, other));
	EXPECT_FALSE(compare(other, disk));
}

} // namespace
} // namespace swpath
