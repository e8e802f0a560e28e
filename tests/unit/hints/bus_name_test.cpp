// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/hints/bus_name.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

TEST(BusName, IsWrittenAsItIsRead)
{
	for (const char *text : {"$1$A", "$17$B", "$2147483648$A", "$4294967295$Z"}) {
		const auto name = BusName::parse(text);
		ASSERT_TRUE(name) << text;
		EXPECT_EQ(name->text(), text);
	}
	EXPECT_EQ(BusName::parse("$17$B")->lock_name(), "swbus$17$B");
}

TEST(BusName, IsRefusedWithItsCause)
{
	const std::pair<const char *, const char *> wrong[] = {
		{"", "bus '': a bus is named $CLASS$LETTER, as in $17$B"},
		{"17$B", "bus '17$B': a bus is named $CLASS$LETTER, as in $17$B"},
		{"$17", "bus '$17': a bus is named $CLASS$LETTER, as in $17$B"},
		{"$0$A", "bus '$0$A': the class is a number from 1 to 4294967295"},
		{"$4294967296$A",
		 "bus '$4294967296$A': the class is a number from 1 to 4294967295"},
		{"$-1$A", "bus '$-1$A': the class is a number from 1 to 4294967295"},
		{"$1$a", "bus '$1$a': the port is one letter from A to Z"},
		{"$1$AB", "bus '$1$AB': the port is one letter from A to Z"},
		{"$1$", "bus '$1$': the port is one letter from A to Z"},
		{"$017$B", "bus '$017$B': is written $17$B"},
	};
	for (const auto &[text, why] : wrong) {
		const auto name = BusName::parse(text);
		ASSERT_FALSE(name) << text;
		EXPECT_EQ(name.error().context, why);
		EXPECT_EQ(name.error().code, std::errc::invalid_argument);
	}
}

TEST(BusName, IsDerivedFromTheTargetPortAndFromNothingElse)
{
	const auto one = BusName::derive("scsi.iqn.2003-01.org.example:array,t,0x0001");
	ASSERT_TRUE(one);
	EXPECT_TRUE(one->derived());
	EXPECT_EQ(*one, *BusName::derive("scsi.iqn.2003-01.org.example:array,t,0x0001"));
	EXPECT_NE(*one, *BusName::derive("scsi.iqn.2003-01.org.example:array,t,0x0002"));
	EXPECT_EQ(*BusName::parse(one->text()), *one);
	EXPECT_FALSE(BusName::parse("$2147483647$A")->derived());
	EXPECT_FALSE(BusName::derive(""));
}

} // namespace
} // namespace swpath
