// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/sysfs.h"

#include <gmock/gmock.h>

#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using testing::UnorderedElementsAre;

/// A tree with the shape of a SCSI disk's: block/sda/device leads into devices/.
class Sysfs : public TemporaryDirectory
{
protected:
	Sysfs()
	{
		write(device + "/scsi_level", "7\n");
		write(device + "/state", "running\n");
		write(device + "/timeout", "30\n");
		write(device + "/eh_timeout", "10\n");
		write(device + "/scsi_disk/2:0:0:0/max_retries", "5\n");
		write("devices/pci/host2/scsi_host/host2/eh_deadline", "off\n");
		std::filesystem::create_directories(path("block/sda"));
		std::filesystem::create_directory_symlink(path(device), path("block/sda/device"));
		std::filesystem::create_directories(path("block/dm-0"));
	}
	const std::string device = "devices/pci/host2/target2:0:0/2:0:0:0";
};

TEST_F(Sysfs, AttributesAreReadWithoutTheirEndOfLine)
{
	EXPECT_EQ(read_attribute(write("a", "running \n")), "running");
	EXPECT_EQ(read_attribute(write("b", std::string("iqn.x\0\0\n", 8))), "iqn.x");
	EXPECT_EQ(read_attribute(write("c", "")), "");
	EXPECT_EQ(read_attribute(path("none")).error().context, "read " + path("none"));
}

TEST_F(Sysfs, AFailedWriteNamesAttributeAndValue)
{
	EXPECT_EQ(write_attribute(path("none"), "5").error().context,
		  "write '5' to " + path("none"));
}

TEST_F(Sysfs, SettingsOfAScsiLegAreThoseThatExist)
{
	const auto real = std::filesystem::canonical(path(device)).string();
	const ScsiLimits limits{4, 1, 0, 3};
	const auto settings = scsi_settings("sda", limits, directory_);
	ASSERT_TRUE(settings) << settings.error().message();
	const auto host = std::filesystem::canonical(path("devices/pci/host2")).string();
	EXPECT_THAT(*settings,
		    UnorderedElementsAre(Setting{real + "/timeout", "4"},
					 Setting{real + "/eh_timeout", "1"},
					 Setting{real + "/scsi_disk/2:0:0:0/max_retries", "0"},
					 Setting{host + "/scsi_host/host2/eh_deadline", "3"}));
	std::filesystem::remove(path(device + "/scsi_disk/2:0:0:0/max_retries"));
	EXPECT_EQ(scsi_settings("sda", {4, 1, 0, {}}, directory_)->size(), 2U);
}

TEST_F(Sysfs, ALostSessionOfIscsiIsGivenUpLikeACommand)
{
	const std::string session = "devices/platform/host3/session1";
	write(session + "/target3:0:0/3:0:0:0/scsi_level", "7\n");
	write(session + "/target3:0:0/3:0:0:0/timeout", "30\n");
	write(session + "/iscsi_session/session1/recovery_tmo", "120\n");
	write("devices/platform/host3/scsi_host/host3/eh_deadline",
	      "off\n"); // takes no other value
	std::filesystem::create_directories(path("block/sdb"));
	std::filesystem::create_directory_symlink(path(session + "/target3:0:0/3:0:0:0"),
						  path("block/sdb/device"));
	const auto settings = scsi_settings("sdb", {4, 1, 0, 3, false}, directory_);
	ASSERT_TRUE(settings) << settings.error().message();
	const auto real = std::filesystem::canonical(path(session)).string();
	EXPECT_THAT(
		*settings,
		UnorderedElementsAre(Setting{real + "/target3:0:0/3:0:0:0/timeout", "4"},
				     Setting{real + "/iscsi_session/session1/recovery_tmo", "4"}));
	// While it is being cut, nothing is to wait for its return.
	EXPECT_THAT(scsi_settings("sdb", {4, 1, 0, 3, true}, directory_).value(),
		    testing::Contains(Setting{real + "/iscsi_session/session1/recovery_tmo", "0"}));
}

TEST_F(Sysfs, ATimeoutIsNeverZero)
{
	const auto settings = scsi_settings("sda", {0, 0, 0, {}, false}, directory_);
	ASSERT_TRUE(settings);
	for (const auto &setting : *settings) {
		if (setting.attribute.ends_with("timeout")) {
			EXPECT_EQ(setting.value, "1");
		}
	}
}

TEST_F(Sysfs, OtherDevicesAreNoScsiDisks)
{
	EXPECT_EQ(scsi_settings("dm-0", {}, directory_).error().code, std::errc::no_such_device);
	const auto none = ScsiState::open("sdz", directory_);
	ASSERT_FALSE(none);
	EXPECT_EQ(none.error().code, std::errc::no_such_device);
}

TEST_F(Sysfs, TheStateOfADiskIsReadAndSet)
{
	const auto state = ScsiState::open("sda", directory_);
	ASSERT_TRUE(state);
	EXPECT_EQ(state->word(), "running");
	// Shorter, for this file is one that keeps what was behind.
	ASSERT_TRUE(set_scsi_state("sda", "offline", directory_));
	EXPECT_EQ(state->word()->substr(0, 7), "offline");
}

} // namespace
} // namespace swpath
