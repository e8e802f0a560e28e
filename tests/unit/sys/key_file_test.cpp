// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/key_file.h"

#include <cerrno>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr auto hex_a = "00112233445566778899aAbBcCdDeEfF";
constexpr auto hex_b = "ffeeddccbbaa99887766554433221100";

TEST(KeyFile, HasTheKeysInTheirOrder)
{
	const auto file = KeyFile::parse(
		fmt::format("# made by psktool\n\n a:b:{} \nother:{}\n", hex_a, hex_b), "keys");
	ASSERT_TRUE(file) << file.error().message();
	ASSERT_EQ(file->keys().size(), 2U);
	EXPECT_EQ(file->keys()[0].user, "a:b");
	EXPECT_THAT(file->keys()[0].key,
		    ElementsAre(0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
				0xbb, 0xcc, 0xdd, 0xee, 0xff));
	EXPECT_EQ(file->of_user("other"), &file->keys()[1]);
	EXPECT_EQ(file->of_user("a"), nullptr);
}

TEST(KeyFile, AHostIsKnownByAnyOfItsKeysAndUsesTheFirst)
{
	const auto file = KeyFile::parse(
		fmt::format("alphabet:{0}\nalpha#2:{0}\nalpha:{1}\n", hex_a, hex_b), "keys");
	ASSERT_TRUE(file);
	EXPECT_EQ(file->of_host("alpha"), &file->keys()[1]);
	EXPECT_EQ(file->of_user("alpha"), &file->keys()[2]);
	EXPECT_EQ(host_of_user("alpha#2"), "alpha");
	EXPECT_EQ(host_of_user("alpha"), "alpha");
	EXPECT_EQ(file->of_host("beta"), nullptr);
}

TEST(KeyFile, WhatIsNoKeyIsNamedByItsLineAndNotRepeated)
{
	for (const std::string text :
	     {"\nswpath", "\n:00", "\nswpath:", "\nswpath:0", "\nswpath:0g", "\nswpath:00 11"}) {
		const auto file = KeyFile::parse(text, "/etc/keys");
		ASSERT_FALSE(file) << text;
		EXPECT_EQ(file.error().code.value(), EINVAL);
		EXPECT_THAT(file.error().context, HasSubstr("key file '/etc/keys', line 2: not"));
		EXPECT_THAT(file.error().context, HasSubstr("psktool -u HOST -p /etc/keys"));
		EXPECT_THAT(file.error().context, Not(HasSubstr("swpath"))) << "no secrets";
	}
	EXPECT_EQ(KeyFile::parse("# nothing\n", "keys").error().code.value(), ENOKEY);
}

TEST(KeyFile, AShortKeyOfAnyHostIsRefused)
{
	const auto file = KeyFile::parse(
		fmt::format("alpha:{}\nbeta:00112233445566778899aabbccddee\n", hex_a), "/etc/keys");
	ASSERT_FALSE(file);
	EXPECT_EQ(file.error().code.value(), EINVAL);
	EXPECT_EQ(
		file.error().context,
		"key file '/etc/keys', line 2: the key of 'beta' has 15 bytes, and needs at least "
		"16; make a new one with psktool -u 'beta' -p /etc/keys");
}

class KeyFileOnDisk : public TemporaryDirectory
{
};

TEST_F(KeyFileOnDisk, IsRefusedIfItIsNotThereOrOpenToOthers)
{
	EXPECT_THAT(KeyFile::read(path("none")).error().message(), HasSubstr(path("none")));
	const auto file = write("keys", fmt::format("alpha:{}\n", hex_a));
	ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
	EXPECT_EQ(KeyFile::read(file).error().code.value(), EACCES);
	ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
	EXPECT_EQ(KeyFile::read(file)->of_host("alpha")->user, "alpha");
}

} // namespace
} // namespace swpath
