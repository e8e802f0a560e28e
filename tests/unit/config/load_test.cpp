// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/config/config_text.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <sys/stat.h>

namespace swpath
{
namespace
{

using testing::HasSubstr;

class LoadConfig : public testing::Test
{
protected:
	LoadConfig()
	{
		std::string name = testing::TempDir() + "swpath-config-XXXXXX";
		directory_ = mkdtemp(name.data());
		std::filesystem::create_directory(drop_ins());
	}
	~LoadConfig() override { std::filesystem::remove_all(directory_); }

	[[nodiscard]] std::string main_file() const { return directory_ + "/swpath.toml"; }
	[[nodiscard]] std::string drop_ins() const { return directory_ + "/conf.d"; }
	[[nodiscard]] ConfigResult load() const { return load_config(main_file(), drop_ins()); }
	static void write(const std::string &path, const std::string &text)
	{
		std::ofstream(path) << text;
	}

	std::string directory_;
};

TEST_F(LoadConfig, NoFileIsAnEmptyConfiguration)
{
	std::filesystem::remove_all(drop_ins());
	const auto config = load();
	ASSERT_TRUE(config) << problems(config);
	EXPECT_TRUE(config->units.empty());
}

TEST_F(LoadConfig, DropInsComeAfterTheMainFileInOrderOfTheirNames)
{
	write(main_file(), "[daemon]\nlog_level = \"error\"\n");
	write(drop_ins() + "/20.toml", "[daemon]\nlog_level = \"debug\"\n");
	write(drop_ins() + "/10.toml", "[daemon]\nlog_level = \"warning\"\n");
	write(drop_ins() + "/90.toml.bak", "nonsense");
	const auto config = load();
	ASSERT_TRUE(config) << problems(config);
	EXPECT_EQ(config->daemon.log_level, LogLevel::Debug);
	EXPECT_EQ(config->origins.at("daemon.log_level").file, drop_ins() + "/20.toml");
}

TEST_F(LoadConfig, OneBadFileRefusesAll)
{
	write(main_file(), minimal_unit);
	write(drop_ins() + "/bad.toml", "[defaults]\nstal = 1\n");
	EXPECT_EQ(problems(load()), drop_ins() +
					    "/bad.toml:2:1: unknown key 'stal' in [defaults] (did "
					    "you mean 'stall'?)\n");
}

TEST_F(LoadConfig, AFileThatCannotBeReadRefusesAll)
{
	write(main_file(), minimal_unit);
	std::filesystem::create_directory(drop_ins() + "/x.toml");
	EXPECT_THAT(problems(load()), HasSubstr("/x.toml: cannot be read: Is a directory"));
}

// pathd reads them in the loop that answers for I/O.
TEST_F(LoadConfig, NothingIsWaitedFor)
{
	write(main_file(), minimal_unit);
	ASSERT_EQ(::mkfifo((drop_ins() + "/x.toml").c_str(), 0600), 0);
	EXPECT_THAT(problems(load()), HasSubstr("/x.toml: cannot be read: no regular file"));
	std::filesystem::remove(drop_ins() + "/x.toml");
	std::filesystem::create_symlink("/dev/zero", drop_ins() + "/x.toml");
	EXPECT_THAT(problems(load()), HasSubstr("/x.toml: cannot be read: no regular file"));
	std::filesystem::remove(drop_ins() + "/x.toml");
	std::filesystem::create_symlink("nowhere", drop_ins() + "/x.toml");
	EXPECT_THAT(problems(load()), HasSubstr("/x.toml: cannot be read: No such file"));
}

} // namespace
} // namespace swpath
