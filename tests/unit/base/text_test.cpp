// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/base/text.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ParseNumber, TakesDigitsOnly)
{
	EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551615"), UINT64_MAX);
	EXPECT_EQ(parse_number<std::uint8_t>("255"), 255);
	EXPECT_FALSE(parse_number<std::uint8_t>("256"));
	for (const char *text : {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "1.0"})
		EXPECT_FALSE(parse_number<std::uint32_t>(text)) << text;
}

TEST(SplitWords, CutsAtAnyRunOfBlanks)
{
	EXPECT_THAT(split_words(" a  bc\td\n"), ElementsAre("a", "bc", "d"));
	EXPECT_THAT(split_words(" \t\n"), IsEmpty());
	EXPECT_THAT(split_words(""), IsEmpty());
}

TEST(Trimmed, KeepsWhatIsInside)
{
	EXPECT_EQ(trimmed("  a b \n"), "a b");
	EXPECT_EQ(trimmed("   "), "");
}

TEST(Durations, AreReadWithTheirUnit)
{
	EXPECT_EQ(parse_duration("500ms"), 500ms);
	EXPECT_EQ(parse_duration("5s"), 5s);
	EXPECT_EQ(parse_duration("10min"), 10min);
	EXPECT_EQ(parse_duration("1h"), 1h);
	EXPECT_EQ(parse_duration("0s"), 0s);
	for (const char *text : {"", "5", "s", "5 s", "-5s", "5m", "5sec", "1.5s", "5S", "9000h",
				 "99999999999999999999s", "18446744073709551615h"})
		EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Durations, AreWrittenShortAndExact)
{
	EXPECT_EQ(duration_text(0s), "0s");
	EXPECT_EQ(duration_text(1500ms), "1500ms");
	EXPECT_EQ(duration_text(90s), "90s");
	EXPECT_EQ(duration_text(3600s), "1h");
	EXPECT_EQ(duration_text(16777215s), "16777215s");
	EXPECT_EQ(duration_text(999us), "0s");
	for (const Duration each : {Duration(1ms), Duration(300s), Duration(7h), Duration(61s)})
		EXPECT_EQ(parse_duration(duration_text(each)), each);
}

TEST(ParseHex, TakesPairsOfDigitsAndNothingElse)
{
	std::array<std::byte, 3> bytes{};
	ASSERT_TRUE(parse_hex("00aFf9", bytes));
	EXPECT_EQ(bytes[0], std::byte{0x00});
	EXPECT_EQ(bytes[1], std::byte{0xaf});
	EXPECT_EQ(bytes[2], std::byte{0xf9});
	for (const std::string_view text :
	     {"", "00aff", "00aff900", "00afg9", "0x00af", "-10000", " 00aff", "00 aff"})
		EXPECT_FALSE(parse_hex(text, bytes)) << text;
	EXPECT_TRUE(parse_hex("", {}));
}

TEST(PrintableLength, IsThatOfACharacterThatCanBeShown)
{
	for (const std::string_view text :
	     {"a", " ", "~", "\xc2\xa0", "\xe2\x86\x92", "\xf0\x9f\x92\xbe"})
		EXPECT_EQ(printable_length(text), text.size()) << text;
	EXPECT_EQ(printable_length("ab"), 1U);
	// Controls, a piece of a character, a long form, a surrogate, beyond Unicode.
	for (const std::string_view text :
	     {"\x1b", "\n", "\t", "\x7f", "\xc2\x9b", "\xc2", "\x82", "\xc0\xaf", "\xe0\x80\xaf",
	      "\xed\xa0\x80", "\xef\xbf\xbf", "\xf4\x90\x80\x80", "\xff"})
		EXPECT_EQ(printable_length(text), 0U);
}

TEST(NearestWord, FindsTypingErrorsAndNothingElse)
{
	constexpr std::string_view known[] = {"stall", "fence", "failback", "mv_timeout"};
	EXPECT_EQ(nearest_word("stal", known), "stall");
	EXPECT_EQ(nearest_word("fnece", known), "fence");
	EXPECT_EQ(nearest_word("mv-timeout", known), "mv_timeout");
	EXPECT_EQ(nearest_word("fallback", known), "failback");
	EXPECT_EQ(nearest_word("colour", known), "");
	EXPECT_EQ(nearest_word("", known), "");
	EXPECT_EQ(nearest_word("stall", {}), "");
}

} // namespace
} // namespace swpath
