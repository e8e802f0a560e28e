// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the kernel knows of a disk without asking it: nothing here waits for a disk.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "libpath/base/dev_number.h"
#include "libpath/base/result.h"
#include "libpath/sys/udev.h"
#include "libpath/unit/identity.h"

namespace swpath
{

/// The VPD pages 0x83 and 0x80 as the kernel read them when it found the SCSI disk `sysname`
/// ("sda"), or was told to look again: a hint, and no proof of what is there now.
/// Errors: ENOENT no such disk, or it has no such page; EBADMSG of parse_vpd83().
[[nodiscard]] Result<Identity> known_identity(std::string_view sysname,
					      const std::string &sys = "/sys");

/// Block devices that file systems or swap lie on.
struct UsedDevices {
	std::set<DevNumber> numbers;
	/// Of those whose file system has a number of its own (btrfs): "/dev/sda1".
	std::set<std::string> nodes;
};
/// On this host, seen out of a sandbox too. Errors: errno of reading `proc`.
[[nodiscard]] Result<UsedDevices> used_devices(const std::string &proc = "/proc");

/// The disk or a partition of it is used, or another block device (LVM, RAID) holds it.
/// An exclusive open of a process is not seen.
[[nodiscard]] bool is_used(const BlockDevice &disk, const UsedDevices &used);

} // namespace swpath
