// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/completion.h"

#include "tests/unit/control/reports.h"

namespace swpath::ctl
{
namespace
{

using Words = std::vector<std::string>;

Words offers(const Words &words)
{
	auto report = swpath::testing::report_of(
		swpath::testing::unit_from(swpath::testing::online_line));
	report.units.push_back(report.units[0]);
	report.units[1].name = "sw1";
	report.units[1].wwid = "naa.2";
	report.units[1].number = DevNumber{253, 9};
	return completions(words, report);
}

TEST(Completion, OffersVerbs)
{
	EXPECT_EQ(offers({"s"}), (Words{"status", "switch"}));
	EXPECT_EQ(offers({"config", ""}), (Words{"check", "diff", "show"}));
	EXPECT_GT(offers({""}).size(), 15u);
	EXPECT_GT(offers({}).size(), 15u);
}

TEST(Completion, OffersUnitsThenPaths)
{
	EXPECT_EQ(offers({"status", ""}), (Words{"sw0", "sw1"}));
	EXPECT_EQ(offers({"switch", "--force", "sw"}), (Words{"sw0", "sw1"}));
	EXPECT_EQ(offers({"switch", "sw0", ""}), (Words{"beta", "sda"}));
	EXPECT_EQ(offers({"switch", "sw0", "b"}), (Words{"beta"}));
	EXPECT_EQ(offers({"switch", "sw9", ""}), Words{});
	EXPECT_EQ(offers({"switch", "sw0", "beta", ""}), Words{});
	EXPECT_EQ(offers({"hold", "sw0", ""}), Words{});
}

TEST(Completion, OffersUnitsAndDisksForAVerbThatTakesEither)
{
	EXPECT_EQ(offers({"explain", ""}), (Words{"nbd0", "sda", "sw0", "sw1"}));
	EXPECT_EQ(offers({"explain", "sw0", ""}), Words{});
	EXPECT_EQ(offers({"exports", ""}), (Words{"sw0", "sw1"}));
}

TEST(Completion, OffersOptionsAndTheirValues)
{
	EXPECT_EQ(offers({"hold", "sw0", "--d"}), (Words{"--dry-run"}));
	EXPECT_EQ(offers({"--color", ""}), (Words{"always", "auto", "never"}));
	EXPECT_EQ(offers({"--timeout", "5", "li"}), (Words{"list"}));
	EXPECT_EQ(offers({"--socket", ""}), Words{});
	EXPECT_EQ(offers({"history", "--s"}), (Words{"--socket", "--svg"}));
	EXPECT_EQ(offers({"history", "--svg", ""}), Words{});
	EXPECT_EQ(offers({"history", "--svg", "x.svg", "sw"}), (Words{"sw0", "sw1"}));
	EXPECT_EQ(offers({"nonsense", ""}), Words{});
}

} // namespace
} // namespace swpath::ctl
