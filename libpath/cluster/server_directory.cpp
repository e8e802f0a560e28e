// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/server_directory.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace swpath
{

ServerDirectory::ServerDirectory(Member self, std::string address) : self_(std::move(self))
{
	own_.address = std::move(address);
}

bool ServerDirectory::offer(const std::string &disk, std::uint16_t priority)
{
	if (disk.empty() || disk.size() > directory_disk_bytes_max ||
	    (!own_.disks.contains(disk) && own_.disks.size() >= directory_disks_max))
		return false;
	own_.disks[disk].priority = priority;
	return true;
}

void ServerDirectory::withdraw(const std::string &disk)
{
	own_.disks.erase(disk);
}

bool ServerDirectory::took_over(const std::string &disk, const std::string &host)
{
	const auto own = own_.disks.find(disk);
	if (own == own_.disks.end() || host.size() > member_host_bytes_max)
		return false;
	own->second.instead_of = host;
	return true;
}

std::vector<std::string> ServerDirectory::own_messages() const
{
	std::vector<DirectoryOffers::Disk> disks;
	for (const auto &[disk, entry] : own_.disks)
		disks.push_back({disk, entry.priority, entry.instead_of});
	return offer_messages(own_.address, disks);
}

std::vector<std::string> ServerDirectory::announce()
{
	if (round_ || !tag_.valid() || hosts_[self_] == own_)
		return {};
	hosts_[self_] = own_;
	return own_messages();
}

void ServerDirectory::learn(Hosts &hosts, const Member &from, const DirectoryOffers &offers)
{
	auto &host = hosts[from];
	if (offers.first)
		host.disks.clear();
	host.address = offers.address;
	for (const auto &each : offers.disks)
		if (host.disks.size() < directory_disks_max || host.disks.contains(each.disk))
			host.disks[each.disk] = {each.priority, each.instead_of};
}

std::vector<DiskServer> ServerDirectory::servers(const std::string &disk) const
{
	std::vector<DiskServer> result;
	for (const auto &[member, host] : hosts_)
		if (const auto entry = host.disks.find(disk);
		    member != self_ && entry != host.disks.end())
			result.push_back({member, host.address, entry->second.priority});
	std::sort(result.begin(), result.end(), [](const DiskServer &one, const DiskServer &other) {
		return std::tie(one.priority, one.member) < std::tie(other.priority, other.member);
	});
	return result;
}

/// Whoever has taken over from the failed host, this one too; else who could.
std::optional<DiskServer> ServerDirectory::best_for(const DirectoryQuery &query) const
{
	std::optional<DiskServer> best;
	bool best_took_over = false;
	for (const auto &[member, host] : hosts_) {
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

std::optional<std::string> ServerDirectory::take(const Member &from, std::string_view message)
{
	const auto read = decode_directory_message(message);
	if (!read || from == self_)
		return std::nullopt;
	// The directory is of the members alone; a host that is none yet may ask.
	if (const auto *offers = std::get_if<DirectoryOffers>(&*read);
	    offers && contains(members_, from))
		learn(hosts_, from, *offers);
	const auto *query = std::get_if<DirectoryQuery>(&*read);
	if (!query)
		return std::nullopt;
	const auto best = best_for(*query);
	// It knows itself what it serves.
	if (!best || best->member == from)
		return std::nullopt;
	return encode(DirectoryAnswer{query->number, query->disk, query->failed, *best});
}

void ServerDirectory::sync_init(const SyncRound &round)
{
	round_ = round;
	gathered_.clear();
}

SyncOutput ServerDirectory::sync_process()
{
	return {own_messages(), true};
}

void ServerDirectory::sync_receive(const Member &from, std::string_view message)
{
	const auto read = decode_directory_message(message);
	if (!read)
		return;
	if (const auto *offers = std::get_if<DirectoryOffers>(&*read))
		learn(gathered_, from, *offers);
}

void ServerDirectory::sync_activate()
{
	hosts_ = std::exchange(gathered_, {});
	members_ = round_->members;
	tag_ = round_->tag;
	round_.reset();
}

void ServerDirectory::sync_abort()
{
	gathered_.clear();
	round_.reset();
}

} // namespace swpath
