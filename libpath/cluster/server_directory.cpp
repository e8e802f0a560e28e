// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/server_directory.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace swpath
{

ServerDirectory::ServerDirectory(Member self, std::string address) : MemberBook(std::move(self))
{
	own_.address = std::move(address);
}

bool ServerDirectory::offer(const std::string &disk, std::uint16_t priority,
			    const std::string &unit)
{
	if (disk.empty() || disk.size() > directory_disk_bytes_max ||
	    unit.size() > directory_unit_bytes_max ||
	    (!own_.disks.contains(disk) && own_.disks.size() >= directory_disks_max))
		return false;
	auto &entry = own_.disks[disk];
	entry.priority = priority;
	entry.unit = unit;
	return true;
}

void ServerDirectory::keep_offers(const std::set<std::string> &disks)
{
	std::erase_if(own_.disks, [&](const auto &entry) { return !disks.contains(entry.first); });
}

std::vector<std::string> ServerDirectory::write(const ServedDisks &said) const
{
	std::vector<DirectoryOffers::Disk> disks;
	for (const auto &[disk, entry] : said.disks)
		disks.push_back({disk, entry.priority, entry.unit});
	return offer_messages(said.address, disks);
}

void ServerDirectory::read(std::string_view message, ServedDisks &into) const
{
	const auto offers = decode_offers(message);
	if (!offers)
		return;
	if (offers->first)
		into.disks.clear();
	into.address = offers->address;
	for (const auto &each : offers->disks)
		if (into.disks.size() < directory_disks_max || into.disks.contains(each.disk))
			into.disks[each.disk] = {each.priority, each.unit};
}

std::vector<DiskServer> ServerDirectory::servers(const std::string &disk) const
{
	std::vector<DiskServer> result;
	for (const auto &[member, host] : members())
		if (const auto entry = host.disks.find(disk);
		    member != self() && entry != host.disks.end())
			result.push_back({member, host.address, entry->second.priority});
	std::sort(result.begin(), result.end(), [](const DiskServer &one, const DiskServer &other) {
		return std::tie(one.priority, one.member) < std::tie(other.priority, other.member);
	});
	return result;
}

std::map<std::string, std::string> ServerDirectory::disks() const
{
	std::map<std::string, std::pair<std::uint16_t, std::string>> best;
	for (const auto &[member, host] : members())
		for (const auto &[disk, entry] : host.disks) {
			if (member == self())
				continue;
			const auto [found, added] =
				best.try_emplace(disk, entry.priority, entry.unit);
			if (!added && entry.priority < found->second.first)
				found->second = {entry.priority, entry.unit};
		}
	std::map<std::string, std::string> result;
	for (const auto &[disk, word] : best)
		result.emplace(disk, word.second);
	return result;
}

} // namespace swpath
