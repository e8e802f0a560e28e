// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/disk_finder.h"

#include <array>

#include <gtest/gtest.h>
#include <poll.h>

#include "libpath/sys/file.h"
#include "tests/unit/sys/temporary_directory.h"

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

/// A host that has no disks of its own, and a peer that serves it some.
class Finding : public TemporaryDirectory
{
protected:
	void SetUp() override
	{
		auto made = Mailbox::create();
		ASSERT_TRUE(made);
		mailbox_ = std::move(*made);
		config_.discover.units = Discovery::All;
	}
	std::unique_ptr<DiskFinder> finder(const std::string &file)
	{
		return std::make_unique<DiskFinder>(path(file), mailbox_, [this] { reloads_++; });
	}
	/// All that the peer serves now.
	void served(const std::vector<DirectoryOffers::Disk> &disks)
	{
		const Member beta{"beta", 1};
		directory_.sync_init({{{"alpha", 1}, ++epoch_}, {self_, beta}, {}});
		for (const auto &message : offer_messages("10.0.0.2", disks))
			directory_.sync_receive(beta, message);
		directory_.sync_activate();
	}
	/// Until what it has begun to write is written, or is not.
	void look(DiskFinder &finder)
	{
		finder.look(config_, &directory_, nullptr, nullptr);
		pollfd watched{mailbox_->fd(), POLLIN, 0};
		ASSERT_EQ(poll(&watched, 1, 30'000), 1);
		mailbox_->run();
	}

	const Member self_{"alpha", 1};
	std::shared_ptr<Mailbox> mailbox_;
	ServerDirectory directory_{self_, ""};
	Config config_;
	int reloads_ = 0;
	std::uint64_t epoch_ = 0;
};

TEST_F(Finding, WhatIsWrittenWhileTheConfigurationIsRefusedTakesNoNameTwice)
{
	const auto finder = this->finder("found.toml");
	served({{"naa.6001405000000001", 0, "sw0"}});
	look(*finder);
	EXPECT_EQ(reloads_, 1);
	// Somebody's mistake in another file: the units are those from before.
	served({{"naa.6001405000000001", 0, "sw0"}, {"naa.6001405000000002", 0, "sw0"}});
	look(*finder);
	const auto text = read_file(path("found.toml"), 4096);
	ASSERT_TRUE(text);
	const auto config = parse_config(std::array{
		ConfigFile{"a.toml", "[cluster]\nname = \"alpha\"\nkey_file = \"/k\"\n"
				     "[[cluster.peer]]\nname = \"beta\"\naddress = \"10.0.0.2\"\n"},
		ConfigFile{"found.toml", *text}});
	ASSERT_TRUE(config) << config.error().front().message() << '\n' << *text;
	EXPECT_EQ(config->units.size(), 2U);
}

} // namespace
} // namespace swpath
