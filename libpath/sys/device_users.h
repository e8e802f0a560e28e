// SPDX-License-Identifier: LGPL-2.1-or-later
/// Who has a block device open now, past everything that would keep them out: the kernel keeps no
/// list, so /proc and /sys are looked through.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <sys/types.h>

#include "libpath/base/dev_number.h"
#include "libpath/base/result.h"
#include "libpath/unit/device_use.h"

namespace swpath
{

/// Descriptors that one scan looks at, at most: some 2 s of one processor.
inline constexpr std::size_t descriptors_max = 500'000;

/// Looks through the descriptors of all processes, the holders of the devices and of their
/// partitions, what is mounted, and swap. Left out are this process, its children, the processes of
/// `known`, and units' own device-mapper devices ("SW-…").
///
/// Reads /proc and /sys only, and follows a descriptor's link only if it leads below /dev: a file
/// of a server that is gone is not touched. It takes some 4 µs for each descriptor, and the kernel
/// can make it wait for a process that is being ended: for a thread of its own. A process that goes
/// away meanwhile is no error, and neither is one that may not be looked at (not complete).
/// Errors: those of opening `proc`.
[[nodiscard]] Result<DeviceUses> device_users(std::span<const DevNumber> devices,
					      std::span<const pid_t> known,
					      std::size_t limit = descriptors_max,
					      const std::string &proc = "/proc",
					      const std::string &sys = "/sys");

} // namespace swpath
