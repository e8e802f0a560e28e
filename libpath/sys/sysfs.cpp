// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/sysfs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "libpath/base/text.h"
#include "libpath/sys/file.h"

namespace swpath
{
namespace
{

namespace fs = std::filesystem;

constexpr std::size_t attribute_bytes_max = 65536;

/// The directory of a SCSI disk's device, links resolved, so that it names this device and not the
/// next one that is called sda.
Result<std::string> scsi_device(std::string_view sysname, const std::string &sys)
{
	const auto link = fmt::format("{}/block/{}/device", sys, sysname);
	std::error_code error;
	auto device = fs::canonical(link, error);
	if (error || !fs::exists(device / "scsi_level", error))
		return fail(ENODEV, fmt::format("{} is not a SCSI disk", sysname));
	return device.string();
}

/// The attribute of what `device` hangs on: of the nearest directory above it that is named
/// `prefix`N and has a class device of its own, as …/host2/scsi_host/host2/x.
std::optional<std::string> parent_attribute(const fs::path &device, std::string_view prefix,
					    std::string_view subsystem, std::string_view attribute)
{
	for (auto up = device; up.has_relative_path(); up = up.parent_path()) {
		const auto name = up.filename().string();
		if (!name.starts_with(prefix))
			continue;
		auto path = up / subsystem / name / attribute;
		std::error_code error;
		if (fs::exists(path, error))
			return path.string();
	}
	return std::nullopt;
}

/// The attribute of the only entry in a class directory below the device, as scsi_disk/2:0:0:0/x.
std::optional<std::string> class_attribute(const fs::path &device, std::string_view subsystem,
					   std::string_view attribute)
{
	const auto directory = device / subsystem;
	for (const auto &name : names_or_none(directory.string())) {
		auto path = directory / name / attribute;
		std::error_code error;
		if (fs::exists(path, error))
			return path.string();
	}
	return std::nullopt;
}

/// An attribute of a few bytes as it is now. The kernel makes the text anew for each read from its
/// begin.
Result<std::string> read_again(const UniqueFd &attribute, std::string_view what)
{
	std::array<char, 64> text{};
	ssize_t got = 0;
	do
		got = ::pread(attribute.get(), text.data(), text.size(), 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return fail(errno, fmt::format("read the {}", what));
	return std::string(trimmed({text.data(), static_cast<std::size_t>(got)}));
}

} // namespace

Result<std::string> read_attribute(const std::string &path)
{
	auto value = read_file(path, attribute_bytes_max);
	if (!value)
		return value;
	// Names copied from a device may carry NULs; the text ends at the first.
	value->resize(std::min(value->find('\0'), value->size()));
	value->resize(value->find_last_not_of(" \t\r\n") + 1);
	return value;
}

Result<void> write_attribute(const std::string &path, std::string_view value)
{
	const auto doing = [&] { return fmt::format("write '{}' to {}", value, path); };
	const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
	if (!fd)
		return fail(errno, doing());
	for (;;) {
		const auto put = ::write(fd.get(), value.data(), value.size());
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fail(errno, doing());
		if (static_cast<std::size_t>(put) != value.size())
			return fail(EIO, doing());
		return {};
	}
}

Result<std::vector<Setting>> scsi_settings(std::string_view sysname, const ScsiLimits &limits,
					   const std::string &sys)
{
	const auto device = scsi_device(sysname, sys);
	if (!device)
		return tl::unexpected(device.error());
	std::vector<Setting> settings;
	const auto add = [&](const std::optional<std::string> &path, unsigned value) {
		std::error_code error;
		if (path && fs::exists(*path, error))
			settings.push_back({*path, std::to_string(value)});
	};
	add(*device + "/timeout", std::max(limits.command_timeout_s, 1U));
	add(*device + "/eh_timeout", std::max(limits.eh_timeout_s, 1U));
	add(class_attribute(*device, "scsi_disk", "max_retries"), limits.retries);
	// Until then a session that was lost keeps its commands, 120 s by default, and no reset
	// gets them back.
	const auto recovery = parent_attribute(*device, "session", "iscsi_session", "recovery_tmo");
	add(recovery, limits.cut ? 0 : std::max(limits.command_timeout_s, 1U));
	// An iSCSI host has no reset of its own to fall back to when the time is over, so the
	// kernel refuses it a deadline (EINVAL).
	if (limits.eh_deadline_s && !recovery)
		add(parent_attribute(*device, "host", "scsi_host", "eh_deadline"),
		    *limits.eh_deadline_s);
	return settings;
}

Result<ScsiState> ScsiState::open(std::string_view sysname, const std::string &sys)
{
	const auto device = scsi_device(sysname, sys);
	if (!device)
		return tl::unexpected(device.error());
	UniqueFd state(::open((*device + "/state").c_str(), O_RDONLY | O_CLOEXEC));
	if (!state)
		return fail(ENODEV, fmt::format("{} has no state", sysname));
	return ScsiState(std::move(state),
			 UniqueFd(::open((*device + "/iotmo_cnt").c_str(), O_RDONLY | O_CLOEXEC)));
}

Result<std::string> ScsiState::word() const
{
	return read_again(state_, "state of a SCSI disk");
}

std::optional<std::uint64_t> ScsiState::timeouts() const
{
	constexpr std::string_view prefix = "0x";
	const auto text = timeouts_ ? read_again(timeouts_, "time-outs of a SCSI disk")
				    : fail(ENOENT, "time-outs of a SCSI disk");
	if (!text || !text->starts_with(prefix))
		return std::nullopt;
	std::uint64_t count = 0;
	const auto *end = text->data() + text->size();
	if (std::from_chars(text->data() + prefix.size(), end, count, 16).ptr != end)
		return std::nullopt;
	return count;
}

Result<void> set_scsi_state(std::string_view sysname, std::string_view state,
			    const std::string &sys)
{
	const auto device = scsi_device(sysname, sys);
	if (!device)
		return tl::unexpected(device.error());
	return write_attribute(*device + "/state", state);
}

} // namespace swpath
