// SPDX-License-Identifier: LGPL-2.1-or-later
/// Small things that every parser of text needs: numbers, words, durations, and the nearest of a
/// list of words ("did you mean").
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"

namespace swpath
{

/// A whole text as one decimal number: no sign, no space, nothing left over; nothing if it does
/// not fit T.
template <std::unsigned_integral T>
[[nodiscard]] std::optional<T> parse_number(std::string_view text) noexcept
{
	T value{};
	const auto *end = text.data() + text.size();
	const auto [rest, error] = std::from_chars(text.data(), end, value);
	if (text.empty() || error != std::errc{} || rest != end)
		return std::nullopt;
	return value;
}

/// Reads bytes as pairs of hexadecimal digits of either case; false, and `bytes` undefined, if the
/// text is anything but as many pairs as there are bytes.
[[nodiscard]] bool parse_hex(std::string_view text, std::span<std::byte> bytes) noexcept;

/// The words of a line, separated by any run of spaces, tabs and newlines. The views point into
/// `line`.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view line);

/// Without leading and trailing white space.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

/// Length in bytes of the character at the start of `text`, which is not empty: 0 if there is none
/// that can be shown. Those are all of UTF-8 but control characters (C0, DEL, and C1, which some
/// terminals obey like an escape sequence) and what is no character in XML.
[[nodiscard]] std::size_t printable_length(std::string_view text) noexcept;

/// Others' bytes, for the log: what is not printable ASCII becomes "?".
[[nodiscard]] std::string printable(std::string_view text);

/// Reads "500ms", "5s", "10min", "1h" (a whole number and a unit); nothing for anything else or
/// for more than a year.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text) noexcept;

/// The shortest exact text that parse_duration reads back: "5s", "1500ms", "10min", "1h".
/// Precision is milliseconds; what is below is cut off.
[[nodiscard]] std::string duration_text(Duration duration);

/// The one of `known` that `word` was most likely meant to be: the least edit distance (insert,
/// delete, replace, swap of neighbours), at most a third of its length and never more than 3.
/// Empty if none is near.
[[nodiscard]] std::string_view nearest_word(std::string_view word,
					    std::span<const std::string_view> known);

} // namespace swpath
