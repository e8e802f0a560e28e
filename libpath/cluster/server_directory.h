// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which hosts serve which disks, the same on all members: so that a client knows its server and
/// the ones after it before it needs them. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/cluster/directory_message.h"
#include "libpath/cluster/member_book.h"

namespace swpath
{

/// What a host serves.
struct ServedDisks {
	struct Entry {
		std::uint16_t priority = 0;
		std::string unit; ///< what the host calls it; may be empty

		bool operator==(const Entry &) const = default;
	};
	std::string address;
	std::map<std::string, Entry> disks; ///< by WWID

	bool operator==(const ServedDisks &) const = default;
};

class ServerDirectory final : public MemberBook<ServedDisks>
{
public:
	/// `address`: where this host serves, for its clients.
	ServerDirectory(Member self, std::string address);

	/// This host can serve `disk`, which it calls `unit`. False: a name is too long, or that of
	/// the disk is empty, or there are directory_disks_max disks already. Once more replaces
	/// the priority.
	[[nodiscard]] bool offer(const std::string &disk, std::uint16_t priority,
				 const std::string &unit);
	/// This host can serve none but these.
	void keep_offers(const std::set<std::string> &disks);

	/// The servers of a disk, the primary first: by priority, then by name. Not this host.
	[[nodiscard]] std::vector<DiskServer> servers(const std::string &disk) const;
	/// All disks that other hosts serve, and what those call them (the primary's word).
	[[nodiscard]] std::map<std::string, std::string> disks() const;

	[[nodiscard]] ServiceId id() const override { return ServiceId::ServerDirectory; }

private:
	[[nodiscard]] std::vector<std::string> write(const ServedDisks &said) const override;
	void read(std::string_view message, ServedDisks &into) const override;
};

} // namespace swpath
