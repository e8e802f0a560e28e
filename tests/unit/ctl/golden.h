// SPDX-License-Identifier: GPL-2.0-or-later
/// Texts against golden files. To accept a new look: SW_UPDATE_GOLDEN=1 in the environment, then
/// read the diff.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "pathd/ctl/style.h"

namespace swpath::testing
{

inline void expect_golden(const std::string &name, const std::string &text)
{
	const auto path = std::string(SW_GOLDEN_DIR) + "/" + name + ".txt";
	if (std::getenv("SW_UPDATE_GOLDEN"))
		std::ofstream(path) << text;
	std::ifstream file(path);
	ASSERT_TRUE(file) << path;
	std::stringstream golden;
	golden << file.rdbuf();
	EXPECT_EQ(text, golden.str()) << "see " << path;
}

inline void expect_fits(const std::string &text, std::size_t width)
{
	std::istringstream lines(text);
	for (std::string line; std::getline(lines, line);) {
		EXPECT_LE(ctl::columns_of(line), width) << line;
		EXPECT_FALSE(line.ends_with(' ')) << "'" << line << "'";
	}
}

} // namespace swpath::testing
