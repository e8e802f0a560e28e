// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which hosts serve which disks, the same on all members: so that a client knows its server and
/// the ones after it before it needs them. Pure.
///
/// All members say in each round of the recovery what they serve; after its end that is the
/// directory, with the round's tag. What changes between rounds is announced to all.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/cluster/directory_message.h"
#include "libpath/cluster/sync_service.h"

namespace swpath
{

class ServerDirectory : public SyncService
{
public:
	/// `address`: where this host serves, for its clients.
	ServerDirectory(Member self, std::string address);

	/// This host can serve `disk`. False: the name is empty or too long, or there are
	/// directory_disks_max disks already. Once more replaces the priority.
	[[nodiscard]] bool offer(const std::string &disk, std::uint16_t priority);
	void withdraw(const std::string &disk);
	/// This host serves `disk` to the clients that `host` served before it failed. False: it
	/// does not offer the disk.
	[[nodiscard]] bool took_over(const std::string &disk, const std::string &host);

	/// What has to be sent to all members, to be called after each of the above and at the end
	/// of each round: nothing if they have been told all, or if a round is under way.
	[[nodiscard]] std::vector<std::string> announce();
	/// A message of a member, outside of a round. Answers a query if something is known.
	[[nodiscard]] std::optional<std::string> take(const Member &from, std::string_view message);

	/// The servers of a disk, the primary first: by priority, then by name. Not this host.
	[[nodiscard]] std::vector<DiskServer> servers(const std::string &disk) const;
	/// The round that the directory is of; not valid: none yet.
	[[nodiscard]] const SyncTag &tag() const { return tag_; }

	[[nodiscard]] ServiceId id() const override { return ServiceId::ServerDirectory; }
	void sync_init(const SyncRound &round) override;
	[[nodiscard]] SyncOutput sync_process() override;
	void sync_receive(const Member &from, std::string_view message) override;
	void sync_activate() override;
	void sync_abort() override;

private:
	struct Entry {
		std::uint16_t priority = 0;
		std::string instead_of;

		bool operator==(const Entry &) const = default;
	};
	struct Host {
		std::string address;
		std::map<std::string, Entry> disks;

		bool operator==(const Host &) const = default;
	};
	using Hosts = std::map<Member, Host>;
	static void learn(Hosts &hosts, const Member &from, const DirectoryOffers &offers);
	[[nodiscard]] std::vector<std::string> own_messages() const;
	[[nodiscard]] std::optional<DiskServer> best_for(const DirectoryQuery &query) const;

	Member self_;
	Host own_;
	Hosts hosts_;    ///< the directory, with this host as it was told to the others
	Hosts gathered_; ///< of the round under way
	std::optional<SyncRound> round_;
	std::vector<Member> members_; ///< of the last complete round
	SyncTag tag_;
};

} // namespace swpath
