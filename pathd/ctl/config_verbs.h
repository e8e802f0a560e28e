// SPDX-License-Identifier: GPL-2.0-or-later
/// The verbs that read the configuration files themselves: they work without pathd.
#pragma once

#include "pathd/ctl/command_line.h"

namespace swpath::ctl
{

[[nodiscard]] int config_check(const CommandLine &line);
[[nodiscard]] int config_show(const CommandLine &line);

} // namespace swpath::ctl
