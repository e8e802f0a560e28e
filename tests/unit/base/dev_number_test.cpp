// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/base/dev_number.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace swpath
{
namespace
{

TEST(DevNumber, ReadsWhatItWrites)
{
	for (const DevNumber number : {DevNumber{8, 0}, DevNumber{4095, 1048575}, DevNumber{}}) {
		EXPECT_EQ(DevNumber::parse(number.text()), number);
		EXPECT_EQ(DevNumber::from(number.dev()), number);
	}
	EXPECT_EQ((DevNumber{253, 7}.text()), "253:7");
	EXPECT_EQ((DevNumber{8, 16}.dev()), makedev(8, 16));
}

TEST(DevNumber, RefusesEverythingElse)
{
	for (const char *text : {"", ":", "8", "8:", ":0", "8:0:1", "8:0 ", " 8:0", "-8:0", "8:-1",
				 "a:b", "0x8:0", "4096:0", "8:1048576", "99999999999:0"})
		EXPECT_FALSE(DevNumber::parse(text)) << text;
}

} // namespace
} // namespace swpath
