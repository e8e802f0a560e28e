// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/unit_builder.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/policy/time_points.h"
#include "tests/unit/policy/unit_status_maker.h"

namespace swpath
{
namespace
{

using test::at_s;

class Builder : public testing::Test
{
protected:
	UnitConfig config_;
	SeenWorld world_;

	Builder()
	{
		config_.name = "sw0";
		config_.wwid = "naa.6001";
		config_.fence = Fence::DRAIN;
		config_.paths.resize(2);
		config_.paths[0].kind = PathKind::DIRECT;
		config_.paths[0].name = "direct";
		config_.paths[1].kind = PathKind::SERVED;
		config_.paths[1].name = "beta";
		world_.capacity_bytes = 64 << 20;
		world_.served_tried = {false, false};
		world_.now = at_s(0);
	}

	SeenLeg &direct(std::uint32_t minor = 0, bool proved = true)
	{
		SeenLeg leg;
		leg.number = {8, minor};
		leg.name = "sd" + std::string(1, static_cast<char>('a' + minor / 16));
		leg.hctl = std::to_string(minor / 16) + ":0:0:0";
		leg.marked = true;
		leg.proved = proved;
		leg.settled = proved;
		return world_.legs.emplace_back(leg);
	}
	SeenLeg &served(std::uint32_t minor = 0, bool proved = true)
	{
		SeenLeg leg;
		leg.kind = PathKind::SERVED;
		leg.number = {43, minor};
		leg.name = "nbd" + std::to_string(minor);
		leg.served_slot = 1;
		leg.marked = true;
		leg.proved = proved;
		leg.settled = proved;
		return world_.legs.emplace_back(leg);
	}
	void loaded(std::string direct_device, std::string served_device)
	{
		SeenUnit unit;
		unit.table.sectors = 131072;
		unit.table.fence = Fence::DRAIN;
		unit.table.paths = {{PathKind::DIRECT, direct_device},
				    {PathKind::SERVED, served_device}};
		unit.status = test::online_unit();
		if (direct_device.empty())
			unit.status.paths[0] =
				test::path_status(PathKind::DIRECT, 0, PathState::ABSENT);
		if (served_device.empty())
			unit.status.paths[1] =
				test::path_status(PathKind::SERVED, 0, PathState::ABSENT);
		world_.unit = unit;
	}
	std::string plan()
	{
		std::string text;
		for (const auto &step : plan_unit(config_, world_).steps)
			text += step.text(config_.name) + "\n";
		return text;
	}
};

TEST_F(Builder, NothingSeenMeansAttachAndWait)
{
	EXPECT_EQ(plan(), "attach path 1 of sw0 (beta)\n"
			  "wait with sw0: no path is proved\n");
}

TEST_F(Builder, ADeviceIsMarkedBeforeAnythingElse)
{
	direct(0, false).marked = false;
	EXPECT_EQ(plan(), "mark 8:0 as a leg of sw0 (sda)\n"
			  "attach path 1 of sw0 (beta)\n"
			  "wait with sw0: no path is proved\n");
}

TEST_F(Builder, BothPathsProvedMakeAUnitThatStartsHeld)
{
	direct();
	served();
	EXPECT_EQ(plan(), "create sw0: 131072 sectors, direct 8:0, served 43:0 (configured)\n");
	EXPECT_TRUE(plan_unit(config_, world_).steps.back().table->hold);
	EXPECT_EQ(plan_unit(config_, world_).steps.back().table->fence, Fence::DRAIN);
}

TEST_F(Builder, WaitsForTheOtherPathButNotForEver)
{
	direct();
	served(0, false);
	world_.first_proved = at_s(0);
	world_.now = at_s(2.9);
	EXPECT_EQ(plan(), "wait with sw0: nbd0 is being checked\n");
	world_.now = at_s(3);
	EXPECT_EQ(plan(), "create sw0: 131072 sectors, direct 8:0, served - (configured)\n");
}

TEST_F(Builder, AHostComesUpOnTheServedPathAlone)
{
	served();
	EXPECT_EQ(plan(), "create sw0: 131072 sectors, direct -, served 43:0 (configured)\n");
}

TEST_F(Builder, ADeadDirectDeviceIsLeftOutOfTheTable)
{
	direct(0, false).settled = true;
	served();
	EXPECT_EQ(plan(), "create sw0: 131072 sectors, direct -, served 43:0 (configured)\n");
}

TEST_F(Builder, ARefusedServerDoesNotDelayTheUnit)
{
	direct();
	world_.served_tried[1] = true;
	world_.first_proved = at_s(0);
	EXPECT_EQ(plan(), "attach path 1 of sw0 (beta)\n"
			  "create sw0: 131072 sectors, direct 8:0, served - (configured)\n");
}

TEST_F(Builder, AFinishedUnitNeedsNothing)
{
	direct();
	served();
	loaded("8:0", "43:0");
	EXPECT_EQ(plan(), "");
}

TEST_F(Builder, APathThatAppearsIsAddedOnceItIsProved)
{
	direct();
	served(0, false);
	loaded("8:0", "");
	EXPECT_EQ(plan(), "");
	world_.legs[1].proved = true;
	EXPECT_EQ(plan(), "reload sw0: 131072 sectors, direct 8:0, served 43:0 (nbd0 is proved)\n");
}

TEST_F(Builder, AReloadDoesNotStartHeld)
{
	direct();
	served();
	loaded("8:0", "");
	EXPECT_FALSE(plan_unit(config_, world_).steps.back().table->hold);
}

TEST_F(Builder, AVanishedStandbyPathIsKeptAsAbsent)
{
	served();
	loaded("8:0", "43:0");
	world_.unit->status.active = 1;
	EXPECT_EQ(plan(), "reload sw0: 131072 sectors, direct -, served 43:0 (8:0 is gone)\n");
}

TEST_F(Builder, AVanishedPathStaysInTheTableWhileAnythingOfItIsInFlight)
{
	served();
	loaded("8:0", "43:0");
	world_.unit->status.active = 1;
	world_.unit->status.paths[0].inflight = 1;
	EXPECT_EQ(plan(), "wait with sw0: path 0 is gone but in use\n");
}

TEST_F(Builder, AVanishedActivePathIsLeftByTheKernelFirst)
{
	served();
	loaded("8:0", "43:0");
	EXPECT_EQ(plan(), "wait with sw0: path 0 is gone but in use\n");
	world_.unit->status.state = UnitState::VERIFY;
	world_.unit->status.phase = Phase::PROVE;
	EXPECT_EQ(plan(), "reload sw0: 131072 sectors, direct -, served 43:0 (8:0 is gone)\n");
}

TEST_F(Builder, AReturningDeviceUnderAnotherNameTakesItsOldPlace)
{
	direct(32);
	served();
	loaded("8:0", "43:0");
	world_.unit->status.active = 1;
	EXPECT_EQ(plan(), "reload sw0: 131072 sectors, direct 8:32, served 43:0 (sdc is proved)\n");
}

TEST_F(Builder, NeverReloadsWhileAFlushHangsOnAPathThatWasLeft)
{
	direct(32);
	served();
	loaded("8:0", "43:0");
	world_.unit->status.active = 1;
	world_.unit->status.paths[0].inflight = 1;
	world_.unit->status.paths[1].inflight = 3;
	EXPECT_EQ(plan(),
		  "wait with sw0: sdc is proved; waits until nothing can hang in a reload\n");
	world_.unit->status.paths[0].inflight = 0;
	EXPECT_EQ(plan(), "reload sw0: 131072 sectors, direct 8:32, served 43:0 (sdc is proved)\n");
}

TEST_F(Builder, NeverReloadsWhileAPathHangs)
{
	direct();
	served();
	loaded("8:0", "");
	world_.unit->status.oldest_ms = 501;
	EXPECT_EQ(plan(),
		  "wait with sw0: nbd0 is proved; waits until nothing can hang in a reload\n");
	world_.unit->status.oldest_ms = 0;
	world_.unit->status.state = UnitState::VERIFY;
	world_.unit->status.phase = Phase::DRAIN;
	EXPECT_EQ(plan(),
		  "wait with sw0: nbd0 is proved; waits until nothing can hang in a reload\n");
	world_.unit->status.phase = Phase::PROVE;
	world_.unit->status.paths[0].inflight = 1;
	EXPECT_EQ(plan(),
		  "wait with sw0: nbd0 is proved; waits until nothing can hang in a reload\n");
	world_.unit->status.paths[0].inflight = 0;
	EXPECT_EQ(plan(), "reload sw0: 131072 sectors, direct 8:0, served 43:0 (nbd0 is proved)\n");
}

TEST_F(Builder, ADeviceWhosePlaceHasChangedStaysInTheTable)
{
	// It is not proved in its new place yet, but it may be what carries I/O.
	loaded("8:0", "43:0");
	std::swap(config_.paths[0], config_.paths[1]);
	direct(0, false);
	served(0, false).served_slot = 0;
	EXPECT_EQ(plan(),
		  "reload sw0: 131072 sectors, served 43:0, direct 8:0 (nbd0 is path 0 now; "
		  "sda is path 1 now; path 0 is served now; path 1 is direct now)\n");
}

TEST_F(Builder, AllPathsGoneStaysAsItIs)
{
	loaded("8:0", "43:0");
	world_.unit->status.active = 1;
	world_.unit->status.paths[1].inflight = 1;
	EXPECT_EQ(plan(), "attach path 1 of sw0 (beta)\n"
			  "reload sw0: 131072 sectors, direct -, served 43:0 (8:0 is gone)\n");
}

TEST_F(Builder, ADeadConnectionIsReplacedByANewOneAndThenClosed)
{
	direct();
	served(0, false).alive = false;
	loaded("8:0", "43:0");
	EXPECT_EQ(plan(), "attach path 1 of sw0 (beta)\n"
			  "reload sw0: 131072 sectors, direct 8:0, served - (43:0 is gone)\n");
	loaded("8:0", "");
	EXPECT_EQ(plan(), "detach 43:0 (nbd0)\n"
			  "attach path 1 of sw0 (beta)\n");
	served(1);
	EXPECT_EQ(plan(), "detach 43:0 (nbd0)\n"
			  "reload sw0: 131072 sectors, direct 8:0, served 43:1 (nbd1 is proved)\n");
}

TEST_F(Builder, TwoDirectPathsAreToldApartByTheirMatch)
{
	config_.paths[1].kind = PathKind::DIRECT;
	config_.paths[0].hctl = "1:*";
	config_.paths[1].hctl = "0:*";
	direct(0);
	direct(16);
	EXPECT_EQ(plan(), "create sw0: 131072 sectors, direct 8:16, direct 8:0 (configured)\n");
}

TEST_F(Builder, DirectPathsThatTakeAnyDeviceTakeOneEach)
{
	config_.paths[1].kind = PathKind::DIRECT;
	direct(0);
	direct(16);
	EXPECT_EQ(plan(), "create sw0: 131072 sectors, direct 8:0, direct 8:16 (configured)\n");
	EXPECT_TRUE(plan_unit(config_, world_).spare.empty());
}

TEST_F(Builder, ADeviceThatNoSlotWantsIsHiddenAndSpare)
{
	direct(0);
	direct(16).marked = false;
	served();
	EXPECT_EQ(plan(), "mark 8:16 as a leg of sw0 (sdb)\n"
			  "create sw0: 131072 sectors, direct 8:0, served 43:0 (configured)\n");
	EXPECT_EQ(plan_unit(config_, world_).spare, std::vector{(DevNumber{8, 16})});
}

TEST_F(Builder, AChangedFeatureIsAReload)
{
	direct();
	served();
	loaded("8:0", "43:0");
	config_.stall = std::chrono::milliseconds(2000);
	EXPECT_EQ(plan(),
		  "reload sw0: 131072 sectors, direct 8:0, served 43:0 (features changed)\n");
}

TEST(BuilderMatch, StarsStandForAnyRun)
{
	EXPECT_TRUE(matches("", "0:0:0:0"));
	EXPECT_TRUE(matches("2:*", "2:0:0:0"));
	EXPECT_TRUE(matches("*:1", "2:0:0:1"));
	EXPECT_TRUE(matches("*scsi*", "pci-0000:00:05.0-scsi-0:0:0:0"));
	EXPECT_TRUE(matches("*", ""));
	EXPECT_FALSE(matches("2:*", "12:0:0:0"));
	EXPECT_FALSE(matches("*:1", "2:0:0:10"));
	EXPECT_FALSE(matches("2:0:0:0", "2:0:0:00"));
}

} // namespace
} // namespace swpath
