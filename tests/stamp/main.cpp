// SPDX-License-Identifier: GPL-2.0-or-later
/// swstamp: write blocks that say what they are, keep a log of what was acknowledged, and check
/// afterwards, through as many devices as lead to the disk. docs/testing.md has the manual.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <span>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "libpath/base/crc32c.h"
#include "tests/stamp/journal.h"
#include "tests/stamp/ledger.h"
#include "tests/stamp/verify.h"
#include "tests/stamp/writer.h"

namespace
{

using namespace swpath::stamp;

constexpr int exit_good = 0;
constexpr int exit_found = 1; ///< I/O errors, or something is wrong with the data
constexpr int exit_cannot = 2;

std::atomic<bool> stop{false};

int complain(const swpath::Error &error)
{
	fmt::print(stderr, "swstamp: {}\n", error.message());
	return exit_cannot;
}

int run_write(const WriterOptions &options, bool allow_errors)
{
	struct sigaction action {
	};
	action.sa_handler = [](int) { stop = true; };
	::sigaction(SIGINT, &action, nullptr);
	::sigaction(SIGTERM, &action, nullptr);

	const auto summary = write_stamped(options, stop);
	if (!summary)
		return complain(summary.error());
	fmt::print("{}\n", summary->to_json());
	const bool good = summary->mismatches == 0 && (summary->errors == 0 || allow_errors);
	return good ? exit_good : exit_found;
}

int run_verify(const std::vector<std::string> &devices, const std::string &log)
{
	const auto content = read_journal(log);
	if (!content)
		return complain(content.error());
	const auto ledger = Ledger::replay(*content);
	if (!ledger)
		return complain(ledger.error());
	int status = exit_good;
	for (const std::string &device : devices) {
		const auto report = verify(*ledger, device);
		if (!report)
			return complain(report.error());
		for (const std::string &detail : report->details)
			fmt::print("{}: {}\n", device, detail);
		fmt::print("{}: {}\n", device, report->summary());
		if (!report->is_clean())
			status = exit_found;
	}
	return status;
}

int run_show(const std::string &log, std::optional<std::uint64_t> block)
{
	const auto content = read_journal(log);
	if (!content)
		return complain(content.error());
	for (const JournalRecord &record : content->records) {
		if (block && record.block != *block)
			continue;
		const char *fate = record.fate == Fate::Submit ? "submit"
				   : record.fate == Fate::Ack  ? "ack"
							       : "error";
		fmt::print("{}.{:09} {} block {} version {} sequence {} errno {}\n",
			   record.time_ns / 1'000'000'000, record.time_ns % 1'000'000'000, fate,
			   record.block, record.version, record.sequence, record.error);
	}
	return exit_good;
}

/// CRC-32C of standard input, as the witness message of the target prints it.
int run_sum()
{
	std::vector<char> data{std::istreambuf_iterator<char>(std::cin),
			       std::istreambuf_iterator<char>()};
	fmt::print("{:08x}\n", swpath::crc32c(std::as_bytes(std::span(data))));
	return exit_good;
}

} // namespace

int main(int argc, char **argv)
{
	CLI::App app{"Write stamped blocks and check them"};
	app.require_subcommand(1);

	WriterOptions options;
	bool allow_errors = false;
	auto *write = app.add_subcommand("write",
					 "Write until a limit or SIGTERM; a JSON line at the end");
	write->add_option("--device", options.device, "Block device or file")->required();
	write->add_option("--unit", options.unit, "Name in the stamps")->required();
	write->add_option("--log", options.log, "Log, not on the device; gone on with if it exists")
		->required();
	write->add_option("--seconds", options.seconds, "Stop after so long");
	write->add_option("--ops", options.ops, "Stop after so many I/Os");
	write->add_option("--depth", options.depth, "I/Os under way at once")
		->check(CLI::Range(1, 1024))
		->capture_default_str();
	write->add_option("--block", options.block_bytes, "Bytes of a block")
		->check(CLI::Range(512, 1 << 20))
		->capture_default_str();
	write->add_option("--span", options.span_bytes,
			  "Bytes of the device to use (all, at most 1 GiB)");
	write->add_option("--seed", options.seed, "Seed of the order")->capture_default_str();
	write->add_option("--fsync-every", options.fsync_every, "Flush after so many writes");
	write->add_option("--reads", options.read_percent, "Percent of reads, judged at once")
		->check(CLI::Range(0, 100));
	write->add_option("--duty", options.duty_percent,
			  "Percent of the time in which I/Os are begun")
		->check(CLI::Range(1, 100))
		->capture_default_str();
	write->add_option("--progress", options.progress_seconds, "A line every so many seconds");
	write->add_flag("--fua", options.fua, "Forced unit access for each write");
	write->add_flag("--allow-errors", allow_errors, "I/O errors alone do not fail the run");

	std::vector<std::string> devices;
	std::string log;
	auto *check = app.add_subcommand("verify", "Check every written block through each device");
	check->add_option("--device", devices, "Block device or file; may be repeated")->required();
	check->add_option("--log", log, "Log of the writer")->required();

	std::optional<std::uint64_t> block;
	auto *show = app.add_subcommand("show", "Print the log");
	show->add_option("--log", log, "Log of the writer")->required();
	show->add_option("--block", block, "Only this block");

	auto *sum = app.add_subcommand("crc32c", "Print the CRC-32C of standard input");

	CLI11_PARSE(app, argc, argv);
	if (*sum)
		return run_sum();
	if (options.block_bytes % 512 != 0) {
		fmt::print(stderr, "swstamp: --block must be a multiple of 512\n");
		return exit_cannot;
	}
	if (*write)
		return run_write(options, allow_errors);
	if (*check)
		return run_verify(devices, log);
	return run_show(log, block);
}
