// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/config/toml_tree.h"

#include <fmt/format.h>

namespace swpath
{

namespace
{

constexpr std::size_t file_bytes_max = 1U << 20;

/// A tree is walked by recursion, and toml++ bounds only values within values, not the parts of a
/// name: "a.a.a = 1" is three tables.
constexpr unsigned name_parts_max = 256;

/// Refuses what toml++ must not see; returns the place of the first such byte.
std::optional<ConfigProblem> check_bytes(const ConfigFile &file)
{
	if (file.text.size() > file_bytes_max)
		return ConfigProblem{{file.path, 1, 1}, "is larger than 1 MiB", ""};
	unsigned line = 1, column = 1, dots = 0;
	for (const char each : file.text) {
		const auto byte = static_cast<unsigned char>(each);
		const bool blank = byte == '\t' || byte == '\n' || byte == '\r';
		if (!blank && (byte < 0x20 || byte >= 0x7f))
			return ConfigProblem{{file.path, line, column},
					     fmt::format("byte {:#04x} is not ASCII text", byte),
					     "write plain ASCII, in comments too"};
		// Dots in strings and comments count, too: that can only refuse too much.
		if (each == '.' && ++dots == name_parts_max)
			return ConfigProblem{
				{file.path, line, column},
				fmt::format("a name has more than {} parts", name_parts_max),
				""};
		if (std::string_view("=,{}[]\n").find(each) != std::string_view::npos)
			dots = 0;
		column++;
		if (each == '\n') {
			line++;
			column = 1;
		}
	}
	return std::nullopt;
}

} // namespace

tl::expected<toml::table, ConfigProblem> parse_toml(const ConfigFile &file)
{
	if (auto problem = check_bytes(file))
		return tl::unexpected(std::move(*problem));
	try {
		return toml::parse(std::string_view(file.text), std::string_view(file.path));
	} catch (const toml::parse_error &error) {
		const auto &at = error.source().begin;
		return tl::unexpected(ConfigProblem{{file.path, static_cast<unsigned>(at.line),
						     static_cast<unsigned>(at.column)},
						    std::string(error.description()),
						    ""});
	} catch (const std::logic_error &) {
		return tl::unexpected(ConfigProblem{{file.path, 1, 1}, "is not TOML", ""});
	}
}

} // namespace swpath
