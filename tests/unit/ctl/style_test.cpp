// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/style.h"

#include <gtest/gtest.h>

namespace swpath::ctl
{
namespace
{

using namespace std::chrono_literals;

TEST(Style, BytesHaveThreeDigitsAtMost)
{
	EXPECT_EQ(bytes_text(0), "0 B");
	EXPECT_EQ(bytes_text(1023), "1023 B");
	EXPECT_EQ(bytes_text(151552), "148 KiB");
	EXPECT_EQ(bytes_text(64 << 20), "64 MiB");
	EXPECT_EQ(bytes_text(1ULL << 40), "1.0 TiB");
	EXPECT_EQ(bytes_text(~0ULL), "16 EiB");
}

TEST(Style, TimesUseTheUnitThatPeopleUse)
{
	EXPECT_EQ(time_text(0us), "0.00 ms");
	EXPECT_EQ(time_text(612us), "0.61 ms");
	EXPECT_EQ(time_text(4000us), "4 ms");
	EXPECT_EQ(time_text(1080ms), "1.08 s");
	EXPECT_EQ(time_text(9999ms), "9.99 s");
	EXPECT_EQ(time_text(12400ms), "12 s");
	EXPECT_EQ(time_text(60s), "1 min");
	EXPECT_EQ(time_text(200s), "3 min 20 s");
	EXPECT_EQ(time_text(2h + 5min), "2 h 5 min");
	EXPECT_EQ(time_text(76h), "3 d 4 h");
	EXPECT_EQ(age_text(340ms), "340 ms");
	EXPECT_EQ(age_text(8900ms), "8 s");
	EXPECT_EQ(age_text(200s), "3 min 20 s");
}

TEST(Style, ClockShowsTheDayOnlyIfItIsAnother)
{
	Style style;
	const WallTime now = *parse_rfc3339("2026-11-20T23:30:00Z");
	EXPECT_EQ(clock_text(style, now - 1h, now), "22:30:00");
	EXPECT_EQ(clock_text(style, now - 24h, now), "2026-11-19 23:30:00");
	style.utc_offset = [](WallTime) { return std::chrono::seconds(1h); };
	EXPECT_EQ(clock_text(style, now, now), "00:30:00");
	EXPECT_EQ(clock_text(style, now - 1h, now), "2026-11-20 23:30:00");
}

TEST(Style, ATimeIsShownByTheClockOfThatTime)
{
	Style style;
	style.utc_offset = [](WallTime time) {
		const bool summer = time < *parse_rfc3339("2026-10-25T01:00:00Z");
		return std::chrono::seconds(summer ? 2h : 1h);
	};
	const WallTime now = *parse_rfc3339("2026-10-25T12:00:00Z");
	EXPECT_EQ(clock_text(style, now, now), "13:00:00");
	EXPECT_EQ(clock_text(style, now - 12h, now), "02:00:00");
	EXPECT_EQ(clock_text(style, now - 13h - 30min, now), "00:30:00") << "the same day";
}

TEST(Style, WrappingKeepsTogetherWhatBelongsTogether)
{
	Style style;
	style.width = 12;
	EXPECT_EQ(wrapped(style, "", 2, "aaaa bbbb cccc"), "aaaa bbbb\n  cccc\n");
	EXPECT_EQ(wrapped(style, "", 2, "held for 1.08 s"), "held for\n  1.08 s\n");
	EXPECT_EQ(wrapped(style, "", 2, "run `a b c d` now"), "run\n  `a b c d`\n  now\n");
	EXPECT_EQ(wrapped(style, "x: ", 3, "unbreakableword y"), "x: unbreakableword\n   y\n");
	EXPECT_EQ(wrapped(style, "x:", 3, ""), "x:\n");
}

TEST(Style, GridAlignsAndNeverCutsOff)
{
	Grid grid;
	grid.add({{"NAME"}, {"N", Paint::Plain, true}, {"WHAT"}});
	grid.add({{"a-long-name"}, {"1234", Paint::Plain, true}, {"one two three"}});
	Style style;
	style.width = 28;
	EXPECT_EQ(grid.text(style), "NAME            N  WHAT\n"
				    "a-long-name  1234  one two\n"
				    "                   three\n");
	style.width = 10;
	EXPECT_NE(grid.text(style).find("a-long-name  1234"), std::string::npos);
}

TEST(Style, ANoteStandsBelowItsRowOverAllColumns)
{
	Grid grid;
	grid.add({{"NAME"}, {"WHAT"}});
	grid.add({{"sw0"}, {"it"}});
	grid.note("a note that is long");
	grid.add({{"sw1"}, {"it"}});
	Style style;
	style.width = 15;
	EXPECT_EQ(grid.text(style), "NAME  WHAT\n"
				    "sw0   it\n"
				    "    a note that\n"
				    "    is long\n"
				    "sw1   it\n");
}

TEST(Style, TextOfOthersNeitherSteersTheTerminalNorEndsTheLine)
{
	EXPECT_EQ(plain_text("a\tb\x1b[1m\n\x7f"), "a?b?[1m??");
	EXPECT_EQ(plain_text("\xc2\x9bH\xc2\xa0\xc3\xa9"), "??H\xc2\xa0\xc3\xa9");
	EXPECT_EQ(plain_text("\xc2"), "?");
	Style style;
	EXPECT_EQ(wrapped(style, "x: ", 3, "a\nb"), "x: a?b\n");
	EXPECT_EQ(painted(style, Paint::Bold, "a\x1b"), "a?");
	style.color = true;
	EXPECT_EQ(painted(style, Paint::Bold, "a\x1b"), "\x1b[1ma?\x1b[0m");
	Grid grid;
	grid.add({{"a\nb"}, {"c\rd"}});
	grid.note("e\nf");
	EXPECT_EQ(grid.text(Style{}), "a?b  c?d\n    e?f\n");
}

TEST(Style, ColumnsAreCharactersNotBytes)
{
	EXPECT_EQ(columns_of("a→b"), 3u);
	Style unicode;
	unicode.ascii = false;
	EXPECT_EQ(columns_of(arrow(unicode)), 1u);
	EXPECT_EQ(arrow(Style{}), "->");
}

} // namespace
} // namespace swpath::ctl
