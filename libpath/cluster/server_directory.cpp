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

bool ServerDirectory::took_over(const std::string &disk, const std::string &host)
{
	const auto own = own_.disks.find(disk);
	if (own == own_.disks.end() || host.size() > member_host_bytes_max)
		return false;
	own->second.instead_of = host;
	return true;
}

std::vector<std::string> ServerDirectory::write(const ServedDisks &said) const
{
	std::vector<DirectoryOffers::Disk> disks;
	for (const auto &[disk, entry] : said.disks)
		disks.push_back({disk, entry.priority, entry.unit, entry.instead_of});
	return offer_messages(said.address, disks);
}

void ServerDirectory::read(std::string_view message, ServedDisks &into) const
{
	const auto read = decode_directory_message(message);
	const auto *offers = read ? std::get_if<DirectoryOffers>(&*read) : nullptr;
	if (offers == nullptr)
		return;
	if (offers->first)
		into.disks.clear();
	into.address = offers->address;
	for (const auto &each : offers->disks)
		if (into.disks.size() < directory_disks_max || into.disks.contains(each.disk))
			into.disks[each.disk] = {each.priority, each.unit, each.instead_of};
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

/// Whoever has taken over from the failed host, this one too; else who could.
std::optional<DiskServer> ServerDirectory::best_for(const DirectoryQuery &query) const
{
	std::optional<DiskServer> best;
	bool best_took_over = false;
	for (const auto &[member, host] : members()) {
		const auto entry = host.disks.find(query.disk);
		if (entry == host.disks.end() || member.host == query.failed)
			continue;
		const bool took_over =
			!query.failed.empty() && entry->second.instead_of == query.failed;
		const DiskServer server{member, host.address, entry->second.priority};
		if (best && std::tuple(!took_over, server.priority, server.member) >=
				    std::tuple(!best_took_over, best->priority, best->member))
			continue;
		best = server;
		best_took_over = took_over;
	}
	return best;
}

std::optional<std::string> ServerDirectory::take(const Member &from, std::string_view message) const
{
	const auto read = decode_directory_message(message);
	const auto *query = read ? std::get_if<DirectoryQuery>(&*read) : nullptr;
	if (query == nullptr || from == self())
		return std::nullopt;
	const auto best = best_for(*query);
	// It knows itself what it serves.
	if (!best || best->member == from)
		return std::nullopt;
	return encode(DirectoryAnswer{query->number, query->disk, query->failed, *best});
}

} // namespace swpath
