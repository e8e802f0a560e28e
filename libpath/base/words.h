// SPDX-License-Identifier: LGPL-2.1-or-later
/// One way between an enum and its words, for enums made from the X-macros of dm-target/sw-uapi.h
/// and for our own.
///
/// The enumerators keep the capitals of the X-macro: a preprocessor cannot re-case them, and a
/// second list by hand is what the X-macros exist to avoid.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace swpath
{

/// Specialised by SWPATH_WORDS for each enum: `all` holds the words in the order of the enum,
/// which must count up from 0 without gaps.
template <class E>
struct Words;

#define SWPATH_WORDS_ENUMERATOR(name, word) name,
#define SWPATH_WORDS_TEXT(name, word) word,

/// Declares `enum class Type` and its words from an X-macro of (ENUMERATOR, "word") pairs.
/// Use at namespace swpath.
#define SWPATH_WORDS(Type, LIST)                                                                   \
	enum class Type : unsigned char { LIST(SWPATH_WORDS_ENUMERATOR) };                         \
	template <>                                                                                \
	struct Words<Type> {                                                                       \
		static constexpr auto all =                                                        \
			std::to_array<std::string_view>({LIST(SWPATH_WORDS_TEXT)});                \
	};

/// The word of a value; "?" for a value that is none of the enum's.
template <class E>
[[nodiscard]] constexpr std::string_view word(E value) noexcept
{
	const auto index = static_cast<std::size_t>(value);
	return index < Words<E>::all.size() ? Words<E>::all[index] : std::string_view("?");
}

/// The value of a word, compared exactly; nothing if no value has that word.
template <class E>
[[nodiscard]] constexpr std::optional<E> from_word(std::string_view text) noexcept
{
	for (std::size_t index = 0; index < Words<E>::all.size(); index++)
		if (Words<E>::all[index] == text)
			return static_cast<E>(index);
	return std::nullopt;
}

/// All words, separated by ", ", for messages that say what would have been right.
template <class E>
[[nodiscard]] std::string words_listed()
{
	std::string text;
	for (const auto &each : Words<E>::all) {
		if (!text.empty())
			text += ", ";
		text += each;
	}
	return text;
}

} // namespace swpath
