// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/file.h"

#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

class File : public TemporaryDirectory
{
};

TEST_F(File, IsReadAsItWasReplaced)
{
	const auto file = path("a/b/c");
	const auto text = std::string(10'000, 'x') + '\0';
	ASSERT_TRUE(replace_file(file, text));
	EXPECT_EQ(read_file(file, 10'001), text);
	ASSERT_TRUE(replace_file(file, ""));
	EXPECT_EQ(read_file(file, 0), "");
	EXPECT_FALSE(std::filesystem::exists(file + ".new"));
}

TEST_F(File, NamesInADirectoryAreSorted)
{
	write("d/b", "");
	write("d/a", "");
	write("d/c/e", "");
	EXPECT_EQ(names_in(path("d")), (std::vector<std::string>{"a", "b", "c"}));
	const auto missing = names_in(path("e"));
	ASSERT_FALSE(missing);
	EXPECT_EQ(missing.error().code, std::errc::no_such_file_or_directory);
	EXPECT_NE(missing.error().message().find(path("e")), std::string::npos);
}

TEST_F(File, ThatIsToOutliveACrashIsReplacedTheSameWay)
{
	ASSERT_TRUE(replace_file_durably(path("a/b"), "1"));
	ASSERT_TRUE(replace_file_durably(path("a/b"), "2"));
	EXPECT_EQ(read_file(path("a/b"), 1), "2");
}

TEST_F(File, IsAddedToOnlyIfItIsThere)
{
	ASSERT_TRUE(replace_file(path("a"), "1"));
	ASSERT_TRUE(append_file(path("a"), "23"));
	EXPECT_EQ(read_file(path("a"), 3), "123");
	const auto none = append_file(path("none"), "1");
	EXPECT_EQ(none.error().code, std::errc::no_such_file_or_directory);
	EXPECT_EQ(none.error().context, "write " + path("none"));
}

TEST_F(File, LargerThanAllowedIsRefused)
{
	EXPECT_EQ(read_file(write("a", "12345"), 4).error().code, std::errc::file_too_large);
}

TEST_F(File, ThatDoesNotExistIsNamed)
{
	const auto text = read_file(path("none"), 10);
	EXPECT_EQ(text.error().code, std::errc::no_such_file_or_directory);
	EXPECT_EQ(text.error().context, "read " + path("none"));
}

TEST_F(File, CannotReplaceADirectory)
{
	std::filesystem::create_directory(path("d"));
	EXPECT_EQ(replace_file(path("d"), "x").error().code, std::errc::is_a_directory);
}

} // namespace
} // namespace swpath
