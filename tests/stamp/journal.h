// SPDX-License-Identifier: GPL-2.0-or-later
/// The log of a writer: what was given to the disk and what came back, outside of the disk.
///
/// A submit is in the file before the write is given to the kernel, so a log that ends early, with
/// its writer killed, only makes more writes open; it never hides one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"

namespace swpath::stamp
{

/// Head of a log file.
struct JournalHead {
	std::uint64_t run;         ///< random; in every stamp of this log
	std::uint64_t unit;        ///< unit_id()
	std::uint64_t block_bytes; ///< multiple of sector_bytes
	std::uint64_t blocks;      ///< the writer stays below this block
};

enum class Fate : std::uint32_t {
	Submit = 1, ///< about to be given to the kernel
	Ack = 2,    ///< came back without an error
	Error = 3,  ///< came back with `error`: may have happened, may happen yet
};

struct JournalRecord {
	Fate fate;
	std::uint32_t error;   ///< errno, 0 unless Fate::Error
	std::uint64_t time_ns; ///< CLOCK_MONOTONIC
	std::uint64_t block;
	std::uint64_t version;
	std::uint64_t sequence;
};

struct JournalContent {
	JournalHead head;
	std::vector<JournalRecord> records;
};

/// Reads a log. An incomplete last record is left out.
/// Errors: of open and read; EINVAL not a log, or a record that is impossible.
Result<JournalContent> read_journal(const std::string &file);

/// Appends to a log. Not for use by two threads at once.
class Journal
{
public:
	/// create() starts `file` anew, open() goes on with one. Errors: of open and write.
	static Result<Journal> create(const std::string &file, const JournalHead &head);
	static Result<Journal> open(const std::string &file);

	/// In the file (not on its disk) when this returns. Errors: of write.
	Result<void> append(const JournalRecord &record);

private:
	explicit Journal(UniqueFd fd) : fd_(std::move(fd)) {}
	UniqueFd fd_;
};

} // namespace swpath::stamp
