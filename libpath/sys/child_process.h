// SPDX-License-Identifier: LGPL-2.1-or-later
/// A program that is started as a child, and held by a descriptor, so that its number cannot come
/// to mean another one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"

namespace swpath
{

struct ChildSetup {
	/// The program first: a path, or a name that is looked for in PATH.
	std::vector<std::string> arguments;
	std::vector<std::string> environment; ///< NAME=VALUE, before this process's own
	int input = -1;                       ///< lent: its standard input; -1: /dev/null
	int output = -1;                      ///< lent: its standard output; -1: this process's
};

struct ChildProcess {
	pid_t pid = -1;
	UniqueFd pidfd; ///< readable when it has ended
};

/// In a session of its own, with no signal blocked or ignored; standard error stays this process's.
/// BLOCKS while the program is read from its file system. Errors: ENOENT there is no such program;
/// EACCES it may not be executed; EAGAIN or ENOMEM no process to be had.
[[nodiscard]] Result<ChildProcess> start_child(const ChildSetup &setup);

/// Errors: ESRCH it has ended, and was waited for.
[[nodiscard]] Result<UniqueFd> open_pidfd(pid_t pid);

/// How a child of this process ended: "ended with status 1", "was killed by signal 9"; nothing: it
/// has not. Waits for nothing; the child is gone when this has told it.
[[nodiscard]] std::optional<std::string> how_it_ended(const ChildProcess &child);

} // namespace swpath
