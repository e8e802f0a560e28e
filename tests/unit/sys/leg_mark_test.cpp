// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/leg_mark.h"

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <future>
#include <thread>

#include <gmock/gmock.h>

#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class LegMark : public TemporaryDirectory
{
};

TEST_F(LegMark, IsThereUntilTakenAway)
{
	const auto legs = path("run/legs");
	EXPECT_THAT(*marked_legs(legs), IsEmpty());
	ASSERT_TRUE(mark_leg({43, 0}, "sw0", legs));
	ASSERT_TRUE(mark_leg({8, 16}, "sw0", legs));
	ASSERT_TRUE(mark_leg({8, 16}, "sw0", legs));
	EXPECT_THAT(*marked_legs(legs), ElementsAre(DevNumber{8, 16}, DevNumber{43, 0}));
	EXPECT_EQ(text_of(legs + "/8:16"), "sw0\n");
	ASSERT_TRUE(unmark_leg({8, 16}, legs));
	ASSERT_TRUE(unmark_leg({8, 16}, legs));
	EXPECT_THAT(*marked_legs(legs), ElementsAre(DevNumber{43, 0}));
}

TEST_F(LegMark, OtherFilesAreNoMarks)
{
	write("legs/8:0.new", "");
	write("legs/README", "");
	EXPECT_THAT(*marked_legs(path("legs")), IsEmpty());
}

/// Two NBD devices of a sysfs in a directory, and a kernel that gives one to whoever asks first.
class AttachFreeNbd : public TemporaryDirectory
{
protected:
	AttachFreeNbd()
	{
		for (const std::string index : {"0", "1"}) {
			write("sys/block/nbd" + index + "/size", "0\n");
			write("sys/block/nbd" + index + "/dev",
			      "43:" + std::to_string(32 * std::stoi(index)) + "\n");
		}
	}
	Result<std::uint32_t> connect(std::uint32_t index) const
	{
		const auto pid = path("sys/block/nbd" + std::to_string(index) + "/pid");
		if (std::filesystem::exists(pid))
			return fail(EBUSY, "attach");
		write("sys/block/nbd" + std::to_string(index) + "/pid", "4711\n");
		return index;
	}
	std::string legs() const { return path("run/legs"); }
	std::string sys() const { return path("sys"); }
};

TEST_F(AttachFreeNbd, TwoAtOnceGetADeviceEachAndBothAreMarked)
{
	// The first one has chosen, and does not connect before the second one had every chance to
	// choose the same.
	std::promise<void> chosen;
	std::atomic<bool> second_chose = false;
	auto first = std::async(std::launch::async, [&] {
		return attach_free_nbd(
			"sw0",
			[&](std::uint32_t index) {
				chosen.set_value();
				for (unsigned i = 0; i < 100 && !second_chose; i++)
					std::this_thread::sleep_for(std::chrono::milliseconds(5));
				return connect(index);
			},
			legs(), sys());
	});
	chosen.get_future().wait();
	const auto second = attach_free_nbd(
		"sw1",
		[&](std::uint32_t index) {
			second_chose = true;
			// The other one comes first.
			for (unsigned i = 0; i < 200 && index == 0 &&
					     !std::filesystem::exists(path("sys/block/nbd0/pid"));
			     i++)
				std::this_thread::sleep_for(std::chrono::milliseconds(5));
			return connect(index);
		},
		legs(), sys());
	EXPECT_EQ(*first.get(), 0U);
	EXPECT_EQ(*second, 1U);
	EXPECT_EQ(text_of(legs() + "/43:0"), "sw0\n");
	EXPECT_EQ(text_of(legs() + "/43:32"), "sw1\n");
}

