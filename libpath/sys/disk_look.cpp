// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/disk_look.h"

#include <filesystem>
#include <span>
#include <sstream>

#include <fmt/core.h>

#include "libpath/sys/file.h"
#include "libpath/sys/mounts.h"
#include "libpath/sys/sysfs.h"

namespace swpath
{
namespace
{

namespace fs = std::filesystem;

constexpr std::size_t page_bytes_max = 4 + 65535;
constexpr std::size_t swaps_bytes_max = 16 << 20;

std::span<const std::uint8_t> bytes_of(const std::string &text)
{
	return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

bool has_holders(const fs::path &device)
{
	return !names_or_none((device / "holders").string()).empty();
}

} // namespace

Result<Identity> known_identity(std::string_view sysname, const std::string &sys)
{
	const auto device = fmt::format("{}/block/{}/device", sys, sysname);
	const auto page = read_file(device + "/vpd_pg83", page_bytes_max);
	if (!page)
		return tl::unexpected(page.error());
	auto designators = parse_vpd83(bytes_of(*page));
	if (!designators)
		return tl::unexpected(designators.error());
	Identity identity;
	identity.designators = std::move(*designators);
	identity.wwid = kernel_wwid(identity.designators);
	if (const auto serial = read_file(device + "/vpd_pg80", page_bytes_max))
		identity.serial = parse_vpd80(bytes_of(*serial)).value_or("");
	return identity;
}

Result<UsedDevices> used_devices(const std::string &proc)
{
	UsedDevices used;
	const auto mounts = read_mounts(proc);
	if (!mounts)
		return tl::unexpected(mounts.error());
	// Not by parse_mount_line(): a line that it does not understand must not make a disk free.
	// proc(5): id, parent, MAJ:MIN, root, mount point, options, any number of fields, "-",
	// type, source
	std::istringstream lines(*mounts);
	for (std::string line; std::getline(lines, line);) {
		std::istringstream fields(line);
		std::string field, number;
		fields >> field >> field >> number;
		if (const auto parsed = DevNumber::parse(number))
			used.numbers.insert(*parsed);
		while (fields >> field && field != "-") {
		}
		if (fields >> field >> field && field.starts_with("/dev/"))
			used.nodes.insert(field);
	}
	const auto swaps = read_file(proc + "/swaps", swaps_bytes_max);
	if (!swaps)
		return tl::unexpected(swaps.error());
	std::istringstream areas(*swaps);
	for (std::string line; std::getline(areas, line);)
		if (line.starts_with("/dev/"))
			used.nodes.insert(line.substr(0, line.find_first_of(" \t")));
	return used;
}

bool is_used(const BlockDevice &disk, const UsedDevices &used)
{
	const auto is = [&](const fs::path &device, const std::string &name) {
		const auto number = read_attribute((device / "dev").string());
		return has_holders(device) || used.nodes.contains("/dev/" + name) ||
		       (number &&
			used.numbers.contains(DevNumber::parse(*number).value_or(DevNumber{})));
	};
	if (is(disk.syspath, disk.sysname))
		return true;
	const auto names = names_or_none(disk.syspath);
	return std::any_of(names.begin(), names.end(), [&](const std::string &name) {
		const auto device = fs::path(disk.syspath) / name;
		std::error_code error;
		return fs::exists(device / "partition", error) && is(device, name);
	});
}

} // namespace swpath
