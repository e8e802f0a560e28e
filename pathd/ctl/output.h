// SPDX-License-Identifier: GPL-2.0-or-later
/// Standard output and standard error of the verbs.
#pragma once

#include <string>
#include <string_view>

#include "libpath/control/report_json.h"
#include "pathd/ctl/command_line.h"

namespace swpath::ctl
{

/// To standard output. False if it cannot be written: who reads it is gone, or, which is said on
/// standard error, it has no room or is none.
[[nodiscard]] bool print(std::string_view text);
void print_error(std::string_view text);

/// Writes a new file beside `path` and renames it over it: whoever looks sees the old text or the
/// new one. A symbolic link is followed, also to a file that is not there yet; rights are those of
/// the old file, or 0666 less the umask. Errors: errno, with the path; ELOOP links without an end;
/// EINVAL what is there is no regular file.
[[nodiscard]] Result<void> write_whole(const std::string &path, std::string_view text);

/// Indented, with a newline at the end.
[[nodiscard]] std::string json_text(const Json &json);

/// Tells about a refusal on standard error, as text or as
/// {"error":…,"status":…,"message":…,"hint":…}, and returns its exit status.
int failed(const CommandLine &line, const Refusal &refusal);

} // namespace swpath::ctl
