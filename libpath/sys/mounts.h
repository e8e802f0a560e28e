// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is mounted on this host.
#pragma once

#include <string>

#include "libpath/base/result.h"

namespace swpath
{

/// Lines as of /proc/PID/mountinfo: those of the first process, for a sandbox takes mounts out of
/// this one's sight (systemd's ProtectHome= those below /home and /root), then this one's own. So
/// most come twice. Where the first process may not be looked at, the own ones are all.
/// Errors: errno of reading `proc`.
[[nodiscard]] Result<std::string> read_mounts(const std::string &proc);

} // namespace swpath
