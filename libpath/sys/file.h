// SPDX-License-Identifier: LGPL-2.1-or-later
/// Small files: read whole, replaced so that a reader sees the old text or the new one, added to;
/// and the names in a directory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"

namespace swpath
{

/// Errors: EFBIG more than `bytes_max`; else errno, with the path.
[[nodiscard]] Result<std::string> read_file(const std::string &path, std::size_t bytes_max);

/// Writes "PATH.new" and renames it over `path`; creates missing directories. Mode 0644.
/// Not synced to the medium: for files below /run. Errors: errno, with the path.
[[nodiscard]] Result<void> replace_file(const std::string &path, std::string_view text);

/// Adds text to the end of a file that is there. A reader, or a process that finds the file after
/// this one was killed, may see a part of it. Not synced. Errors: errno, with the path.
[[nodiscard]] Result<void> append_file(const std::string &path, std::string_view text);

/// The same as replace_file() for what is to outlive a crash of the host: blocks until text and
/// name are on the medium.
[[nodiscard]] Result<void> replace_file_durably(const std::string &path, std::string_view text);

/// The names in a directory, sorted, without "." and "..". Errors: errno, with the path; one that
/// vanishes while it is read, as those of processes do, is an error too.
[[nodiscard]] Result<std::vector<std::string>> names_in(const std::string &directory);

/// The same; none if it cannot be listed.
[[nodiscard]] std::vector<std::string> names_or_none(const std::string &directory);

} // namespace swpath
