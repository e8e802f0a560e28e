// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/udev.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fmt/core.h>
#include <libudev.h>
#include <sys/stat.h>

#include "dm-target/sw-uapi.h"
#include "libpath/base/text.h"
#include "libpath/sys/file.h"
#include "libpath/sys/sysfs.h"
#include "libpath/unit/geometry.h"

namespace swpath
{
namespace
{

using Udev = UniquePtr<udev, &udev_unref>;
using Device = UniquePtr<udev_device, &udev_device_unref>;
using Enumerate = UniquePtr<udev_enumerate, &udev_enumerate_unref>;

/// Room for a storm of events (a whole array comes back), in bytes.
constexpr int receive_buffer_bytes = 4 << 20;

std::string text_of(const char *text)
{
	return text ? std::string(text) : std::string();
}

std::string attribute(udev_device *device, const char *name)
{
	return std::string(trimmed(text_of(udev_device_get_sysattr_value(device, name))));
}

/// Names and number: what is still true of a device that is gone.
BlockDevice names_of(udev_device *device)
{
	BlockDevice block;
	block.devnode = text_of(udev_device_get_devnode(device));
	block.sysname = text_of(udev_device_get_sysname(device));
	block.syspath = text_of(udev_device_get_syspath(device));
	block.number = DevNumber::from(udev_device_get_devnum(device));
	return block;
}

BlockDevice describe(udev_device *device)
{
	auto block = names_of(device);
	const auto sectors = parse_number<std::uint64_t>(attribute(device, "size"));
	block.size_bytes = sectors.value_or(0) * sector_bytes;
	block.read_only = attribute(device, "ro") == "1";
	block.by_path = text_of(udev_device_get_property_value(device, "ID_PATH"));
	block.holders = names_or_none(block.syspath + "/holders");

	const std::string_view name = block.sysname;
	// The parent belongs to its child: it is not to be released.
	auto *scsi = udev_device_get_parent_with_subsystem_devtype(device, "scsi", "scsi_device");
	if (scsi) {
		block.transport = Transport::Scsi;
		block.hctl = text_of(udev_device_get_sysname(scsi));
		block.wwid = attribute(scsi, "wwid");
		block.vendor = attribute(scsi, "vendor");
		block.model = attribute(scsi, "model");
		block.state = attribute(scsi, "state");
	} else if (name.starts_with("nbd")) {
		block.transport = Transport::Nbd;
		block.nbd_backend = attribute(device, "backend");
	} else if (name.starts_with("dm-")) {
		block.transport = Transport::Dm;
		block.dm_name = attribute(device, "dm/name");
		block.dm_uuid = attribute(device, "dm/uuid");
	} else if (name.starts_with("nvme")) {
		block.transport = Transport::Nvme;
		block.wwid = attribute(device, "wwid");
	} else if (name.starts_with("loop")) {
		block.transport = Transport::Loop;
	}
	return block;
}

bool is_disk(udev_device *device)
{
	return text_of(udev_device_get_devtype(device)) == "disk";
}

} // namespace

Result<UdevMonitor> UdevMonitor::open()
{
	Handle context(udev_new());
	if (!context)
		return fail(ENOMEM, "udev");
	MonitorHandle monitor(udev_monitor_new_from_netlink(context.get(), "udev"));
	if (!monitor)
		return fail(errno ? errno : ENOSYS, "monitor udev");
	int error = udev_monitor_filter_add_match_subsystem_devtype(monitor.get(), "block", "disk");
	if (error >= 0)
		error = udev_monitor_enable_receiving(monitor.get());
	if (error < 0)
		return fail(-error, "monitor udev");
	// A smaller buffer only means that ENOBUFS comes earlier; ignoring.
	(void)udev_monitor_set_receive_buffer_size(monitor.get(), receive_buffer_bytes);
	return UdevMonitor(std::move(context), std::move(monitor));
}

int UdevMonitor::fd() const noexcept
{
	return udev_monitor_get_fd(monitor_.get());
}

Result<std::optional<BlockEvent>> UdevMonitor::receive()
{
	errno = 0;
	const Device device(udev_monitor_receive_device(monitor_.get()));
	if (!device) {
		if (errno == ENOBUFS)
			return fail(ENOBUFS, "receive udev events");
		return std::nullopt;
	}
	if (!is_disk(device.get()))
		return std::nullopt;
	BlockEvent event;
	const auto action = text_of(udev_device_get_action(device.get()));
	event.action = from_word<BlockAction>(action).value_or(BlockAction::Change);
	if (event.action == BlockAction::Remove)
		event.device = names_of(device.get());
	else
		event.device = describe(device.get());
	event.sw_action = text_of(udev_device_get_property_value(device.get(), SW_UEVENT_ACTION));
	return event;
}

std::optional<std::uint64_t> device_event_count(const std::string &sys)
{
	const auto count = read_attribute(sys + "/kernel/uevent_seqnum");
	return count ? parse_number<std::uint64_t>(*count) : std::nullopt;
}

Result<std::vector<BlockDevice>> enumerate_block_devices()
{
	const Udev context(udev_new());
	const Enumerate enumerate(context ? udev_enumerate_new(context.get()) : nullptr);
	if (!enumerate)
		return fail(ENOMEM, "list block devices");
	int error = udev_enumerate_add_match_subsystem(enumerate.get(), "block");
	if (error >= 0)
		error = udev_enumerate_scan_devices(enumerate.get());
	if (error < 0)
		return fail(-error, "list block devices");
	std::vector<BlockDevice> devices;
	udev_list_entry *entry;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(enumerate.get()))
	{
		const Device device(udev_device_new_from_syspath(context.get(),
								 udev_list_entry_get_name(entry)));
		if (device && is_disk(device.get())) // else it went away just now
			devices.push_back(describe(device.get()));
	}
	std::sort(devices.begin(), devices.end(),
		  [](const auto &a, const auto &b) { return a.number < b.number; });
	return devices;
}

