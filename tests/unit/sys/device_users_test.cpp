// SPDX-License-Identifier: GPL-2.0-or-later
/// What of it needs no block device: the trees of /proc and /sys that it reads are made here, with
/// the one block device node that a test may have, if it has one. tests/vm/cases/guard.sh has the
/// rest.
#include "libpath/sys/device_users.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "libpath/sys/proc_text.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::IsEmpty;

const std::string stat_rest = " S 1 812 812 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0 4711 8192 1";

TEST(ProcText, ReadsTheLinesOfTheKernel)
{
	const auto stat =
		parse_process_stat("812 (a) b) c" + std::string(1, '\n') + ")" + stat_rest);
	ASSERT_TRUE(stat);
	EXPECT_EQ(stat->command, "a) b) c?") << "what a process calls itself is printable at least";
	EXPECT_EQ(stat->parent, 1);
	EXPECT_EQ(stat->started, 4711U);
	for (const auto *wrong :
	     {"", "812", "812 (a", ")(", "812 (a) S 1", "812 (a) S x 1 2 3 4 5"})
		EXPECT_FALSE(parse_process_stat(wrong)) << wrong;

	const auto mount = parse_mount_line(
		"36 35 8:1 / /mnt/a\\040b rw,noatime master:1 - ext4 /dev/sda1 rw,errors=x");
	ASSERT_TRUE(mount);
	EXPECT_EQ(mount->device, (DevNumber{8, 1}));
	EXPECT_EQ(mount->at, "/mnt/a\\040b");
	EXPECT_EQ(mount->source, "/dev/sda1");
	EXPECT_TRUE(mount->write);
	EXPECT_FALSE(parse_mount_line("36 35 8:1 / /mnt ro - ext4 /dev/sda1 ro")->write);
	for (const auto *wrong :
	     {"", "-", "36 35 8:1 / /mnt rw", "36 35 8 / /mnt rw - ext4 /dev/sda1 rw",
	      "36 35 8:1 / - ext4 /dev/sda1 rw", "36 35 8:1 / /mnt rw - ext4"})
		EXPECT_FALSE(parse_mount_line(wrong)) << wrong;
}

TEST(ProcText, ReadsTheLinesOfSwaps)
{
	EXPECT_EQ(parse_swap_line("/dev/sda3                               partition\t8388604\t\t0"
				  "\t\t-2"),
		  "/dev/sda3");
	EXPECT_EQ(parse_swap_line("/a\\040b file 8 0 -2"), "/a\\040b");
	for (const auto *wrong : {"", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority",
				  "/dev/sda3 partition 8388604 0", "sda3 partition 8388604 0 -2"})
		EXPECT_FALSE(parse_swap_line(wrong)) << wrong;
}

class DeviceUsersTest : public TemporaryDirectory
{
protected:
	DeviceUsersTest()
	{
		// sdb with a partition; a foreign mapping on the partition, a unit of ours on the
		// disk.
		write(disk + "/dev", "8:16\n");
		write(disk + "/size", "2048\n");
		write(disk + "/sdb1/dev", "8:17\n");
		write(disk + "/sdb1/partition", "1\n");
		write(disk + "/queue/rotational", "1\n");
		holder(disk + "/holders/dm-0", "sw0", "SW-naa.1");
		holder(disk + "/sdb1/holders/dm-3", "vg0-root", "LVM-x");
		std::filesystem::create_directories(path("sys/dev/block"));
		std::filesystem::create_directory_symlink(path(disk), path("sys/dev/block/8:16"));
		write("proc/1/mountinfo", "20 1 0:18 / /proc rw - proc proc rw\n"
					  "36 35 8:17 / /mnt ro,noatime - ext4 /dev/sdb1 ro\n"
					  "37 35 0:40 / /b rw - btrfs /dev/sdb rw\n"
					  "38 35 8:1 / / rw - ext4 /dev/sda1 rw\n");
		// As a sandbox sees it.
		write("proc/self/mountinfo", "36 35 8:17 / /mnt ro,noatime - ext4 /dev/sdb1 ro\n");
	}
	void no_mounts()
	{
		write("proc/1/mountinfo", "");
		write("proc/self/mountinfo", "");
	}
	void holder(const std::string &at, const std::string &name, const std::string &uuid)
	{
		write(at + "/dm/name", name + "\n");
		write(at + "/dm/uuid", uuid + "\n");
	}
	void descriptor(int pid, int number, const std::string &target)
	{
		const auto directory = path("proc/" + std::to_string(pid) + "/fd");
		std::filesystem::create_directories(directory);
		std::filesystem::create_symlink(target, directory + "/" + std::to_string(number));
	}
	Result<DeviceUses> look(std::size_t limit = descriptors_max)
	{
		const std::vector<DevNumber> devices{{8, 16}, {8, 99}};
		return device_users(devices, {}, limit, path("proc"), path("sys"));
	}
	const std::string disk = "sys/devices/pci/block/sdb";
};

