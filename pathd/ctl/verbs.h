// SPDX-License-Identifier: GPL-2.0-or-later
/// Carries out what was typed.
#pragma once

#include "pathd/ctl/command_line.h"

namespace swpath::ctl
{

/// Returns the exit status of pathctl (pathctl(8) lists them).
[[nodiscard]] int run(const CommandLine &line);

} // namespace swpath::ctl
