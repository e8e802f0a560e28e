// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/bus_ports.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

constexpr DevNumber sda{8, 0};
constexpr DevNumber sdb{8, 16};

Identity disk_behind(std::vector<std::string> target_ports)
{
	Identity identity;
	identity.wwid = "naa.6001405";
	for (const auto &each : target_ports)
		identity.designators.push_back({Association::TargetPort,
						DesignatorType::ScsiName,
						3,
						{each.begin(), each.end()}});
	return identity;
}

TEST(BusPorts, HostsThatSeeATargetPortDeriveOneName)
{
	auto alpha = disk_behind({"iqn.a,t,0x0001"});
	// What tells the port from others of this target only is no name for the world.
	alpha.designators.push_back(
		{Association::TargetPort, DesignatorType::RelativePort, 1, {0, 0, 0, 1}});
	auto beta = disk_behind({"iqn.a,t,0x0001"});
	beta.designators.push_back({Association::LogicalUnit, DesignatorType::Naa, 1, {0x60}});
	const auto bus = derived_bus(alpha);
	ASSERT_TRUE(bus);
	EXPECT_TRUE(bus->derived());
	EXPECT_EQ(bus, derived_bus(beta));
	EXPECT_NE(bus, derived_bus(disk_behind({"iqn.a,t,0x0002"})));
	EXPECT_EQ(derived_bus(disk_behind({"b", "a"})), derived_bus(disk_behind({"a", "b"})));
	EXPECT_FALSE(derived_bus(Identity{}));
}

TEST(BusPorts, AnAdministratorsNameGoesFirst)
{
	BusPorts ports(
		std::vector<BusConfig>{{"pci-0000:00:05.0-*", {17, 'B'}}, {"host3", {18, 'A'}}});
	ports.leg_seen(sda, "host2", "pci-0000:00:05.0-scsi-0:0:0:0", disk_behind({"a"}));
	ports.leg_seen(sdb, "host3", "", disk_behind({"a"}));
	EXPECT_EQ(ports.ports(),
		  (BusPorts::Ports{{"host2", {{17, 'B'}, true}}, {"host3", {{18, 'A'}, true}}}));
	// A second disk behind the port that no pattern fits changes nothing.
	ports.leg_seen(sdb, "host2", "pci-0000:00:06.0-scsi-0:0:0:0", disk_behind({"a"}));
	EXPECT_EQ(ports.ports(), (BusPorts::Ports{{"host2", {{17, 'B'}, true}}}));
}

TEST(BusPorts, TheOrderInWhichDisksComeDecidesNothing)
{
	BusPorts one(std::vector<BusConfig>{}), other(std::vector<BusConfig>{});
	one.leg_seen(sda, "host2", "", disk_behind({"a"}));
	one.leg_seen(sdb, "host2", "", disk_behind({"b"}));
	other.leg_seen(sda, "host2", "", disk_behind({"b"}));
	other.leg_seen(sdb, "host2", "", disk_behind({"a"}));
	EXPECT_EQ(one.ports(), other.ports());
}

TEST(BusPorts, APortGoesWithItsLastDisk)
{
	BusPorts ports(std::vector<BusConfig>{});
	ports.leg_seen(sda, "host2", "", disk_behind({"a"}));
	ports.leg_seen(sdb, "host2", "", disk_behind({"a"}));
	ports.leg_goes(sda);
	EXPECT_EQ(ports.ports().size(), 1U);
	// Another device has the number now, and its target names no port.
	ports.leg_seen(sdb, "host2", "", Identity{});
	EXPECT_TRUE(ports.ports().empty());
}

TEST(BusPorts, APortIsTheScsiHost)
{
	EXPECT_EQ(port_of("2:0:0:1"), "host2");
	EXPECT_EQ(port_of(""), "");
}

TEST(HostNumber, IsNeverZeroAndComesFromTheMachineId)
{
	EXPECT_EQ(host_number("0123456789abcdef"), host_number("0123456789abcdef"));
	EXPECT_NE(host_number("0123456789abcdef"), host_number("0123456789abcdee"));
	for (int i = 0; i < 100000; i++)
		ASSERT_NE(host_number(std::to_string(i)), 0);
}

} // namespace
} // namespace swpath