Result<BlockDevice> find_block_device(std::string_view name)
{
	const auto doing = fmt::format("find block device '{}'", name);
	const Udev context(udev_new());
	if (!context)
		return fail(ENOMEM, doing);
	Device device;
	if (const auto number = DevNumber::parse(name)) {
		device.reset(udev_device_new_from_devnum(context.get(), 'b', number->dev()));
	} else if (name.starts_with('/')) {
		struct stat status {
		};
		if (stat(std::string(name).c_str(), &status) != 0)
			return fail(errno == ENOENT ? ENODEV : errno, doing);
		if (!S_ISBLK(status.st_mode))
			return fail(ENODEV, doing + ": not a block device");
		device.reset(udev_device_new_from_devnum(context.get(), 'b', status.st_rdev));
	} else {
		device.reset(udev_device_new_from_subsystem_sysname(context.get(), "block",
								    std::string(name).c_str()));
	}
	if (!device)
		return fail(ENODEV, doing);
	if (!is_disk(device.get()))
		return fail(ENODEV, doing + ": not a whole disk");
	return describe(device.get());
}

Result<void> trigger_change(DevNumber number, const std::string &sys)
{
	const auto device = fmt::format("{}/dev/block/{}", sys, number.text());
	const auto trigger = [](const std::string &of) {
		return write_attribute(of + "/uevent", word(BlockAction::Change));
	};
	auto done = trigger(device);
	if (!done && done.error().code == std::errc::no_such_file_or_directory)
		return fail(ENODEV, fmt::format("trigger an event of {}", number.text()));
	// udev takes them in this order: a partition's rules ask what the disk's have found.
	for (const auto &name : names_or_none(device))
		if (std::error_code none;
		    std::filesystem::exists(fmt::format("{}/{}/partition", device, name), none))
			(void)trigger(fmt::format("{}/{}", device, name)); // it may be gone by now
	return done;
}

} // namespace swpath
