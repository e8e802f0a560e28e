// SPDX-License-Identifier: GPL-2.0-or-later
/// Makes the process one that works while the system's own disk is being switched: nothing of it on
/// disk, nothing of it to be killed for memory.
#pragma once

#include <string>
#include <vector>

#include "libpath/base/result.h"

namespace swpath
{

/// Before any thread starts: one malloc arena that grows without mmap and never shrinks, so that
/// memory once locked stays.
void prepare_memory();

/// Lets the process have 65,536 files open at least, or as many as its hard limit allows: each
/// direct path keeps two. Errors: EPERM the hard limit is lower, and stays.
[[nodiscard]] Result<void> allow_descriptors();

/// Allows as many descriptors as above; locks all memory, now and later; asks the kernel not to
/// write anything out on our behalf when it reclaims memory (PR_SET_IO_FLUSHER); asks the OOM
/// killer to take somebody else. Returns what could not be had, for the log: the daemon runs
/// without it, less safely.
[[nodiscard]] std::vector<std::string> seal_process();

} // namespace swpath
