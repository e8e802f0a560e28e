// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/iscsi_session.h"

#include <cerrno>

#include <gmock/gmock.h>

#include "tests/unit/sys/loopback_connection.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class IscsiSessionTest : public TemporaryDirectory
{
};

TEST_F(IscsiSessionTest, IsFoundAboveTheDiskWithItsConnection)
{
	const std::string session = "devices/platform/host2/session1/";
	const auto device = session + "target2:0:0/2:0:0:0/block/sda";
	write(device + "/dev", "8:0\n");
	std::filesystem::create_directories(path("block/sda"));
	std::filesystem::create_symlink(path(session + "target2:0:0/2:0:0:0"),
					path("block/sda/device"));
	EXPECT_THAT(iscsi_connections("sda", directory_), IsEmpty());
	const auto connection = session + "connection1:0/iscsi_connection/connection1:0/";
	write(connection + "address", "10.0.0.10\n");
	write(connection + "port", "3260\n");
	write(connection + "local_port", "41234\n");
	EXPECT_THAT(iscsi_connections("sda", directory_),
		    ElementsAre(IscsiConnection{"10.0.0.10", 3260, 41234}));
	EXPECT_THAT(iscsi_connections("sdb", directory_), IsEmpty());
	EXPECT_TRUE(is_iscsi(path(device)));
	EXPECT_FALSE(is_iscsi("/sys/devices/pci0000:00/host1/target1:0:0/1:0:0:0/block/sdc"));
}

TEST_F(IscsiSessionTest, ItsSocketIsAbortedAndNoOther)
{
	const test::LoopbackConnection mine, other;
	const IscsiConnection connection{"127.0.0.1", ntohs(mine.to.sin_port), mine.local_port};
	const auto done = cut_iscsi_session({connection});
	if (!done && done.error().code.value() != ENOTCONN)
		GTEST_SKIP() << "this kernel, or this user, cannot: " << done.error().message();
	ASSERT_TRUE(done) << done.error().message();
	EXPECT_FALSE(mine.is_connected());
	EXPECT_TRUE(other.is_connected());
	EXPECT_EQ(cut_iscsi_session({connection}).error().code.value(), ENOTCONN);
	EXPECT_EQ(cut_iscsi_session({}).error().code.value(), ENOTCONN);
	EXPECT_EQ(cut_iscsi_session({{"host.example", 1, 1}}).error().code.value(), EINVAL);
}

} // namespace
} // namespace swpath
