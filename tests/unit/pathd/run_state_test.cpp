// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/run_state.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/unit/sys/half_dead_process.h"

namespace swpath
{
namespace
{

class RunState : public testing::Test
{
protected:
	RunState()
	{
		std::string name = testing::TempDir() + "run-state-XXXXXX";
		directory_ = ::mkdtemp(name.data());
	}
	~RunState() override { std::filesystem::remove_all(directory_); }
	std::string directory_;
};

TEST_F(RunState, ReadsBackWhatItWrote)
{
	UnitRunState state;
	state.pinned = 1;
	state.by_switch = true;
	state.last_failback = Instant(std::chrono::seconds(1234567));
	state.identity =
		Identity{"naa.6001",
			 "A1",
			 {{Association::LogicalUnit, DesignatorType::Naa, 1, {0x60, 0x01}},
			  {Association::TargetPort, DesignatorType::RelativePort, 1, {0, 1}}}};
	state.grants["beta"] = {7,    "0123", 42,     0x5357000000000001, "4567",
				true, true,   {1, 2}, {1, 2, 3}};
	state.carried = {0xabcd, 0xef01, 2, 1, 4, 8, {0, 0xef01, 0x1234}, 4};
	state.order = {{"direct  ", "peer beta"}, true};
	state.clients = {{{"alpha", 0}, {"gamma", 0x2345}}, 0x2345};
	state.incoherent = {"beta", "gamma:10809/disk"};
	ASSERT_TRUE(save_run_state("sw0", state, directory_));
	const auto loaded = load_run_state("sw0", directory_);
	ASSERT_TRUE(loaded);
	EXPECT_EQ(*loaded, state);
}

// The kernel spells a SCSI name string as the disk has it.
TEST_F(RunState, IsWrittenWhateverADiskCallsItself)
{
	UnitRunState state;
	state.pinned = 1;
	state.identity = Identity{"naa.\xff", "A1", {}};
	ASSERT_TRUE(save_run_state("sw0", state, directory_));
	const auto loaded = load_run_state("sw0", directory_);
	ASSERT_TRUE(loaded);
	EXPECT_EQ(loaded->pinned, 1U);
}

TEST_F(RunState, IsEmptyWithoutAFile)
{
	const auto loaded = load_run_state("sw7", directory_);
	ASSERT_TRUE(loaded);
	EXPECT_EQ(*loaded, UnitRunState{});
}

TEST_F(RunState, OfAPathdThatDidNotKeepWhatPeersAnsweredSaysThatNoneHas)
{
	std::ofstream(directory_ + "/unit-sw0.json")
		<< R"({"carried":{"key":1,"last":0,"copies":2,"places":1}})";
	const auto loaded = load_run_state("sw0", directory_);
	ASSERT_TRUE(loaded);
	EXPECT_EQ(loaded->carried, (CarriedKey::State{1, 0, 2, 1, 0, 0, {}, 0}));
}

TEST_F(RunState, OfAPathdThatKnewOfOneExportAloneSaysThatItIsTheFirst)
{
	std::ofstream(directory_ + "/unit-sw0.json")
		<< R"({"grants":{"beta":{"epoch":7,"boot":"0123","key":6}}})";
	const auto loaded = load_run_state("sw0", directory_);
	ASSERT_TRUE(loaded);
	EXPECT_EQ(loaded->grants.at("beta"),
		  (ExportGrant{7, "0123", 0, 6, "0123", false, false, {6}, {6}}));
}

TEST_F(RunState, IsEmptyIfTheFileIsNonsense)
{
	for (const char *text :
	     {"",
	      "{",
	      "[]",
	      "{\"pinned\":\"one\"}",
	      "{\"identity\":{}}",
	      R"({"carried":{"key":1}})",
	      R"({"carried":{"key":"1","last":0,"copies":0,"places":1}})",
	      R"({"carried":{"key":-1,"last":0,"copies":0,"places":1}})",
	      R"({"carried":{"key":1.5,"last":0,"copies":0,"places":1}})",
	      R"({"carried":{"key":1,"last":0,"copies":4294967296,"places":1}})",
	      R"({"carried":{"key":1,"last":0,"copies":0,"places":1,"peers":-1}})",
	      R"({"carried":{"key":1,"last":0,"copies":0,"places":1,"old":[-1]}})",
	      R"({"carried":{"key":1,"last":0,"copies":0,"places":1,"old":5}})",
	      R"({"carried":{"key":1,"last":0,"copies":0,"places":1,"old":[1,2,3,4,5,6,7,8,9]}})",
	      R"({"carried":{"key":1,"last":0,"copies":0,"places":1,"had":"1"}})",
	      R"({"clients":{"keys":{"a":"b"}}})",
	      R"({"clients":{"keys":{},"copy":true}})",
	      R"({"incoherent":1})",
	      R"({"incoherent":[1]})",
	      R"({"pinned":1e300})",
	      R"({"pinned":-1})",
	      R"({"last_failback_ns":-1})",
	      R"({"last_failback_ns":1e300})",
	      R"({"grants":{"beta":{"epoch":1.5,"boot":"0","key":1}}})",
	      R"({"grants":{"beta":{"epoch":1,"boot":"0","key":1,"doubt_boot":2}}})",
	      R"({"grants":{"beta":{"epoch":1,"boot":"0","key":1,"lost":1}}})",
	      R"({"grants":{"beta":{"epoch":1,"boot":"0","key":1,"nexus":-1}}})",
	      R"({"grants":{"beta":{"epoch":1,"boot":"0","key":1,"keys":[1.5]}}})",
	      R"({"grants":{"beta":{"epoch":1,"boot":"0","key":1,"doubt_keys":7}}})",
	      R"({"identity":{"wwid":"","serial":"","designators":)"
	      R"([{"association":0,"type":3,"code_set":1,"bytes":[256]}]}})"}) {
		std::ofstream(directory_ + "/unit-sw0.json") << text;
		const auto loaded = load_run_state("sw0", directory_);
		ASSERT_TRUE(loaded) << text;
		EXPECT_EQ(*loaded, UnitRunState{}) << text;
	}
}

TEST_F(RunState, FoundHostsKeepTheirOrder)
{
	EXPECT_TRUE(load_found_hosts(directory_).value().empty());
	const std::vector<PeerConfig> hosts{{"gamma", {"10.0.0.3", 10808}, true},
					    {"beta", {"fe80::2", 7}, true}};
	ASSERT_TRUE(save_found_hosts(hosts, directory_));
	EXPECT_EQ(load_found_hosts(directory_).value(), hosts);
	for (const auto *text : {"", "[", "{}", "[1]", R"([{"name":"gamma"}])",
				 R"([{"name":"1","address":"10.0.0.3"}])",
				 R"([{"name":"gamma","address":"gamma"}])"}) {
		std::ofstream(directory_ + "/found-hosts.json") << text;
		const auto loaded = load_found_hosts(directory_);
		ASSERT_TRUE(loaded) << text;
		EXPECT_TRUE(loaded->empty()) << text;
	}
}

TEST_F(RunState, OneProcessHasTheLock)
{
	auto first = lock_run_dir(directory_);
	ASSERT_TRUE(first);
	const auto second = lock_run_dir(directory_);
	ASSERT_FALSE(second);
	EXPECT_EQ(second.error().code, std::errc::operation_would_block);
	EXPECT_NE(second.error().context.find(std::to_string(::getpid())), std::string::npos);
	first->reset();
	EXPECT_TRUE(lock_run_dir(directory_));
}

TEST_F(RunState, AProcessThatWasKilledAndCannotEndHasItNoMore)
{
	// What it returns must live as long as its process.
	const test::HalfDeadProcess killed([&] {
		static auto lock = lock_run_dir(directory_);
		return lock.has_value();
	});
	ASSERT_TRUE(killed.good());
	const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
	bool taken = false;
	while (!taken && std::chrono::steady_clock::now() < deadline)
		taken = lock_run_dir(directory_).has_value();
	EXPECT_TRUE(taken);
}

} // namespace
} // namespace swpath
