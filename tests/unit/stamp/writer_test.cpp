// SPDX-License-Identifier: GPL-2.0-or-later
/// The writer, its log and the checker together, on a file.
#include "tests/stamp/writer.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/stamp/journal.h"
#include "tests/stamp/ledger.h"
#include "tests/stamp/verify.h"

namespace swpath::stamp
{
namespace
{

constexpr std::uint64_t disk_bytes = 1 << 20;

class WriterTest : public testing::Test
{
protected:
	void SetUp() override
	{
		// In the build directory: not every file system of /tmp knows O_DIRECT.
		std::array<char, 32> name{"stamp_test.XXXXXX"};
		ASSERT_NE(::mkdtemp(name.data()), nullptr);
		dir = std::filesystem::absolute(name.data());
		std::ofstream(disk()).close();
		std::filesystem::resize_file(disk(), disk_bytes);
	}
	void TearDown() override { std::filesystem::remove_all(dir); }

	[[nodiscard]] std::string disk() const { return dir / "disk"; }
	[[nodiscard]] std::string log() const { return dir / "log"; }
	[[nodiscard]] WriterOptions options() const
	{
		WriterOptions options;
		options.device = disk();
		options.unit = "sw0";
		options.log = log();
		options.ops = 2000;
		options.read_percent = 20;
		return options;
	}
	[[nodiscard]] VerifyReport verify_disk() const
	{
		const auto content = read_journal(log());
		EXPECT_TRUE(content);
		const auto ledger = Ledger::replay(*content);
		EXPECT_TRUE(ledger);
		auto report = verify(*ledger, disk());
		EXPECT_TRUE(report);
		return *report;
	}
	void overwrite(std::uint64_t offset, const std::string &bytes) const
	{
		std::fstream file(disk(), std::ios::in | std::ios::out | std::ios::binary);
		file.seekp(static_cast<std::streamoff>(offset));
		file << bytes;
		ASSERT_TRUE(file.good());
	}
	[[nodiscard]] std::string content(std::uint64_t offset, std::size_t size) const
	{
		std::string bytes(size, '\0');
		std::ifstream file(disk(), std::ios::binary);
		file.seekg(static_cast<std::streamoff>(offset));
		file.read(bytes.data(), static_cast<std::streamsize>(size));
		return bytes;
	}

	std::filesystem::path dir;
	std::atomic<bool> stop{false};
};

TEST_F(WriterTest, WhatWasWrittenVerifies)
{
	const auto summary = write_stamped(options(), stop);
	ASSERT_TRUE(summary) << summary.error().message();
	EXPECT_EQ(summary->ops, 2000U);
	EXPECT_GT(summary->reads, 0U);
	EXPECT_EQ(summary->errors, 0U);
	EXPECT_EQ(summary->mismatches, 0U);
	const auto report = verify_disk();
	EXPECT_GT(report.blocks, 200U);
	EXPECT_TRUE(report.is_clean()) << report.summary();
}

TEST_F(WriterTest, AnOldImageOfTheDiskShowsLostWrites)
{
	ASSERT_TRUE(write_stamped(options(), stop));
	const std::string old = content(0, disk_bytes);
	ASSERT_TRUE(write_stamped(options(), stop));
	EXPECT_TRUE(verify_disk().is_clean());
	overwrite(0, old);
	const auto report = verify_disk();
	EXPECT_GT(report.lost, 200U);
	EXPECT_EQ(report.ghost + report.misplaced + report.errors, 0U) << report.summary();
}

TEST_F(WriterTest, ABlockInAnothersPlaceAndABadOneAreFound)
{
	ASSERT_TRUE(write_stamped(options(), stop));
	overwrite(8192, content(0, 4096));
	overwrite(16384 + 700, "damage");
	const auto report = verify_disk();
	EXPECT_EQ(report.misplaced, 1U) << report.summary();
	EXPECT_EQ(report.errors, 1U) << report.summary();
	EXPECT_EQ(report.lost + report.ghost, 0U) << report.summary();
	EXPECT_EQ(report.details.size(), 2U);
}

TEST_F(WriterTest, AReadInTheRunFindsADamagedBlock)
{
	ASSERT_TRUE(write_stamped(options(), stop));
	overwrite(0, std::string(disk_bytes, 'x'));
	auto reader = options();
	reader.read_percent = 100;
	const auto summary = write_stamped(reader, stop);
	ASSERT_TRUE(summary);
	EXPECT_GT(summary->mismatches, 1000U);
}

TEST_F(WriterTest, ALogWithATornEndIsGoneOnWith)
{
	ASSERT_TRUE(write_stamped(options(), stop));
	const auto records = read_journal(log())->records.size();
	std::ofstream(log(), std::ios::app | std::ios::binary) << "torn";
	ASSERT_EQ(read_journal(log())->records.size(), records);
	ASSERT_TRUE(write_stamped(options(), stop));
	EXPECT_GT(read_journal(log())->records.size(), records);
	EXPECT_TRUE(verify_disk().is_clean());
}

TEST_F(WriterTest, ALogOfAnotherUnitIsRefused)
{
	ASSERT_TRUE(write_stamped(options(), stop));
	auto other = options();
	other.unit = "sw1";
	EXPECT_FALSE(write_stamped(other, stop));
}

TEST_F(WriterTest, AFileThatIsNoLogIsRefused)
{
	std::ofstream(log()) << std::string(1000, 'x');
	EXPECT_FALSE(read_journal(log()));
	EXPECT_FALSE(write_stamped(options(), stop));
}

TEST_F(WriterTest, StopEndsARunWithoutALimit)
{
	auto endless = options();
	endless.ops.reset();
	stop = true;
	const auto summary = write_stamped(endless, stop);
	ASSERT_TRUE(summary);
	EXPECT_EQ(summary->ops, 0U);
}

TEST_F(WriterTest, AnErrorIsCountedAndItsWriteStaysOpen)
{
	// Writes to the upper half of the disk end in EFBIG.
	rlimit before{};
	ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
	const rlimit half{disk_bytes / 2, before.rlim_max};
	::signal(SIGXFSZ, SIG_IGN);
	ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &half), 0);
	auto some = options();
	some.ops = 200;
	some.read_percent = 0;
	const auto summary = write_stamped(some, stop);
	ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
	ASSERT_TRUE(summary) << summary.error().message();
	EXPECT_GT(summary->errors, 20U);
	EXPECT_LT(summary->errors, 180U);
	EXPECT_EQ(summary->first_error, EFBIG);
	EXPECT_TRUE(verify_disk().is_clean());
}

} // namespace
} // namespace swpath::stamp