TEST_F(DeviceUsersTest, HoldersAndMountsAreUsersButTheUnitIsNot)
{
	const auto found = look();
	ASSERT_TRUE(found) << found.error().message();
	EXPECT_TRUE(found->complete);
	EXPECT_THAT(found->uses,
		    ElementsAre(DeviceUse{{8, 16}, "sdb", 0, 0, "mount at /b", true},
				DeviceUse{{8, 16}, "sdb1", 0, 0, "dm-3 (vg0-root)", true},
				DeviceUse{{8, 16}, "sdb1", 0, 0, "mount at /mnt", false}));
}

TEST_F(DeviceUsersTest, SwapOnADiskOrAPartitionIsAUser)
{
	std::filesystem::remove_all(path(disk + "/sdb1/holders"));
	no_mounts();
	write("proc/swaps", "Filename Type Size Used Priority\n"
			    "/dev/sdb1 partition 8388604 0 -2\n"
			    "/dev/sdb partition 8388604 0 -3\n"
			    "/dev/sdb11 partition 8388604 0 -4\n"
			    "/swapfile file 1024 0 -5\n");
	const auto found = look();
	ASSERT_TRUE(found) << found.error().message();
	EXPECT_THAT(found->uses, ElementsAre(DeviceUse{{8, 16}, "sdb", 0, 0, "swap", true},
					     DeviceUse{{8, 16}, "sdb1", 0, 0, "swap", true}));
}

TEST_F(DeviceUsersTest, ProcessesThatGoAwayOrHaveOtherFilesAreNone)
{
	std::filesystem::remove_all(path(disk + "/sdb1/holders"));
	no_mounts();
	write("proc/812/stat", "812 (cat) S");
	descriptor(812, 0, "/dev/null");
	descriptor(812, 1, "/dev/gone");
	descriptor(812, 2, "socket:[4711]");
	std::filesystem::create_directories(path("proc/813"));
	const auto found = look();
	ASSERT_TRUE(found);
	EXPECT_TRUE(found->complete);
	EXPECT_EQ(found->descriptors, 3U);
	EXPECT_THAT(found->uses, IsEmpty());
}

TEST_F(DeviceUsersTest, ALookHasABound)
{
	for (int pid = 1000; pid < 1010; pid++)
		for (int number = 0; number < 10; number++)
			descriptor(pid, number, "socket:[1]");
	const auto found = look(25);
	ASSERT_TRUE(found);
	EXPECT_FALSE(found->complete);
	EXPECT_EQ(found->descriptors, 30U) << "whole processes";
	EXPECT_FALSE(device_users({}, {}, descriptors_max, path("none"), path("sys")));
}

TEST_F(DeviceUsersTest, TheRealProcIsRead)
{
	const auto found = device_users({}, {});
	ASSERT_TRUE(found) << found.error().message();
	EXPECT_THAT(found->uses, IsEmpty());
	// Others' processes, unless this is root; this one itself is left out.
	EXPECT_TRUE(::geteuid() != 0 || found->descriptors > 0);
}

} // namespace
} // namespace swpath
