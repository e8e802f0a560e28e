// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/udev.h"

#include <gtest/gtest.h>

#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

class DeviceEvents : public TemporaryDirectory
{
};

TEST_F(DeviceEvents, AreCountedByTheKernel)
{
	write("kernel/uevent_seqnum", "4711\n");
	EXPECT_EQ(device_event_count(directory_), 4711U);
}

TEST_F(DeviceEvents, HaveNoCountWhereTheKernelDoesNotTell)
{
	EXPECT_EQ(device_event_count(directory_), std::nullopt);
	write("kernel/uevent_seqnum", "many\n");
	EXPECT_EQ(device_event_count(directory_), std::nullopt);
}

TEST_F(DeviceEvents, OfADiskAreAskedForWithThoseOfItsPartitions)
{
	const std::string disk = "dev/block/8:0";
	for (const std::string of : {"", "/sda1", "/sda2", "/queue"})
		write(disk + of + "/uevent", "");
	write(disk + "/sda1/partition", "1\n");
	write(disk + "/sda2/partition", "2\n");
	ASSERT_TRUE(trigger_change({8, 0}, directory_));
	for (const std::string of : {"", "/sda1", "/sda2"})
		EXPECT_EQ(text_of(path(disk + of + "/uevent")), "change") << of;
	EXPECT_EQ(text_of(path(disk + "/queue/uevent")), "");
	const auto none = trigger_change({8, 16}, directory_);
	ASSERT_FALSE(none);
	EXPECT_EQ(none.error().code, std::errc::no_such_device);
}

} // namespace
} // namespace swpath
