// SPDX-License-Identifier: GPL-2.0-or-later
/// What one seed means: the workload, what goes wrong, and when. Pure, so that a seed can be read
/// without a VM (`swsnap plan SEED`), and the same for each product that is put below the writer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/words.h"

namespace swpath
{

/// (enumerator, word). "The server" serves the disk through its second SCSI host, "direct" is the
/// first one.
#define SW_SNAP_DEEDS(X)                                                                           \
	X(ServerStop, "server-stop")         /* SIGSTOP */                                         \
	X(ServerContinue, "server-continue") /* SIGCONT */                                         \
	X(ServerKill, "server-kill")         /* SIGKILL */                                         \
	X(ServerStart, "server-start")       /* a new one, with the same export */                 \
	X(DirectErrors, "direct-errors")     /* every command ends in a transport error */         \
	X(DirectHangs, "direct-hangs")       /* swallowed commands: gone when they are aborted */  \
	X(DirectKeeps, "direct-keeps")       /* the same, but their writes may land later */       \
	X(GhostsLand, "ghosts-land")         /* now */                                             \
	X(DirectOffline, "direct-offline")   /* through sysfs */                                   \
	X(DirectDelete, "direct-delete")     /* the device vanishes */                             \
	X(DirectHeal, "direct-heal")         /* undoes the five above */                           \
	X(PathdKill, "pathd-kill")                                                                 \
	X(PathdStart, "pathd-start")                                                               \
	X(PathdStop, "pathd-stop")                                                                 \
	X(PathdContinue, "pathd-continue")                                                         \
	X(SwitchDirect, "switch-direct") /* an operator's order */                                 \
	X(SwitchServed, "switch-served")
SWPATH_WORDS(DeedKind, SW_SNAP_DEEDS)

namespace snap
{

struct Deed {
	Duration at{}; ///< since the writer began
	DeedKind kind = DeedKind::ServerStop;
	bool forced = false; ///< a switch: without a flush of the old path
};

struct Workload {
	std::uint64_t block_bytes = 4096;
	std::uint64_t blocks = 64; ///< few, so that each is written again soon after a switch
	unsigned depth = 8;
	unsigned read_percent = 0;
	std::uint64_t fsync_every = 0; ///< writes; 0: never
	bool fua = false;
	unsigned duty_percent = 2; ///< as WriterOptions::duty_percent
};

struct Plan {
	std::uint32_t seed = 0;
	Workload workload;
	bool begins_served = false; ///< which path carries I/O at first
	std::vector<Deed> deeds;    ///< in order of time; each fault has its end in it
	Duration over{};            ///< everything is healed by then

	/// For people: a line for the workload, a line for each deed.
	[[nodiscard]] std::string text() const;
};

/// Any number is a seed.
[[nodiscard]] Plan make_plan(std::uint32_t seed);

} // namespace snap
} // namespace swpath
