// SPDX-License-Identifier: GPL-2.0-or-later
/// The key file. Handshake and kernel are met in a VM: tests/vm/cases/serve.sh.
#include <cerrno>

#include <gmock/gmock.h>

#include "libpath/sys/tls_client.h"

namespace swpath
{
namespace
{

TEST(PresharedKey, IsTheFirstOfTheFile)
{
	const auto key = PresharedKey::parse("# made by psktool\n\n a:b:00fFaB12 \nother:11\n");
	ASSERT_TRUE(key) << key.error().message();
	EXPECT_EQ(key->user, "a:b");
	EXPECT_THAT(key->key, testing::ElementsAre(0x00, 0xff, 0xab, 0x12));
}

TEST(PresharedKey, WhatIsNoneIsNamedByItsLine)
{
	for (const char *text :
	     {"\nswpath", "\n:00", "\nswpath:", "\nswpath:0", "\nswpath:0g", "\nswpath:00 11"}) {
		const auto key = PresharedKey::parse(text);
		ASSERT_FALSE(key) << text;
		EXPECT_EQ(key.error().code.value(), EINVAL);
		EXPECT_THAT(key.error().context, testing::HasSubstr("line 2"));
		EXPECT_THAT(key.error().context, testing::Not(testing::HasSubstr("swpath")))
			<< "no secrets";
	}
	EXPECT_EQ(PresharedKey::parse("# nothing\n").error().code.value(), ENOKEY);
}

TEST(PresharedKey, TheFileIsNamedWhenItCannotBeUsed)
{
	EXPECT_THAT(PresharedKey::read("/proc/self/does-not-exist").error().context,
		    testing::HasSubstr("/proc/self/does-not-exist"));
}

} // namespace
} // namespace swpath
