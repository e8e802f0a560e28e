// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/kernel_view.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fmt/core.h>

#include "libpath/control/derive.h"
#include "libpath/sys/dm.h"
#include "libpath/sys/dm_channel.h"

namespace swpath::ctl
{

namespace
{

Refusal kernel_refusal(const Error &error)
{
	if (error.code == std::errc::permission_denied ||
	    error.code == std::errc::operation_not_permitted)
		return {RefusalKind::Permission, "the kernel may be asked by root only",
			"try it with sudo"};
	if (error.code == std::errc::no_such_device)
		return {RefusalKind::NotReachable, "the kernel has no device-mapper",
			"`modprobe dm-sw` loads it together with the target"};
	return refusal_of(error);
}

/// Name and place of a block device by its number, as sysfs has it.
void name_path(PathReport &path)
{
	if (!path.number)
		return;
	std::error_code error;
	const auto link = std::filesystem::read_symlink(
		fmt::format("/sys/dev/block/{}", path.number->text()), error);
	if (error)
		return;
	path.device = link.filename();
	// ".../target2:0:0/2:0:0:0/block/sda": the directory above "block" is the SCSI address.
	const auto above = link.parent_path().parent_path().filename().string();
	if (std::count(above.begin(), above.end(), ':') == 3)
		path.endpoint = "scsi " + above;
}

/// Of a unit that the kernel does not speak for: it is nothing that can be well, or be given
/// orders.
UnitReport without_status(UnitReport unit, std::string why)
{
	unit.number.reset();
	sum_up(unit);
	unit.reason_text = std::move(why);
	return unit;
}

/// Nothing: the unit went away.
std::optional<UnitReport> read_unit(dm::DmChannel &channel, const dm::Listed &listed, WallTime now)
{
	UnitReport unit;
	unit.name = listed.name;
	unit.number = listed.number;
	unit.wwid = dm::wwid_of(listed.uuid);

	const auto info = channel.info(listed.name);
	if (!info)
		return std::nullopt;
	unit.suspended = info->suspended;

	dm::DmChannel::Line line;
	if (channel.status(listed.name, true, line) == 0 && line.type == SW_TARGET_NAME)
		if (const auto table = parse_table(line.length, line.params))
			set_kernel_table(unit, *table);
	if (channel.status(listed.name, false, line) != 0 || line.type != SW_TARGET_NAME)
		return without_status(std::move(unit), "the kernel has no table of it");
	const auto status = parse_status(line.params);
	if (!status)
		return without_status(std::move(unit),
				      fmt::format("the kernel's word about it cannot be read, is "
						  "the module of another version? ({})",
						  status.error().message()));
	set_kernel_status(unit, *status, now);
	for (auto &path : unit.paths)
		name_path(path);
	std::string_view reply;
	if (channel.send(listed.name, SW_MSG_HISTORY, &reply) == 0)
		if (const auto history = parse_history(reply))
			set_history(unit, *history);
	sum_up(unit);
	return unit;
}

} // namespace

Answered<Report> read_kernel()
{
	auto channel = dm::DmChannel::open();
	if (!channel)
		return tl::unexpected(kernel_refusal(channel.error()));
	const auto devices = channel->list();
	if (!devices)
		return tl::unexpected(kernel_refusal(devices.error()));
	Report report;
	report.generated =
		std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
	report.source = Source::Kernel;
	report.version = program_version();
	for (const auto &listed : *devices) {
		if (dm::wwid_of(listed.uuid).empty())
			continue;
		if (auto unit = read_unit(*channel, listed, report.generated))
			report.units.push_back(std::move(*unit));
	}
	std::sort(report.units.begin(), report.units.end(),
		  [](const auto &a, const auto &b) { return a.name < b.name; });
	return report;
}

bool target_is_loaded()
{
	const auto version = dm::target_version();
	return version && version->has_value();
}

namespace
{

Refusal message_refusal(int error, const std::string &unit, const std::string &message)
{
	const auto refusal = [&](RefusalKind kind, std::string_view why, std::string hint) {
		return Refusal{kind, fmt::format("the kernel refused '{}': {}", message, why),
			       std::move(hint)};
	};
	const std::string look = fmt::format("`pathctl status {}` shows the state it is in", unit);
	switch (error) {
	case ENODEV:
	case ENXIO:
		return refusal(RefusalKind::NotFound, "there is no such unit or path", look);
	case EPERM:
	case EACCES:
		return refusal(RefusalKind::Permission, "not permitted", "try it with sudo");
	case ENOKEY:
		return refusal(RefusalKind::Unsafe, "the path has no live proof",
			       "start pathd, which proves paths: `systemctl start pathd`");
	case ENOLINK:
		return refusal(RefusalKind::Unsafe, "the path has failed or was rejected",
			       fmt::format("`pathctl reinstate --kernel {} PATH` first", unit));
	case EBUSY:
	case ESTALE:
		return refusal(RefusalKind::Unsafe, "its state has changed meanwhile", look);
	default:
		return refusal(RefusalKind::Failed,
			       std::error_code(error, std::generic_category()).message(),
			       "`dmesg` may say more");
	}
}

} // namespace

Answered<void> send_to_kernel(const std::string &unit, const Done &done)
{
	auto channel = dm::DmChannel::open();
	if (!channel)
		return tl::unexpected(kernel_refusal(channel.error()));
	for (const auto &message : done.messages) {
		const int error = channel->send(unit, message);
		// Somebody else was faster: it is as it was asked for.
		if (error != 0 && error != EALREADY)
			return tl::unexpected(message_refusal(error, unit, message));
	}
	return {};
}

} // namespace swpath::ctl
