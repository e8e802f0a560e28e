// SPDX-License-Identifier: GPL-2.0-or-later
/// A directory that is there for one test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace swpath
{

class TemporaryDirectory : public testing::Test
{
protected:
	TemporaryDirectory()
	{
		std::string name = testing::TempDir() + "swpath-XXXXXX";
		directory_ = mkdtemp(name.data());
	}
	~TemporaryDirectory() override { std::filesystem::remove_all(directory_); }

	[[nodiscard]] std::string path(const std::string &name) const
	{
		return directory_ + "/" + name;
	}

	/// Writes a file and its directories; returns its path.
	std::string write(const std::string &name, const std::string &text) const
	{
		std::filesystem::create_directories(
			std::filesystem::path(path(name)).parent_path());
		std::ofstream(path(name)) << text;
		return path(name);
	}

	[[nodiscard]] static std::string text_of(const std::string &file)
	{
		std::ifstream in(file);
		return {std::istreambuf_iterator<char>(in), {}};
	}

	std::string directory_;
};

} // namespace swpath
