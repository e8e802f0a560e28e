// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/device_users.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <functional>
#include <map>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpath/sys/file.h"
#include "libpath/sys/mounts.h"
#include "libpath/sys/proc_text.h"
#include "libpath/sys/sysfs.h"
#include "libpath/unit/kinds.h"

namespace swpath
{
namespace
{

constexpr std::size_t swaps_bytes_max = 64U << 10;
constexpr std::size_t stat_bytes_max = 4096;

struct Directory {
	DIR *dir = nullptr;

	explicit Directory(const std::string &path) : dir(::opendir(path.c_str())) {}
	~Directory()
	{
		if (dir != nullptr)
			::closedir(dir);
	}
	Directory(const Directory &) = delete;
	Directory &operator=(const Directory &) = delete;
};

/// What is looked for, by its own number or a partition's.
struct Wanted {
	DevNumber device;
	std::string name;
};
class WantedDevices
{
public:
	void add(DevNumber number, Wanted wanted)
	{
		names_.insert_or_assign(wanted.name, number);
		numbers_.insert_or_assign(number, std::move(wanted));
	}
	/// Null: it is none of them.
	[[nodiscard]] const Wanted *find(DevNumber number) const
	{
		const auto found = numbers_.find(number);
		return found == numbers_.end() ? nullptr : &found->second;
	}
	/// "/dev/sda".
	[[nodiscard]] const Wanted *find_node(std::string_view node) const
	{
		constexpr std::string_view directory = "/dev/";
		if (!node.starts_with(directory))
			return nullptr;
		const auto found = names_.find(node.substr(directory.size()));
		return found == names_.end() ? nullptr : find(found->second);
	}

private:
	std::map<DevNumber, Wanted> numbers_;
	std::map<std::string, DevNumber, std::less<>> names_;
};

/// The process of an entry of /proc; 0: it is none.
pid_t process_of(std::string_view name)
{
	pid_t pid = 0;
	const auto end = std::from_chars(name.data(), name.data() + name.size(), pid);
	return end.ec == std::errc{} && end.ptr == name.data() + name.size() ? pid : 0;
}

/// Those that begin with `prefix`.
std::vector<std::string> names_in(const std::string &path, std::string_view prefix = {})
{
	std::vector<std::string> names;
	const Directory directory(path);
	if (directory.dir == nullptr)
		return names;
	while (const auto *entry = ::readdir(directory.dir))
		if (entry->d_name[0] != '.' && std::string_view(entry->d_name).starts_with(prefix))
			names.emplace_back(entry->d_name);
	return names;
}

/// A device and its partitions, and which other devices stand on them.
void look_at_device(DevNumber device, const std::string &sys, WantedDevices &wanted,
		    std::vector<DeviceUse> &uses)
{
	const auto link = fmt::format("{}/dev/block/{}", sys, device.text());
	std::array<char, 1024> target{};
	const auto got = ::readlink(link.c_str(), target.data(), target.size());
	if (got <= 0)
		return; // it is gone
	const std::string_view directory(target.data(), static_cast<std::size_t>(got));
	const std::string disk(directory.substr(directory.rfind('/') + 1));
	struct Place {
		std::string path;
		std::string name;
	};
	std::vector<Place> places{{link, disk}};
	wanted.add(device, {device, disk});
	// A partition is named after its disk.
	for (const auto &name : names_in(link, disk)) {
		const auto path = fmt::format("{}/{}", link, name);
		const auto number = ::access((path + "/partition").c_str(), F_OK) == 0
					    ? read_attribute(path + "/dev")
					    : Result<std::string>();
		if (const auto parsed = number ? DevNumber::parse(*number) : std::nullopt) {
			wanted.add(*parsed, {device, name});
			places.push_back({path, name});
		}
	}
	for (const auto &[path, name] : places) {
		for (const auto &holder : names_in(path + "/holders")) {
			const auto mapped = fmt::format("{}/holders/{}/dm", path, holder);
			const auto uuid = read_attribute(mapped + "/uuid");
			if (uuid && uuid->starts_with(SW_UUID_PREFIX))
				continue;
			const auto given = read_attribute(mapped + "/name");
			uses.push_back({device, name, 0, 0,
					given ? fmt::format("{} ({})", holder, *given) : holder,
					true});
		}
	}
}

template <class Take>
void for_each_line(std::string_view text, const Take &take)
{
	while (!text.empty()) {
		const auto end = std::min(text.find('\n'), text.size());
		take(text.substr(0, end));
		text.remove_prefix(std::min(end + 1, text.size()));
	}
}

void look_at_mounts(const std::string &proc, const WantedDevices &wanted,
		    std::vector<DeviceUse> &uses)
{
	const auto text = read_mounts(proc);
	if (!text)
		return;
	for_each_line(*text, [&](std::string_view line) {
		const auto mount = parse_mount_line(line);
		if (!mount)
			return;
		const auto add = [&](const Wanted *want) {
			if (want != nullptr)
				uses.push_back({want->device, want->name, 0, 0,
						"mount at " + mount->at, mount->write});
		};
		const auto *numbered = wanted.find(mount->device);
		// A file system of several devices has a number of its own.
		const auto *named = wanted.find_node(mount->source);
		add(numbered);
		if (named != numbered)
			add(named);
	});
}

/// Swap has no descriptor, and claims only what nobody else has: a spare leg.
void look_at_swaps(const std::string &proc, const WantedDevices &wanted,
		   std::vector<DeviceUse> &uses)
{
	const auto text = read_file(proc + "/swaps", swaps_bytes_max);
	if (!text)
		return;
	for_each_line(*text, [&](std::string_view line) {
		const auto source = parse_swap_line(line);
		if (!source)
			return;
		if (const auto *want = wanted.find_node(*source))
			uses.push_back({want->device, want->name, 0, 0, "swap", true});
	});
}

/// A descriptor of another process: the number of the block device behind it.
std::optional<DevNumber> block_device_of(int directory, const char *descriptor)
{
	std::array<char, 64> target{};
	const auto got = ::readlinkat(directory, descriptor, target.data(), target.size());
	if (got <= 0 ||
	    !std::string_view(target.data(), static_cast<std::size_t>(got)).starts_with("/dev/"))
		return std::nullopt;
	struct stat status {
	};
	if (::fstatat(directory, descriptor, &status, 0) != 0 || !S_ISBLK(status.st_mode))
		return std::nullopt;
	return DevNumber::from(status.st_rdev);
}

/// What one process has open. False: it may not be looked at.
bool look_at_process(const std::string &process, pid_t pid, const WantedDevices &wanted,
		     DeviceUses &found)
{
	const Directory descriptors(process + "/fd");
	if (descriptors.dir == nullptr)
		return errno != EACCES && errno != EPERM;
	const int directory = ::dirfd(descriptors.dir);
	std::map<DevNumber, DeviceUse> here;
	while (const auto *entry = ::readdir(descriptors.dir)) {
		if (entry->d_name[0] == '.')
			continue;
		found.descriptors++;
		const auto number = block_device_of(directory, entry->d_name);
		const auto *want = number ? wanted.find(*number) : nullptr;
		if (want == nullptr)
			continue;
		// The link's own permissions are what the descriptor is open for.
		struct stat link {
		};
		const bool write =
			::fstatat(directory, entry->d_name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
			(link.st_mode & S_IWUSR) != 0;
		auto &use = here[want->device];
		if (use.name.empty() || (write && !use.write)) {
			use.device = want->device;
			use.name = want->name;
		}
		use.write = use.write || write;
	}
	if (here.empty())
		return true;
	const auto text = read_file(process + "/stat", stat_bytes_max);
	const auto stat = text ? parse_process_stat(*text) : std::nullopt;
	if (!stat || stat->parent == ::getpid())
		return true;
	for (auto &[device, use] : here) {
		use.pid = pid;
		use.started = stat->started;
		use.command = stat->command;
		found.uses.push_back(std::move(use));
	}
	return true;
}

} // namespace

Result<DeviceUses> device_users(std::span<const DevNumber> devices, std::span<const pid_t> known,
				std::size_t limit, const std::string &proc, const std::string &sys)
{
	DeviceUses found;
	WantedDevices wanted;
	for (const auto device : devices)
		look_at_device(device, sys, wanted, found.uses);
	const Directory processes(proc);
	if (processes.dir == nullptr)
		return fail(errno, "open " + proc);
	look_at_mounts(proc, wanted, found.uses);
	look_at_swaps(proc, wanted, found.uses);
	while (const auto *entry = ::readdir(processes.dir)) {
		const auto pid = process_of(entry->d_name);
		if (pid <= 0 || pid == ::getpid() ||
		    std::find(known.begin(), known.end(), pid) != known.end())
			continue;
		if (found.descriptors >= limit) {
			found.complete = false;
			break;
		}
		if (!look_at_process(fmt::format("{}/{}", proc, pid), pid, wanted, found))
			found.complete = false;
	}
	std::sort(found.uses.begin(), found.uses.end());
	// A mount that this process sees too.
	found.uses.erase(std::unique(found.uses.begin(), found.uses.end()), found.uses.end());
	return found;
}

} // namespace swpath
