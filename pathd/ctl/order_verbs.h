// SPDX-License-Identifier: GPL-2.0-or-later
/// The verbs that change something.
#pragma once

#include "pathd/ctl/command_line.h"

namespace swpath::ctl
{

/// An order, through pathd or (--kernel) straight to the kernel; with --dry-run only planned.
[[nodiscard]] int carry_out(const CommandLine &line);

/// `reload`, and `config diff`, which is its dry run.
[[nodiscard]] int reload(const CommandLine &line);

} // namespace swpath::ctl
