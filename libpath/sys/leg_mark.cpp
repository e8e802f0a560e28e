// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/leg_mark.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>

#include "libpath/base/unique_fd.h"
#include "libpath/sys/dm.h"
#include "libpath/sys/file.h"
#include "libpath/sys/nbd.h"

namespace swpath
{
namespace
{

constexpr std::size_t rules_bytes_max = 1U << 20;

std::string mark_path(DevNumber number, std::string_view directory)
{
	return fmt::format("{}/{}", directory, number.text());
}

/// A value for udev's "==" in double quotes: characters that it would read as a glob, an end or an
/// escape become "?", which matches any one character.
std::string match_value(std::string_view text)
{
	std::string value;
	for (const char each : text) {
		const bool plain =
			each >= 0x20 && each < 0x7f &&
			std::string_view("\"\\*?[]|$%").find(each) == std::string_view::npos;
		value += plain ? each : '?';
	}
	return value;
}

} // namespace

Result<void> mark_leg(DevNumber number, std::string_view unit, std::string_view directory)
{
	return replace_file(mark_path(number, directory), std::string(unit) + "\n");
}

Result<std::uint32_t>
attach_free_nbd(std::string_view unit,
		const std::function<Result<std::uint32_t>(std::uint32_t index)> &attach,
		const std::string &directory, const std::string &sys)
{
	std::error_code error;
	std::filesystem::create_directories(directory, error);
	const UniqueFd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int locked = -1;
	while (lock && (locked = ::flock(lock.get(), LOCK_EX)) < 0 && errno == EINTR)
		;
	if (locked < 0)
		return fail(errno, "lock " + directory);
	// Who is no part of swpath takes no lock, and may have the device first.
	for (std::optional<std::uint32_t> after;;) {
		const auto free = find_free_nbd(after, sys);
		if (!free)
			return tl::unexpected(free.error());
		if (auto marked = mark_leg(free->number, unit, directory); !marked)
			return tl::unexpected(marked.error());
		auto index = attach(free->index);
		if (index)
			return index;
		(void)unmark_leg(free->number, directory);
		if (index.error().code != std::errc::device_or_resource_busy)
			return index;
		after = free->index;
	}
}

Result<void> unmark_leg(DevNumber number, std::string_view directory)
{
	std::error_code error;
	std::filesystem::remove(mark_path(number, directory), error);
	if (error)
		return tl::unexpected(Error{error, "unmark leg " + number.text()});
	return {};
}

Result<std::vector<DevNumber>> marked_legs(std::string_view directory)
{
	std::vector<DevNumber> legs;
	const auto names = names_in(std::string(directory));
	if (!names && names.error().code != std::errc::no_such_file_or_directory)
		return tl::unexpected(names.error());
	for (const auto &name : names.value_or(std::vector<std::string>{}))
		if (const auto number = DevNumber::parse(name))
			legs.push_back(*number);
	std::sort(legs.begin(), legs.end());
	return legs;
}

std::vector<DevNumber> left_over_marks(std::span<const DevNumber> marked,
				       std::span<const BlockDevice> devices,
				       std::span<const std::string> wwids)
{
	const auto is_unit = [&](const std::string &holder) {
		return std::any_of(devices.begin(), devices.end(), [&](const BlockDevice &each) {
			return each.sysname == holder && !dm::wwid_of(each.dm_uuid).empty();
		});
	};
	std::vector<DevNumber> left_over;
	for (const auto number : marked) {
		const auto device =
			std::find_if(devices.begin(), devices.end(), [&](const BlockDevice &each) {
				return each.number == number;
			});
		const bool leg =
			device != devices.end() &&
			((device->transport == Transport::Scsi && device->wwid.empty()) ||
			 (!device->wwid.empty() &&
			  std::find(wwids.begin(), wwids.end(), device->wwid) != wwids.end()) ||
			 device->nbd_backend.starts_with(nbd_backend_prefix) ||
			 std::any_of(device->holders.begin(), device->holders.end(), is_unit));
		if (!leg)
			left_over.push_back(number);
	}
	return left_over;
}

std::string leg_rules(std::span<const std::string> wwids)
{
	std::string text =
		"# Written by pathd from its configuration; changes are overwritten.\n"
		"# Disks that are paths of swpath units, by the WWID that the kernel shows.\n"
		"SUBSYSTEM!=\"block\", GOTO=\"swpath_legs_end\"\n"
		"KERNEL==\"dm-*\", GOTO=\"swpath_legs_end\"\n";
	for (const auto &wwid : wwids)
		if (!wwid.empty())
			text += fmt::format("ATTRS{{wwid}}==\"{}\", ENV{{SW_LEG}}=\"1\"\n",
					    match_value(wwid));
	text += "LABEL=\"swpath_legs_end\"\n";
	return text;
}

Result<bool> write_leg_rules(std::span<const std::string> wwids, std::string_view path)
{
	const auto text = leg_rules(wwids);
	const std::string file(path);
	if (const auto old = read_file(file, rules_bytes_max); old && *old == text)
		return false;
	if (auto done = replace_file(file, text); !done)
		return tl::unexpected(done.error());
	return true;
}

} // namespace swpath
