// SPDX-License-Identifier: GPL-2.0-or-later
/// The terminal: what it can show, and the live view on it.
#pragma once

#include <functional>
#include <string>

#include "pathd/ctl/command_line.h"
#include "pathd/ctl/style.h"

namespace swpath::ctl
{

/// How to print to descriptor `fd` (1 or 2), by the command line, the environment (NO_COLOR,
/// FORCE_COLOR, TERM, COLUMNS), the locale and the terminal.
[[nodiscard]] Style style_for(const CommandLine &line, int fd);

/// Shows `frame` on the alternate screen every `interval` until q is typed or a signal comes; the
/// terminal is as before afterwards. Without a terminal on standard output each frame is appended
/// to what was printed, until a signal comes or nobody reads. `frame` is given the style of the
/// moment (the window may change its size). False if it could not be written.
bool show_live(const CommandLine &line, std::chrono::milliseconds interval,
	       const std::function<std::string(const Style &)> &frame);

/// Writes all of `text`. False if nobody reads any more.
bool write_all(int fd, std::string_view text);

} // namespace swpath::ctl
