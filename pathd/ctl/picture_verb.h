// SPDX-License-Identifier: GPL-2.0-or-later
/// `pathctl history UNIT --svg FILE`.
#pragma once

#include "pathd/ctl/command_line.h"

namespace swpath::ctl
{

/// Returns the exit status.
int draw_history(const CommandLine &line);

} // namespace swpath::ctl
