// SPDX-License-Identifier: LGPL-2.1-or-later
/// What has become of another process.
#pragma once

#include <sys/types.h>

namespace swpath
{

/// True for a process whose first thread is over (a zombie, proc(5)). Of a daemon whose first
/// thread lives as long as it does, it says that the process was killed and runs no code of its own
/// any more, even though a thread that waits in the kernel for a hanging disk may keep its files,
/// locks and sockets open for as long as the disk likes. False if there is no such process. Does
/// not block.
[[nodiscard]] bool process_has_ended(pid_t pid);

} // namespace swpath
