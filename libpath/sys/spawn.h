// SPDX-License-Identifier: LGPL-2.1-or-later
/// A program as the child of a daemon.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "libpath/base/result.h"

namespace swpath
{

/// Starts `arguments`, the program first (sought in PATH if it has no slash), in a session of its
/// own, with `environment` ("NAME=VALUE") added to this process's and with no signal blocked or
/// ignored. Standard input is `in`, or /dev/null for -1; standard output is `out`, or this
/// process's for -1; standard error is this process's.
/// BLOCKS until the program is read from its disk. Errors: those of posix_spawn(3).
[[nodiscard]] Result<pid_t> spawn(const std::vector<std::string> &arguments,
				  const std::vector<std::string> &environment, int in = -1,
				  int out = -1);

} // namespace swpath
