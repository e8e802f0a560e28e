// SPDX-License-Identifier: GPL-2.0-or-later
/// Configurations written in a test.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "libpath/config/config.h"

namespace swpath
{

inline constexpr const char *minimal_unit = R"([unit.sw0]
wwid = "naa.60014051234567890abcdef012345678"
[[unit.sw0.path]]
kind = "direct"
)";

inline ConfigResult parse_text(std::string text)
{
	const ConfigFile files[] = {{"a.toml", std::move(text)}};
	return parse_config(files);
}

/// The configuration, which the test says is right.
inline Config good(std::string text)
{
	auto config = parse_text(std::move(text));
	if (config)
		return *config;
	for (const auto &problem : config.error())
		ADD_FAILURE() << problem.message();
	return {};
}

/// The problems as lines; empty if there are none.
inline std::string problems(const ConfigResult &config)
{
	std::string lines;
	if (!config)
		for (const auto &problem : config.error())
			lines += problem.message() + "\n";
	return lines;
}

inline std::string problems(std::string text)
{
	return problems(parse_text(std::move(text)));
}

/// `text` with the first `from` replaced, which the test says is there.
inline std::string changed(std::string text, const std::string &from, const std::string &to)
{
	const auto at = text.find(from);
	EXPECT_NE(at, std::string::npos) << from;
	return text.replace(at, from.size(), to);
}

} // namespace swpath
