// SPDX-License-Identifier: LGPL-2.1-or-later
/// Block devices of this host: what there is, and what comes and goes. A hint for building units,
/// never a detector of failures: nothing here is on the way of a switch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/dev_number.h"
#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/base/words.h"

struct udev;
struct udev_monitor;
extern "C" {
struct udev *udev_unref(struct udev *);
struct udev_monitor *udev_monitor_unref(struct udev_monitor *);
}

namespace swpath
{

#define SWPATH_TRANSPORTS(X)                                                                       \
	X(Other, "other")                                                                          \
	X(Scsi, "scsi")                                                                            \
	X(Nbd, "nbd")                                                                              \
	X(Dm, "dm")                                                                                \
	X(Loop, "loop")                                                                            \
	X(Nvme, "nvme")
SWPATH_WORDS(Transport, SWPATH_TRANSPORTS)

/// A whole disk (never a partition). Everything is as sysfs said it at that moment; a field that
/// the device does not have is empty.
struct BlockDevice {
	std::string devnode; ///< "/dev/sda"
	std::string sysname; ///< "sda"
	std::string syspath; ///< "/sys/devices/…/block/sda"
	DevNumber number;
	Transport transport = Transport::Other;
	std::string wwid;   ///< sysfs wwid of the SCSI or NVMe device
	std::string hctl;   ///< "2:0:0:0" (SCSI)
	std::string vendor; ///< without blanks around it (SCSI)
	std::string model;  ///< without blanks around it (SCSI)
	std::string
		by_path; ///< udev's ID_PATH ("pci-0000:00:05.0-scsi-0:0:0:0"); needs udevd's rules
	std::string state;       ///< SCSI "running", "offline", "transport-offline", …
	std::string nbd_backend; ///< what NBD_ATTR_BACKEND_IDENTIFIER said
	std::string dm_name;
	std::string dm_uuid;
	std::uint64_t size_bytes = 0;
	bool read_only = false;
	std::vector<std::string> holders; ///< "dm-0"
};

#define SWPATH_BLOCK_ACTIONS(X)                                                                    \
	X(Add, "add")                                                                              \
	X(Change, "change")                                                                        \
	X(Remove, "remove")
SWPATH_WORDS(BlockAction, SWPATH_BLOCK_ACTIONS)

struct BlockEvent {
	BlockAction action = BlockAction::Change;
	BlockDevice device;    ///< after Remove only names and number are filled in
	std::string sw_action; ///< SW_ACTION of a unit's uevent, else empty
};

/// Events of whole disks, after udev's rules have run (names and links exist).
class UdevMonitor
{
public:
	/// Errors: ENOSYS or EPERM no netlink; else errno. Does not block.
	[[nodiscard]] static Result<UdevMonitor> open();

	/// Readable when receive() has something. Owned by this object.
	[[nodiscard]] int fd() const noexcept;
	/// The next event, nothing if there is none (or one of no interest was read). Reads sysfs,
	/// which does not wait for a disk. Errors: ENOBUFS events were lost: enumerate again.
	[[nodiscard]] Result<std::optional<BlockEvent>> receive();

private:
	using Handle = UniquePtr<udev, &udev_unref>;
	using MonitorHandle = UniquePtr<udev_monitor, &udev_monitor_unref>;
	UdevMonitor(Handle udev, MonitorHandle monitor) noexcept
		: udev_(std::move(udev)), monitor_(std::move(monitor))
	{
	}
	Handle udev_;
	MonitorHandle monitor_;
};

/// Events of any device since the host booted, those that udev's rules have yet to see too.
/// Nothing: the kernel does not tell.
[[nodiscard]] std::optional<std::uint64_t> device_event_count(const std::string &sys = "/sys");

/// All whole disks, sorted by number. Reads sysfs and udev's database, touches no disk.
[[nodiscard]] Result<std::vector<BlockDevice>> enumerate_block_devices();

/// One device by name ("sda") or node ("/dev/sda", links are followed) or "8:0".
/// Errors: ENODEV there is none, or it is not a whole disk.
[[nodiscard]] Result<BlockDevice> find_block_device(std::string_view name);

/// Asks the kernel for a synthetic "change" event of a disk and of each of its partitions, so that
/// udev's rules run again: what makes a mark (leg_mark.h) take effect, or its end. A partition gets
/// none by itself when its disk does. Errors: ENODEV no such device; EACCES not root.
[[nodiscard]] Result<void> trigger_change(DevNumber number, const std::string &sys = "/sys");

} // namespace swpath
