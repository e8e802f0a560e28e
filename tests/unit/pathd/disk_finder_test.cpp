// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/disk_finder.h"

#include <array>

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

TEST(DiskFinder, WhatItWritesIsAConfiguration)
{
	const std::string cluster =
		"[cluster]\nname = \"alpha\"\nkey_file = \"/k\"\nlisten = \"10.0.0.1\"\n"
		"serve = \"10.0.0.1\"\n"
		"[[cluster.peer]]\nname = \"beta\"\naddress = \"10.0.0.2\"\n";
	const auto first = found_text({{"sw0", "naa.6001405000000001"}}, true, true);
	const auto more = found_text({{"sw1", "naa.6001405000000002"}}, true, false);
	const std::array files{ConfigFile{"a.toml", cluster},
			       ConfigFile{"found.toml", first + more}};
	const auto config = parse_config(files);
	ASSERT_TRUE(config) << config.error().front().message();
	ASSERT_EQ(config->units.size(), 2U);
	const auto &unit = *config->unit("sw1");
	EXPECT_EQ(unit.wwid, "naa.6001405000000002");
	EXPECT_TRUE(unit.serve);
	ASSERT_EQ(unit.paths.size(), 2U);
	EXPECT_EQ(unit.paths[1].peer, "beta");
	EXPECT_FALSE(parse_config(std::array{ConfigFile{
					  "f.toml", found_text({{"sw0", "naa.6001405000000001"}},
							       false, true)}})
			     ->unit("sw0")
			     ->serve);
}

} // namespace
} // namespace swpath
