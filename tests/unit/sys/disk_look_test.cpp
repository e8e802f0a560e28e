// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/disk_look.h"

#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

class DiskLook : public TemporaryDirectory
{
protected:
	/// A disk in a sysfs of its own, with one partition.
	BlockDevice disk()
	{
		write("block/sda/dev", "8:0\n");
		write("block/sda/sda1/dev", "8:1\n");
		write("block/sda/sda1/partition", "1\n");
		for (const auto *holders : {"block/sda/holders", "block/sda/sda1/holders"})
			std::filesystem::create_directories(path(holders));
		BlockDevice device;
		device.sysname = "sda";
		device.syspath = path("block/sda");
		return device;
	}
	UsedDevices used(const std::string &mountinfo, const std::string &swaps = "",
			 const std::string &own_mountinfo = "")
	{
		write("proc/1/mountinfo", mountinfo);
		write("proc/self/mountinfo", own_mountinfo);
		write("proc/swaps", "Filename Type Size Used Priority\n" + swaps);
		const auto read = used_devices(path("proc"));
		EXPECT_TRUE(read);
		return read.value_or(UsedDevices{});
	}
};

TEST_F(DiskLook, NobodyUsesIt)
{
	EXPECT_FALSE(is_used(disk(), {}));
	EXPECT_FALSE(is_used(disk(), used("25 1 8:17 / / rw,noatime shared:1 - ext4 /dev/sdb1 rw\n",
					  "/dev/sdb2 partition 1 0 -2\n")));
}

TEST_F(DiskLook, AMountedPartitionUsesIt)
{
	EXPECT_TRUE(is_used(disk(), used("25 1 8:1 / /mnt rw - ext4 /dev/sda1 rw\n")));
	EXPECT_TRUE(
		is_used(disk(), used("25 1 8:0 / /mnt rw shared:1 master:2 - xfs /dev/sda rw\n")));
}

// ProtectHome= unmounts what lies below /home in the service's own mount namespace.
TEST_F(DiskLook, AMountThatTheSandboxHidesUsesIt)
{
	const std::string home = "25 1 8:1 / /home rw - ext4 /dev/sda1 rw\n";
	const std::string root = "24 1 8:17 / / rw - ext4 /dev/sdb1 rw\n";
	EXPECT_TRUE(is_used(disk(), used(root + home, "", root)));
	EXPECT_TRUE(is_used(disk(), used(root, "", root + home)));
	EXPECT_FALSE(is_used(disk(), used(root, "", root)));
}

TEST_F(DiskLook, OwnMountsAreAllWhereNobodyElsesMayBeSeen)
{
	used("", "", "25 1 8:1 / /mnt rw - ext4 /dev/sda1 rw\n");
	std::filesystem::remove(path("proc/1/mountinfo"));
	const auto read = used_devices(path("proc"));
	ASSERT_TRUE(read);
	EXPECT_TRUE(is_used(disk(), *read));
	// Not to be read for another reason: nothing is known to be free.
	std::filesystem::create_directories(path("proc/1/mountinfo"));
	EXPECT_FALSE(used_devices(path("proc")));
}

// Its number in mountinfo is of no device.
TEST_F(DiskLook, BtrfsUsesIt)
{
	EXPECT_TRUE(is_used(disk(), used("25 1 0:33 /@ /mnt rw shared:1 - btrfs /dev/sda1 rw\n")));
}

TEST_F(DiskLook, SwapUsesIt)
{
	EXPECT_TRUE(is_used(disk(), used("", "/dev/sda1\tpartition\t999\t0\t-2\n")));
}

TEST_F(DiskLook, AVolumeGroupUsesIt)
{
	const auto device = disk();
	std::filesystem::create_directories(path("block/sda/sda1/holders/dm-0"));
	EXPECT_TRUE(is_used(device, {}));
}

TEST_F(DiskLook, ProcThatCannotBeReadIsNamed)
{
	EXPECT_EQ(used_devices(path("none")).error().context,
		  "read " + path("none/self/mountinfo"));
}

TEST_F(DiskLook, IdentityIsThatOfThePagesThatTheKernelKeeps)
{
	// A NAA designator of the logical unit, and a relative port.
	const std::string page("\x00\x83\x00\x14"
			       "\x01\x03\x00\x08\x60\x01\x40\x50\x00\x00\x00\x01"
			       "\x01\x14\x00\x04\x00\x00\x00\x01",
			       24);
	write("block/sda/device/vpd_pg83", page);
	write("block/sda/device/vpd_pg80", std::string("\x00\x80\x00\x02 1", 6));
	const auto identity = known_identity("sda", directory_);
	ASSERT_TRUE(identity) << identity.error().message();
	EXPECT_EQ(identity->wwid, "naa.6001405000000001");
	EXPECT_EQ(identity->serial, "1");
	EXPECT_EQ(identity->relative_port(), 1);
	EXPECT_EQ(known_identity("sdb", directory_).error().code,
		  std::errc::no_such_file_or_directory);
	write("block/sda/device/vpd_pg83", "x");
	EXPECT_EQ(known_identity("sda", directory_).error().code.value(), EBADMSG);
}

} // namespace
} // namespace swpath
