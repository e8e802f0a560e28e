// SPDX-License-Identifier: GPL-2.0-or-later
/// The cluster as pathd has it: a connection to each peer that is asked, and those of peers that
/// ask. All of it behind one descriptor of the loop; nothing here waits.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "libpath/base/quota.h"
#include "libpath/base/unique_fd.h"
#include "libpath/cluster/found_hosts.h"
#include "libpath/cluster/member.h"
#include "libpath/config/cluster.h"
#include "libpath/control/peer_client.h"
#include "libpath/control/peer_link.h"
#include "libpath/control/peer_service.h"

namespace swpath
{

class Peers
{
public:
	/// What the rest of pathd does for peers.
	struct Host {
		/// What is known of a disk that `peer` may use; nothing: there is none of that
		/// name.
		std::function<std::optional<PeerDisk>(const std::string &wwid,
						      const std::string &peer)>
			disk;
		/// To be answered by done(). `address`: numeric, where the peer asks from.
		std::function<void(const PeerOrder &, const std::string &address)> carry_out;
		/// A peer became reachable, or is not any more.
		std::function<void()> changed;
		/// The engine of the cluster of `from` says this to ours.
		std::function<void(const Member &from, std::string_view frame)> cast;
	};
	/// Peers that ask, at once: of each host one, and another one while the first is not known
	/// to be dead, and those that have not said yet who they are.
	static constexpr std::size_t links_max = 3 * cluster_hosts_max;

	/// Reads the keys and listens. Errors: those of PeerKeys::load() and listen_for_peers().
	[[nodiscard]] static Result<std::unique_ptr<Peers>> create(const ClusterConfig &config,
								   Host host);
	~Peers();

	[[nodiscard]] const ClusterConfig &config() const { return config_; }
	/// The keys that are used from now on; connections that there are stay as they are.
	void set_keys(std::shared_ptr<const PeerKeys> keys);
	[[nodiscard]] const PeerKeys &keys() const { return *keys_; }
	/// What served disks are connected with; nothing: without TLS.
	[[nodiscard]] std::optional<PresharedKey> data_key() const;
	/// Null: there is no such peer.
	[[nodiscard]] PeerClient *client(std::string_view name);
	/// What is wrong with a peer that is reachable, as a clause; empty: nothing.
	[[nodiscard]] std::string trouble_of(std::string_view name);
	/// This process.
	[[nodiscard]] Member self() const { return {own_.name, own_.incarnation}; }
	/// These are the peers that were found, besides those of the configuration: connections to
	/// others, or to other addresses, are ended, and what was asked on them fails.
	void set_found(const std::vector<PeerConfig> &found);
	/// Of found ones, those that are reachable.
	[[nodiscard]] std::set<std::string> answering() const;
	/// The peers that are reachable now.
	[[nodiscard]] std::vector<Member> links() const;
	/// Says `frame`, at most peer_cast_bytes_max bytes, to the engine of the cluster there.
	/// What has not been heard within `limit` is lost; `answered` is told, but not if `to` is
	/// not reachable now.
	void cast(const Member &to, std::string frame, Duration limit, Instant now,
		  PeerClient::Answered answered);

	/// The result of an order: PeerAnswer's status, text and what belongs to its verb.
	void done(std::uint64_t token, const PeerAnswer &answer);

	/// Readable when step() has something to do.
	[[nodiscard]] int fd() const { return epoll_.get(); }
	void step(Instant now);
	[[nodiscard]] std::optional<Instant> deadline() const;

private:
	struct Asker {
		std::unique_ptr<PeerLink> link;
		std::string address; ///< numeric
		std::uint32_t watched = 0;
		bool over = false;
	};
	struct Asked {
		PeerClient client;
		int watched_fd = -1;
		std::uint32_t watched = 0;
	};
	Peers(ClusterConfig config, Host host, PeerHello own, std::shared_ptr<const PeerKeys> keys,
	      UniqueFd epoll);
	void accept_all(Instant now);
	void listen(bool on);
	[[nodiscard]] std::optional<std::string> why_not(std::string_view name,
							 const PeerHello &hello);
	void complain(const std::string &address, const std::string &why);
	void turn_away(Asker &asker, const std::string &why);
	[[nodiscard]] bool is_twin(const PeerClient &client) const;
	void ask_back(std::string_view name, std::uint64_t incarnation, Instant now);
	void serve(Asker &asker, Instant now);
	void watch(int fd, std::uint32_t &watched, bool writes);

	ClusterConfig config_;
	Host host_;
	PeerHello own_;
	std::shared_ptr<const PeerKeys> keys_;
	UniqueFd epoll_;
	UniqueFd listener_;
	/// After accept(2) ran out of descriptors; until then the listener wakes nobody.
	std::optional<Instant> accept_again_;
	bool accept_failed_ = false; ///< and it was told
	PeerService service_;
	std::list<Asker> askers_;
	std::list<Asked> asked_;
	std::map<std::string, std::string> complaints_; ///< the last of each address
	/// Lines about peers that were found.
	Quota found_lines_{FoundHosts::told_max, FoundHosts::told_per};
	bool answered_ = false; ///< done() has put something into a session
};

/// This host, as it introduces itself. Errors: of reading /etc/machine-id and the boot id.
[[nodiscard]] Result<PeerHello> own_hello(const std::string &name);

} // namespace swpath
