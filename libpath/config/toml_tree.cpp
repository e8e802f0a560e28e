// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/config/toml_tree.h"

#include <algorithm>

#include <fmt/core.h>

namespace swpath
{

namespace
{

constexpr std::size_t file_bytes_max = 1U << 20;

/// A tree is walked by recursion, and toml++ bounds only values within values, not the parts of a
/// name: "a.a.a = 1" is three tables.
constexpr unsigned name_parts_max = 256;

/// toml++ looks ahead through a value that begins like a date, and remembers 127 bytes to go back:
/// ten that are no underscore, underscores up to there, a blank and a digit are one too many, and
/// what refuses to go back that far is noexcept.
constexpr unsigned underscores_max = 64;

ConfigProblem problem_at(const ConfigFile &file, std::size_t offset, std::string text,
			 std::string hint)
{
	const auto before = std::string_view(file.text).substr(0, offset);
	const auto line = std::count(before.begin(), before.end(), '\n') + 1;
	// In the first line rfind() gives npos, and npos + 1 is 0.
	const auto column = offset - (before.rfind('\n') + 1) + 1;
	return {{file.path, static_cast<unsigned>(line), static_cast<unsigned>(column)},
		std::move(text),
		std::move(hint)};
}

std::optional<ConfigProblem> check_bytes(const ConfigFile &file)
{
	if (file.text.size() > file_bytes_max)
		return ConfigProblem{{file.path, 1, 1}, "is larger than 1 MiB", ""};
	for (std::size_t at = 0; at < file.text.size(); at++) {
		const auto byte = static_cast<unsigned char>(file.text[at]);
		const bool blank = byte == '\t' || byte == '\n' || byte == '\r';
		if (!blank && (byte < 0x20 || byte >= 0x7f))
			return problem_at(file, at,
					  fmt::format("byte {:#04x} is not ASCII text", byte),
					  "write plain ASCII, in comments too");
	}
	return std::nullopt;
}

/// Where the string or the comment that begins at `at` ends; `at` if neither does. Where it is no
/// TOML the answer does not matter: toml++ goes no further.
std::size_t past_quoted(std::string_view text, std::size_t at)
{
	const char quote = text[at];
	const auto line_end = std::min(text.find('\n', at), text.size());
	if (quote == '#')
		return line_end;
	if (quote != '"' && quote != '\'')
		return at;
	const std::string three(3, quote);
	const bool multi_line = text.substr(at).starts_with(three);
	const auto last = multi_line ? text.size() : line_end;
	for (at += multi_line ? 3 : 1; at < last; at++) {
		if (text[at] == '\\' && quote == '"') {
			at++;
		} else if (!multi_line && text[at] == quote) {
			return at + 1;
		} else if (multi_line && text.substr(at).starts_with(three)) {
			// Up to two more quotes before these three belong to the string.
			const auto end = text.find_first_not_of(quote, at);
			return std::min({end, at + 5, text.size()});
		}
	}
	return last;
}

std::optional<ConfigProblem> check_names(const ConfigFile &file)
{
	const std::string_view text = file.text;
	unsigned dots = 0;
	for (std::size_t at = 0; at < text.size();) {
		if (const auto past = past_quoted(text, at); past != at) {
			at = past;
			continue;
		}
		if (text[at] == '.' && ++dots == name_parts_max)
			return problem_at(
				file, at,
				fmt::format("a name has more than {} parts", name_parts_max), "");
		if (std::string_view("=,{}[]\n").find(text[at]) != std::string_view::npos)
			dots = 0;
		at++;
	}
	return std::nullopt;
}

/// Looks in strings and comments, too: where such a value begins toml++ alone knows.
std::optional<ConfigProblem> check_values(const ConfigFile &file)
{
	unsigned underscores = 0;
	std::optional<std::size_t> digit;
	for (std::size_t at = 0; at < file.text.size(); at++) {
		const char each = file.text[at];
		if (std::string_view(" \t\r\n").find(each) != std::string_view::npos) {
			underscores = 0;
			digit.reset();
		} else if (!digit) {
			if (each >= '0' && each <= '9')
				digit = at;
		} else if (each == '_' && ++underscores > underscores_max) {
			return problem_at(
				file, *digit,
				fmt::format("more than {} underscores follow a digit",
					    underscores_max),
				"write a number without underscores, and a text with fewer");
		}
	}
	return std::nullopt;
}

/// Refuses what toml++ must not see; returns the place of the first such thing.
std::optional<ConfigProblem> check_text(const ConfigFile &file)
{
	if (auto problem = check_bytes(file))
		return problem;
	if (auto problem = check_names(file))
		return problem;
	return check_values(file);
}

} // namespace

tl::expected<toml::table, ConfigProblem> parse_toml(const ConfigFile &file)
{
	if (auto problem = check_text(file))
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
