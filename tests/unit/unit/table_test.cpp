// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/table.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

Table plain_table(PathKind kind, std::string device)
{
	Table table;
	table.sectors = 8;
	table.paths = {{kind, std::move(device)}};
	return table;
}

Table full_table()
{
	return {.sectors = 131072,
		.mv_timeout_s = 3600,
		.stall_ms = 5000,
		.fence = Fence::DRAIN,
		.witness = 8,
		.epoch = 7,
		.hold = true,
		.paths = {{PathKind::DIRECT, "/dev/sda"}, {PathKind::SERVED, ""}}};
}

TEST(BuildTable, WritesOnlyTheFeaturesThatAreGiven)
{
	EXPECT_EQ(build_table(plain_table(PathKind::DIRECT, "8:0")), "0 1 direct 8:0");
	EXPECT_EQ(build_table(full_table()),
		  "11 mv_timeout_s 3600 stall_ms 5000 fence drain witness 8 epoch 7 hold "
		  "2 direct /dev/sda served -");
}

TEST(ParseTable, ReadsWhatWasBuilt)
{
	const auto table = full_table();
	EXPECT_EQ(parse_table(table.sectors, *build_table(table)), table);
	const auto plain = plain_table(PathKind::SERVED, "43:0");
	EXPECT_EQ(parse_table(8, *build_table(plain)), plain);
}

TEST(BuildTable, RefusesWhatTheKernelWouldRefuse)
{
	const auto refused = [](auto change) {
		auto table = full_table();
		change(table);
		const auto built = build_table(table);
		return !built && built.error().code == std::errc::invalid_argument;
	};
	EXPECT_FALSE(refused([](Table &) {}));
	EXPECT_TRUE(refused([](Table &t) { t.sectors = 0; }));
	EXPECT_TRUE(refused([](Table &t) { t.paths.clear(); }));
	EXPECT_TRUE(refused([](Table &t) { t.paths.resize(SW_PATHS_MAX + 1); }));
	EXPECT_TRUE(refused([](Table &t) { t.mv_timeout_s = 0; }));
	EXPECT_TRUE(refused([](Table &t) { t.mv_timeout_s = SW_MV_TIMEOUT_S_MAX + 1; }));
	EXPECT_TRUE(refused([](Table &t) { t.stall_ms = SW_STALL_MS_MIN - 1; }));
	EXPECT_FALSE(refused([](Table &t) { t.stall_ms = 0; }));
	EXPECT_TRUE(refused([](Table &t) { t.witness = SW_WITNESS_MAX + 1; }));
	EXPECT_TRUE(refused([](Table &t) { t.paths[0].device = "/dev/sd a"; }));
	EXPECT_TRUE(refused([](Table &t) { t.paths[0].device = "-"; }));
	EXPECT_TRUE(refused([](Table &t) { t.paths[1].device = t.paths[0].device; }));
	EXPECT_FALSE(refused([](Table &t) { t.paths[0].device.clear(); }));
}

TEST(ParseTable, NamesTheWordThatIsWrong)
{
	const auto error = [](const char *params) {
		const auto table = parse_table(8, params);
		return table ? std::string("accepted") : table.error().context;
	};
	EXPECT_EQ(error(""), "table: ends before number of feature words");
	EXPECT_EQ(error("x"), "table: number of feature words 'x' is not a number up to 32");
	EXPECT_EQ(error("2 fence"), "table: has 1 feature words, says 2");
	EXPECT_EQ(error("2 fence maybe 1 direct 8:0"),
		  "table: fence 'maybe' is none of prove, drain");
	EXPECT_EQ(error("1 fence 1 direct 8:0"), "table: fence '' is none of prove, drain");
	EXPECT_EQ(error("1 colour 1 direct 8:0"), "table: unknown feature 'colour'");
	EXPECT_EQ(error("2 stall_ms x 1 direct 8:0"), "table: stall_ms 'x' is not a number");
	EXPECT_EQ(error("2 hold hold 1 direct 8:0"), "table: feature hold twice");
	EXPECT_EQ(error("4 epoch 1 epoch 2 1 direct 8:0"), "table: feature epoch twice");
	EXPECT_EQ(error("0"), "table: ends before number of paths");
	EXPECT_EQ(error("0 9 direct 8:0"), "table: number of paths '9' is not a number up to 8");
	EXPECT_EQ(error("0 1 direct"), "table: has 1 words for 1 paths, needs 2");
	EXPECT_EQ(error("0 1 direct 8:0 x"), "table: has 3 words for 1 paths, needs 2");
	EXPECT_EQ(error("0 1 sideways 8:0"), "table: kind 'sideways' is none of direct, served");
	EXPECT_EQ(error("0 0"), "table: number of paths 0 is not from 1 to 8");
	EXPECT_EQ(error("0 2 direct 8:0 served 8:0"), "table: device 8:0 twice");
}

} // namespace
} // namespace swpath
