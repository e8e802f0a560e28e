// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

#include <fmt/core.h>

namespace swpath
{
namespace
{

constexpr std::string_view blanks = " \t\n\r\f\v";

/// Largest first, so that the first one that divides a duration gives its shortest text.
struct DurationUnit {
	std::string_view name;
	std::uint64_t ms;
};
constexpr std::array duration_units{
	DurationUnit{"h", 3'600'000},
	DurationUnit{"min", 60'000},
	DurationUnit{"s", 1'000},
	DurationUnit{"ms", 1},
};
constexpr std::uint64_t year_ms = 366ULL * 24 * 3'600'000;

/// Edit distance with swaps of neighbours (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b)
{
	std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
	for (std::size_t j = 0; j <= b.size(); j++)
		above[j] = j;
	for (std::size_t i = 1; i <= a.size(); i++) {
		row[0] = i;
		for (std::size_t j = 1; j <= b.size(); j++) {
			const std::size_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = std::min({above[j] + 1, row[j - 1] + 1, replace});
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = std::min(row[j], before[j - 2] + 1);
		}
		before.swap(above);
		above.swap(row);
	}
	return above[b.size()];
}

} // namespace

bool parse_hex(std::string_view text, std::span<std::byte> bytes) noexcept
{
	if (text.size() != 2 * bytes.size())
		return false;
	for (std::size_t i = 0; i < bytes.size(); i++) {
		unsigned char byte = 0;
		const char *first = text.data() + 2 * i;
		if (const auto [end, error] = std::from_chars(first, first + 2, byte, 16);
		    error != std::errc{} || end != first + 2)
			return false;
		bytes[i] = static_cast<std::byte>(byte);
	}
	return true;
}

std::vector<std::string_view> split_words(std::string_view line)
{
	std::vector<std::string_view> words;
	for (;;) {
		const auto begin = line.find_first_not_of(blanks);
		if (begin == std::string_view::npos)
			return words;
		const auto end = std::min(line.find_first_of(blanks, begin), line.size());
		words.push_back(line.substr(begin, end - begin));
		line.remove_prefix(end);
	}
}

std::string_view trimmed(std::string_view text) noexcept
{
	const auto begin = text.find_first_not_of(blanks);
	if (begin == std::string_view::npos)
		return {};
	return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::size_t printable_length(std::string_view text) noexcept
{
	const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
	const unsigned first = byte(0);
	if (first < 0x80)
		return first >= 0x20 && first != 0x7f ? 1 : 0;
	const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (first < 0xc2 || first > 0xf4 || text.size() < length)
		return 0;
	std::uint32_t code = first & (0x7fU >> length);
	for (std::size_t i = 1; i < length; i++) {
		if ((byte(i) & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (byte(i) & 0x3f);
	}
	constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const bool control = code >= 0x80 && code < 0xa0;
	const bool surrogate = code >= 0xd800 && code <= 0xdfff;
	const bool allowed = code >= least[length] && code <= 0x10ffff && !surrogate && !control &&
			     code != 0xfffe && code != 0xffff;
	return allowed ? length : 0;
}

std::string printable(std::string_view text)
{
	std::string shown(text);
	std::replace_if(
		shown.begin(), shown.end(), [](char each) { return each < ' ' || each > '~'; },
		'?');
	return shown;
}

std::optional<Duration> parse_duration(std::string_view text) noexcept
{
	const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
	const auto number = parse_number<std::uint64_t>(text.substr(0, digits));
	if (!number)
		return std::nullopt;
	for (const auto &unit : duration_units)
		if (text.substr(digits) == unit.name) {
			if (*number > year_ms / unit.ms)
				return std::nullopt;
			return std::chrono::milliseconds(*number * unit.ms);
		}
	return std::nullopt;
}

std::string duration_text(Duration duration)
{
	const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
	if (ms <= 0)
		return "0s";
	for (const auto &unit : duration_units)
		if (static_cast<std::uint64_t>(ms) % unit.ms == 0)
			return fmt::format("{}{}", static_cast<std::uint64_t>(ms) / unit.ms,
					   unit.name);
	return {}; // not reached: every number is a multiple of 1 ms
}

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known)
{
	std::string_view best;
	auto least = std::numeric_limits<std::size_t>::max();
	for (const auto &each : known) {
		const auto limit =
			std::min<std::size_t>(3, (std::max(word.size(), each.size()) + 2) / 3);
		// As many letters at least as one is longer: what a stranger writes may be long.
		const auto [shorter, longer] = std::minmax({word.size(), each.size()});
		if (longer - shorter > limit)
			continue;
		const auto found = distance(word, each);
		if (found <= limit && found < least) {
			least = found;
			best = each;
		}
	}
	return best;
}

} // namespace swpath
