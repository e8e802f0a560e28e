// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/snap/disk.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/sys/sysfs.h"

namespace swpath::snap
{
namespace
{

constexpr std::string_view knobs = "/sys/kernel/debug/sw-testdisk";

/// The only entry of `directory` that begins with `prefix`, as a path; empty if there is none.
std::string entry(const std::string &directory, std::string_view prefix, std::string_view has = "")
{
	std::error_code error;
	for (const auto &each : std::filesystem::directory_iterator(directory, error)) {
		const auto name = each.path().filename().string();
		if (name.starts_with(prefix) && name.find(has) != std::string::npos)
			return each.path().string();
	}
	return {};
}

} // namespace

Result<Disk> Disk::find()
{
	std::vector<unsigned> hosts;
	std::error_code error;
	for (const auto &each : std::filesystem::directory_iterator(knobs, error))
		if (const auto host = parse_number<unsigned>(each.path().filename().string()))
			hosts.push_back(*host);
	if (hosts.size() < 2)
		return fail(ENODEV, fmt::format("two hosts of the test disk in {}", knobs));
	std::sort(hosts.begin(), hosts.end());
	return Disk(std::move(hosts));
}

Result<std::string> Disk::scsi_device(unsigned way) const
{
	const auto host = fmt::format("/sys/class/scsi_host/host{}/device", hosts_[way]);
	const auto target = entry(host, "target");
	const auto device = target.empty() ? target : entry(target, "", ":");
	if (device.empty())
		return fail(ENODEV, fmt::format("device of SCSI host {}", hosts_[way]));
	return device;
}

Result<std::string> Disk::hctl(unsigned way) const
{
	return scsi_device(way).map(
		[](const auto &path) { return std::filesystem::path(path).filename().string(); });
}

Result<std::string> Disk::name(unsigned way) const
{
	const auto scsi = scsi_device(way);
	if (!scsi)
		return tl::unexpected(scsi.error());
	const auto block = entry(*scsi + "/block", "");
	if (block.empty())
		return fail(ENODEV, fmt::format("block device of SCSI host {}", hosts_[way]));
	return std::filesystem::path(block).filename().string();
}

Result<std::string> Disk::device(unsigned way) const
{
	return name(way).map([](const auto &known) { return "/dev/" + known; });
}

Result<std::string> Disk::wwid(unsigned way) const
{
	return scsi_device(way).and_then(
		[](const auto &path) { return read_attribute(path + "/wwid"); });
}

std::string Disk::knob(unsigned way, std::string_view name) const
{
	return fmt::format("{}/{}/{}", knobs, hosts_[way], name);
}

Result<void> Disk::set_mode(unsigned way, DiskMode mode) const
{
	return write_attribute(knob(way, "mode"), std::to_string(static_cast<unsigned>(mode)));
}

Result<void> Disk::end_ghosts(unsigned way, bool land) const
{
	return write_attribute(knob(way, "ghosts"), land ? "1" : "0");
}

Result<std::uint64_t> Disk::writes(unsigned way) const
{
	return read_attribute(knob(way, "writes")).map([](const auto &text) {
		return parse_number<std::uint64_t>(text).value_or(0);
	});
}

Result<void> Disk::offline(unsigned way) const
{
	return scsi_device(way).and_then(
		[](const auto &path) { return write_attribute(path + "/state", "offline"); });
}

Result<void> Disk::remove(unsigned way) const
{
	return scsi_device(way).and_then(
		[](const auto &path) { return write_attribute(path + "/delete", "1"); });
}

Result<void> Disk::heal(unsigned way) const
{
	if (auto works = set_mode(way, DiskMode::Works); !works)
		return works;
	// What was kept and has not landed by now never will.
	if (auto forgotten = end_ghosts(way, false); !forgotten)
		return forgotten;
	const auto scsi = scsi_device(way);
	if (!scsi)
		return write_attribute(fmt::format("/sys/class/scsi_host/host{}/scan", hosts_[way]),
				       "- - -");
	const auto state = read_attribute(*scsi + "/state");
	if (state && *state == "offline")
		return write_attribute(*scsi + "/state", "running");
	return {};
}

} // namespace swpath::snap
