// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/unit_name.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

const UnitName units[] = {
	{"sw0", "naa.60014051234567890abcdef012345678", DevNumber{253, 0}},
	{"sw1", "t10.LIO-ORG disk 1", DevNumber{253, 3}},
	{"sw12", "", DevNumber{253, 12}},
};

TEST(UnitNames, AreSwAndANumber)
{
	for (const char *name : {"sw0", "sw9", "sw12", "sw999999"})
		EXPECT_TRUE(is_unit_name(name)) << name;
	for (const char *name :
	     {"", "sw", "sw01", "sw1234567", "sw1a", "SW1", "xsw1", "sw-1", "sw1 "})
		EXPECT_FALSE(is_unit_name(name)) << name;
}

TEST(FindUnit, KnowsEveryWayOfNamingOne)
{
	for (const char *query :
	     {"sw0", "/dev/sw0", "/dev/mapper/sw0", "dm-0", "/dev/dm-0", "253:0",
	      "naa.60014051234567890abcdef012345678", "naa.60014051234567890ABCDEF012345678",
	      "SW-naa.60014051234567890abcdef012345678",
	      "/dev/disk/by-id/dm-uuid-SW-naa.60014051234567890abcdef012345678"}) {
		const auto found = find_unit(units, query);
		ASSERT_TRUE(found) << query;
		EXPECT_EQ(*found, 0U) << query;
	}
	EXPECT_EQ(find_unit(units, "t10.LIO-ORG disk 1"), 1U);
	EXPECT_EQ(find_unit(units, "dm-12"), 2U);
}

TEST(FindUnit, DoesNotGuess)
{
	for (const char *query : {"", "sw", "sw2", "sw00", "/dev/sda", "253:1", "dm-1", "dm-",
				  "naa.", "/dev/", "T10.lio-org disk 1", "t10.LIO-ORG  disk 1"}) {
		const auto found = find_unit(units, query);
		ASSERT_FALSE(found) << query;
		EXPECT_EQ(found.error().code, std::errc::no_such_device);
	}
	EXPECT_NE(find_unit(units, "sw2").error().context.find("sw0, sw1, sw12"),
		  std::string::npos);
	EXPECT_NE(find_unit({}, "sw2").error().context.find("there are none"), std::string::npos);
}

TEST(FindUnit, SaysWhenSeveralAreMeant)
{
	// One that has no device yet is not the first one of device-mapper.
	const UnitName waiting[] = {{"sw0", "naa.6001", {}},
				    {"sw1", "naa.6002", DevNumber{253, 0}}};
	EXPECT_EQ(find_unit(waiting, "/dev/dm-0"), 1U);
	EXPECT_FALSE(find_unit(std::span(waiting).first(1), "dm-0"));
	EXPECT_FALSE(find_unit(std::span(waiting).first(1), "0:0"));
	const UnitName twins[] = {{"sw0", "naa.6001", DevNumber{253, 0}},
				  {"sw1", "naa.6001", DevNumber{253, 1}}};
	EXPECT_EQ(find_unit(twins, "naa.6001").error().code.value(), ENOTUNIQ);
	EXPECT_EQ(find_unit(twins, "sw1"), 1U);
}

} // namespace
} // namespace swpath
