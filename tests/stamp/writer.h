// SPDX-License-Identifier: GPL-2.0-or-later
/// The verified writer: random blocks, stamped, logged, several under way at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "libpath/base/result.h"

namespace swpath::stamp
{

struct WriterOptions {
	std::string device;
	std::string unit; ///< name in the stamps
	std::string log;  ///< gone on with if it exists
	std::optional<double>
		seconds; ///< wall time; until stopped if neither this nor ops is given
	std::optional<std::uint64_t> ops;
	unsigned depth = 8;               ///< I/Os under way at once, one thread each
	std::uint64_t block_bytes = 4096; ///< multiple of 512
	std::uint64_t span_bytes = 0; ///< from the start of the device; 0: all of it, at most 1 GiB
	std::uint64_t seed = 1;
	std::uint64_t fsync_every = 0; ///< a flush after so many writes; 0: never
	unsigned read_percent = 0;     ///< so many of the I/Os are reads, judged at once
	bool fua = false;              ///< each write with O_DSYNC
	/// Percent of each 100 ms in which I/Os are begun, by all threads: a fault meets as many at
	/// once as ever, and the rest of the time the CPU is free.
	unsigned duty_percent = 100;
	double progress_seconds = 0; ///< a line on stdout so often; 0: none
};

struct WriterSummary {
	std::uint64_t ops = 0;    ///< I/Os that came back, failed ones too; flushes are not counted
	std::uint64_t reads = 0;  ///< of these
	std::uint64_t errors = 0; ///< I/Os and flushes that came back with an error
	int first_error = 0;      ///< errno of the first of them
	std::uint64_t mismatches = 0; ///< reads that showed what they must not
	std::string first_mismatch;
	double longest_ms = 0;
	double p50_ms = 0;
	double p99_ms = 0;
	double gap_ms = 0; ///< longest time without a completion
	double seconds = 0;

	[[nodiscard]] std::string to_json() const; ///< one line
};

/// Blocks until the limit is reached or `stop` becomes true, and the I/Os under way are back.
/// After a failed I/O its thread pauses for 10 ms, so that a dead device does not fill the log.
/// Errors: of opening the device and the log; EINVAL for a log of another unit or block size;
/// of writing the log, in the middle of a run too.
Result<WriterSummary> write_stamped(const WriterOptions &options, const std::atomic<bool> &stop);

} // namespace swpath::stamp
