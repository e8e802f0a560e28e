// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>
#include <cstring>

#include <gmock/gmock.h>
#include <sys/vfs.h>

#include "libpath/serve/served_disk.h"
#include "libpath/sys/medium.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using testing::HasSubstr;

/// A regular file that takes direct I/O stands for the disk: the way of an I/O is the same.
class Disk : public TemporaryDirectory
{
protected:
	static constexpr std::uint64_t disk_bytes = 1 << 20;

	Disk()
	{
		file = write("disk", "");
		std::filesystem::resize_file(file, disk_bytes);
	}
	Result<ServedDisk> open(bool read_only = false) const
	{
		return ServedDisk::open(file, "naa.1", {read_only, true, path("sys")});
	}
	/// A block device of a made-up /sys.
	void device(const std::string &number, const std::string &attribute,
		    const std::string &text)
	{
		write("sys/dev/block/" + number + "/" + attribute, text);
	}
	[[nodiscard]] std::string why(const char *number) const
	{
		return why_not_direct(*DevNumber::parse(number), path("sys"));
	}

	std::string file;
};

TEST_F(Disk, ReadsWhatItWroteFromAnyMemory)
{
	const auto disk = open();
	ASSERT_TRUE(disk) << disk.error().message();
	EXPECT_EQ(disk->size_bytes(), disk_bytes);
	std::vector<std::byte> odd(3 * 4096 + 1);
	for (std::size_t i = 0; i < odd.size(); i++)
		odd[i] = static_cast<std::byte>(i * 7);
	const std::span from(odd.data() + 1, 3 * 4096);
	ASSERT_EQ(disk->write(from, 8192, true), 0);
	AlignedBuffer even(3 * 4096);
	ASSERT_EQ(disk->read(even.span(), 8192), 0);
	EXPECT_TRUE(std::equal(from.begin(), from.end(), even.span().begin()));
	ASSERT_EQ(disk->zero(12288, 4096, false, false), 0);
	ASSERT_EQ(disk->trim(8192, 4096, true), 0);
	ASSERT_EQ(disk->flush(), 0);
	ASSERT_EQ(disk->read({odd.data() + 1, 3 * 4096}, 8192), 0);
	EXPECT_EQ(odd[1 + 4096], std::byte{0});
	EXPECT_EQ(odd[1 + 8192], even.span()[8192]);
}

TEST_F(Disk, MoreThanOneBounceBufferGoesThroughWhole)
{
	std::filesystem::resize_file(file, 8 << 20);
	const auto disk = open();
	ASSERT_TRUE(disk);
	std::vector<std::byte> out((5U << 20) + 4097), in(out.size());
	for (std::size_t i = 0; i < out.size(); i++)
		out[i] = static_cast<std::byte>(i * 2654435761U >> 13);
	const std::size_t bytes = (5U << 20) + 4096;
	ASSERT_EQ(disk->write({out.data() + 1, bytes}, 4096, false), 0);
	ASSERT_EQ(disk->read({in.data() + 1, bytes}, 4096), 0);
	EXPECT_EQ(std::memcmp(out.data() + 1, in.data() + 1, bytes), 0);
}

TEST_F(Disk, WhatIsNotWholeBlocksOfTheDiskIsRefused)
{
	const auto disk = open();
	ASSERT_TRUE(disk);
	std::vector<std::byte> buffer(8192);
	const std::span block(buffer.data(), 4096);
	EXPECT_EQ(disk->read(block, 1), EINVAL);
	EXPECT_EQ(disk->read({buffer.data(), 512}, 0), EINVAL);
	EXPECT_EQ(disk->read(block, disk_bytes), EINVAL);
	EXPECT_EQ(disk->write(buffer, disk_bytes - 4096, false), EINVAL);
	EXPECT_EQ(disk->read(block, UINT64_MAX - 4095), EINVAL);
	EXPECT_EQ(disk->zero(0, disk_bytes + 4096, false, false), EINVAL);
	EXPECT_EQ(disk->trim(disk_bytes, 4096, false), EINVAL);
	EXPECT_EQ(disk->read(block, disk_bytes - 4096), 0);
}

TEST_F(Disk, OneServerAtATimeHasIt)
{
	auto first = open();
	ASSERT_TRUE(first);
	EXPECT_FALSE(*disk_is_free(file));
	const auto second = open();
	ASSERT_FALSE(second);
	EXPECT_EQ(second.error().code.value(), EBUSY);
	EXPECT_FALSE(open(true)) << "not even to read";
	{
		const auto gone = std::move(*first);
	}
	EXPECT_TRUE(*disk_is_free(file));
	EXPECT_TRUE(open());
}

TEST_F(Disk, WhatIsNoDiskIsRefusedWithTheReason)
{
	const auto message = [&](const std::string &device, bool files) {
		const auto disk = ServedDisk::open(device, "naa.1", {false, files, path("sys")});
		return disk ? "opened" : disk.error().context;
	};
	EXPECT_THAT(message(file, false), HasSubstr("is no block device"));
	EXPECT_THAT(message("/dev/null", true), HasSubstr("is no block device"));
	EXPECT_THAT(message(directory_, true), HasSubstr("is no block device"));
	EXPECT_THAT(message(path("none"), true), HasSubstr("open " + path("none")));
	EXPECT_THAT(message(write("empty", ""), true), HasSubstr("has no size"));
}

TEST_F(Disk, AFileSystemWithoutDirectIoIsRefused)
{
	struct statfs what {
	};
	constexpr long proc = 0x9fa0;
	ASSERT_EQ(statfs("/proc/self/status", &what), 0);
	ASSERT_EQ(what.f_type, proc);
	const auto disk = ServedDisk::open("/proc/self/status", "naa.1", {true, true, path("sys")});
	ASSERT_FALSE(disk);
	EXPECT_EQ(disk.error().code.value(), EOPNOTSUPP);
	EXPECT_THAT(disk.error().context, HasSubstr("takes no direct I/O"));
}

TEST_F(Disk, AServedPathOrAUnitIsNeverServedAgain)
{
	device("8:0", "dev", "8:0");
	EXPECT_EQ(why("8:0"), "");
	EXPECT_THAT(why("43:0"), HasSubstr("is a network block device"));
	device("253:0", "dm/uuid", "SW-naa.1\n");
	EXPECT_THAT(why("253:0"), HasSubstr("253:0 is a unit of swpath"));
	device("253:1", "dm/uuid", "LVM-abc\n");
	device("253:1", "slaves/dm-0/dev", "253:0\n");
	EXPECT_THAT(why("253:1"), HasSubstr("253:1 stands on 253:0 is a unit"));
	device("253:2", "slaves/nbd0/dev", "43:0\n");
	device("253:2", "slaves/sda/dev", "8:0\n");
	EXPECT_THAT(why("253:2"), HasSubstr("network block device"));
	device("253:3", "slaves/sda/dev", "8:0\n");
	EXPECT_EQ(why("253:3"), "");
}

TEST_F(Disk, AStackWithoutAnEndIsNotTrusted)
{
	device("253:4", "slaves/dm-4/dev", "253:4\n");
	EXPECT_THAT(why("253:4"), HasSubstr("too many layers"));
}

} // namespace
} // namespace swpath
