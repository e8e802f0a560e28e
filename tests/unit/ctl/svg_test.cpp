// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/svg.h"

#include <gtest/gtest.h>

#include "tests/unit/ctl/xml.h"

namespace swpath::ctl
{
namespace
{

using swpath::testing::xml_problem;

TEST(Svg, NamesBecomeTextWhateverTheyAre)
{
	EXPECT_EQ(xml_text("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c'");
	EXPECT_EQ(xml_text("beta → gamma"), "beta → gamma");
	EXPECT_EQ(xml_text(std::string_view("a\0b\x1b\x7f", 5)), "a\uFFFDb\uFFFD\uFFFD");
	EXPECT_EQ(xml_text("\xff\xc3("), "\uFFFD\uFFFD(");
	EXPECT_EQ(xml_text("\xc0\x80"), "\uFFFD\uFFFD") << "overlong";
	EXPECT_EQ(xml_text("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
	EXPECT_EQ(xml_text("\xe2\x86"), "\uFFFD\uFFFD") << "cut off";
	EXPECT_EQ(xml_text("\xf0\x9f\x92\xbe"), "\xf0\x9f\x92\xbe");
	EXPECT_EQ(xml_text("\xef\xbf\xbf"), "\uFFFD\uFFFD\uFFFD") << "no character";
}

TEST(Svg, ClippingCountsCharacters)
{
	EXPECT_EQ(clipped("beta", 4), "beta");
	EXPECT_EQ(clipped("gamma", 4), "gam…");
	EXPECT_EQ(clipped("→→→→→", 4), "→→→…");
}

TEST(Svg, ElementsAreWellFormed)
{
	Svg svg;
	svg.rect("a", 0, 1, 2, 3);
	svg.rect("a", 0, 1, 2, 3, "<title>", 4);
	svg.line("a", 0, 1, 2, 3, "\"");
	svg.circle("a", 0, 1, 2);
	svg.text("a", 0, 1, "x < y", Anchor::End, "x & y");
	svg.polyline("a", "0,1 2,3", "late");
	EXPECT_EQ(xml_problem("<svg>" + svg.body() + "</svg>"), "");
	EXPECT_NE(svg.body().find("<title>&lt;title&gt;</title>"), std::string::npos);
}

TEST(Svg, TheCheckFindsWhatIsWrong)
{
	for (const auto *wrong : {"", "<a>", "<a></b>", "<a/><b/>", "<a>&</a>", "<a>&x;</a>",
				  "<a b></a>", "<a b=\"></a>", "<a b=\"<\"/>",
				  "<a b=\"1\" b=\"2\"/>", "x<a/>", "<a>\x01</a>", "</a>", "<a"})
		EXPECT_NE(xml_problem(wrong), "") << wrong;
	EXPECT_EQ(xml_problem("<?xml version=\"1.0\"?>\n<a b=\"&amp;\">x<c/></a>\n"), "");
}

} // namespace
} // namespace swpath::ctl
