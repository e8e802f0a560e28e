// SPDX-License-Identifier: LGPL-2.1-or-later
/// Somebody who has a block device open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "libpath/base/dev_number.h"

namespace swpath
{

/// One user of one device. Of a process that has the device or its partitions open several times
/// there is one, for writing if one of them is.
struct DeviceUse {
	DevNumber device;          ///< the whole disk
	std::string name;          ///< what is used: "sda", or its partition "sda1"
	pid_t pid = 0;             ///< 0: the kernel itself
	std::uint64_t started = 0; ///< of the process, in clock ticks since boot: a pid comes again
	std::string command;       ///< "sleep"; "dm-3 (vg0-root)", "md0", "mount at /mnt", "swap"
	bool write = false;

	auto operator<=>(const DeviceUse &) const = default;
};

/// What one look found.
struct DeviceUses {
	std::vector<DeviceUse> uses; ///< sorted
	/// Every process was looked at. False: who is not listed may still be there.
	bool complete = true;
	std::size_t descriptors = 0; ///< that were looked at
};

} // namespace swpath