TEST_F(AttachFreeNbd, OneThatAStrangerTookIsNotMarkedAndTheNextIsTaken)
{
	const auto index = attach_free_nbd(
		"sw0",
		[&](std::uint32_t i) -> Result<std::uint32_t> {
			if (i == 0)
				return fail(EBUSY, "attach");
			return connect(i);
		},
		legs(), sys());
	EXPECT_EQ(*index, 1U);
	EXPECT_THAT(*marked_legs(legs()), ElementsAre(DevNumber{43, 32}));
	const auto none = attach_free_nbd(
		"sw0",
		[](std::uint32_t) -> Result<std::uint32_t> { return fail(EINVAL, "attach"); },
		legs(), sys());
	EXPECT_EQ(none.error().code, std::errc::invalid_argument);
	EXPECT_THAT(*marked_legs(legs()), ElementsAre(DevNumber{43, 32}));
}

BlockDevice disk(DevNumber number, Transport transport, const std::string &wwid)
{
	BlockDevice device;
	device.number = number;
	device.transport = transport;
	device.wwid = wwid;
	return device;
}

TEST(LeftOverMarks, AreThoseOfDevicesThatAreNobodysLeg)
{
	BlockDevice connected = disk({43, 0}, Transport::Nbd, "");
	connected.nbd_backend = "swpath:sw0:10.0.0.2:10809:disk";
	BlockDevice unit = disk({253, 3}, Transport::Dm, "");
	unit.sysname = "dm-3";
	unit.dm_uuid = "SW-naa.6002";
	BlockDevice volume = disk({253, 4}, Transport::Dm, "");
	volume.sysname = "dm-4";
	volume.dm_uuid = "LVM-abc";
	BlockDevice held = disk({8, 16}, Transport::Scsi, "naa.6002");
	held.holders = {"dm-3"};
	BlockDevice other = disk({8, 32}, Transport::Scsi, "naa.6003");
	other.holders = {"dm-4"};
	const std::vector<BlockDevice> devices = {
		disk({8, 0}, Transport::Scsi, "naa.6001"),
		held,
		other,
		disk({8, 48}, Transport::Scsi, ""),
		connected,
		disk({43, 1}, Transport::Nbd, ""),
		disk({7, 0}, Transport::Loop, ""),
		unit,
		volume,
	};
	const std::vector<DevNumber> marked = {{7, 0},  {8, 0},  {8, 16}, {8, 32},
					       {8, 48}, {8, 64}, {43, 0}, {43, 1}};
	const std::vector<std::string> wwids = {"naa.6001", ""};
	EXPECT_THAT(
		left_over_marks(marked, devices, wwids),
		ElementsAre(DevNumber{7, 0}, DevNumber{8, 32}, DevNumber{8, 64}, DevNumber{43, 1}));
}

TEST(LegRules, MatchEachWwid)
{
	const std::string wwids[] = {"naa.60014051234567890abcdef012345678", "",
				     "t10.LIO-ORG disk"};
	const auto rules = leg_rules(wwids);
	EXPECT_THAT(rules, HasSubstr("ATTRS{wwid}==\"naa.60014051234567890abcdef012345678\", "
				     "ENV{SW_LEG}=\"1\"\n"));
	EXPECT_THAT(rules, HasSubstr("ATTRS{wwid}==\"t10.LIO-ORG disk\", ENV{SW_LEG}=\"1\"\n"));
	EXPECT_THAT(rules, Not(HasSubstr("==\"\",")));
}

TEST(LegRules, AWwidCannotWriteRules)
{
	const std::string wwids[] = {"t10.a\", RUN+=\"/bin/evil\"\nACTION==\"*\\$x%k[a]|?"};
	const auto rules = leg_rules(wwids);
	EXPECT_THAT(rules,
		    HasSubstr("ATTRS{wwid}==\"t10.a?, RUN+=?/bin/evil??ACTION==????x?k?a???\", "
			      "ENV{SW_LEG}=\"1\"\n"));
}

TEST_F(LegMark, RulesAreWrittenOnlyWhenTheyChange)
{
	const auto file = path("rules.d/58.rules");
	const std::string one[] = {"naa.1"}, other[] = {"naa.2"};
	EXPECT_EQ(write_leg_rules(one, file).value(), true);
	EXPECT_EQ(write_leg_rules(one, file).value(), false);
	EXPECT_EQ(write_leg_rules(other, file).value(), true);
	EXPECT_EQ(text_of(file), leg_rules(other));
}

} // namespace
} // namespace swpath
