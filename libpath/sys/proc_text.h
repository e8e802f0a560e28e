// SPDX-License-Identifier: LGPL-2.1-or-later
/// Lines of /proc (proc(5)). Names in them are given by whoever runs the process or mounts: what is
/// not printable ASCII becomes "?". Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "libpath/base/dev_number.h"

namespace swpath
{

/// Of /proc/PID/stat.
struct ProcessStat {
	std::string command; ///< comm: at most 15 bytes of the program's name, or what it chose
	pid_t parent = 0;
	std::uint64_t started = 0; ///< clock ticks since boot
};
/// Nothing: the text is no such line.
[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// A line of /proc/PID/mountinfo.
struct MountLine {
	DevNumber device; ///< 0:N for a file system of several devices, or of none
	std::string at;   ///< with \040 for a blank, as the kernel writes it
	std::string source;
	bool write = false;
};
/// Nothing: the line is none.
[[nodiscard]] std::optional<MountLine> parse_mount_line(std::string_view line);

/// The file or block device of a line of /proc/swaps, with \040 for a blank. Nothing: the line is
/// none, or the heading.
[[nodiscard]] std::optional<std::string> parse_swap_line(std::string_view line);

} // namespace swpath
