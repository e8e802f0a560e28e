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

} // namespace
} // namespace swpath
