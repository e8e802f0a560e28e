// SPDX-License-Identifier: LGPL-2.1-or-later
/// Hosts that the configuration does not name and that announce themselves: which of them are
/// asked, and which have shown that they are peers. Pure: announcements come and go, peers answer
/// or do not, the list of peers goes out.
///
/// An announcement proves nothing. A host that is announced is connected to; when it has shown that
/// it has the key and is who it says, it is a peer like those of the configuration, and units have
/// a path through it. It stays one when it is not announced any more, as long as it answers, or a
/// unit needs it.
///
/// Nor does an announcement say where a host is: anybody can announce one elsewhere. So one that
/// does not answer is asked in turn at each address that is announced for it, and at the one where
/// it answered last.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/quota.h"
#include "libpath/cluster/host_advert.h"
#include "libpath/config/cluster.h"

namespace swpath
{

class FoundHosts
{
public:
	/// A peer that is neither announced nor answers is forgotten after this.
	static constexpr Duration forget_after = std::chrono::minutes(5);
	/// One that does not answer, and may be in several places, is asked in each for so long.
	static constexpr Duration ask_for = std::chrono::seconds(10);
	/// Peers, those of the configuration included. What is announced beyond them waits.
	static constexpr std::size_t hosts_max = cluster_hosts_max - 1;
	/// Announcements that are not used, of which is known that it was said.
	static constexpr std::size_t refused_max = 64;
	/// Of them so many are told in so long a time.
	static constexpr unsigned told_max = 32;
	static constexpr Duration told_per = std::chrono::minutes(10);

	/// One announcement as one interface hears it.
	struct Place {
		int interface = 0;
		int protocol = 0;
		std::string name; ///< of the service

		auto operator<=>(const Place &) const = default;
	};

	/// `proved`: peers that were found by this host's pathd before it was restarted.
	FoundHosts(const ClusterConfig &cluster, std::vector<PeerConfig> proved, Instant now);

	/// It is announced, or announced anew. `address`: where the record says that it is.
	/// Returns why it is not used, for the log; empty: it is, that was said before, or too
	/// much was said.
	[[nodiscard]] std::string announced(const Place &place,
					    const std::vector<std::string> &texts,
					    const HostAddress &address, Instant now);
	void withdrawn(const Place &place)
	{
		places_.erase(place);
		refused_.erase(place);
	}
	/// Nobody knows any more what is announced.
	void all_withdrawn() { places_.clear(); }

	/// `answering`: names of found peers that answer, have the key, and call themselves so.
	/// `needed`: whether a unit has one in its table; asked only of those that would be
	/// forgotten, which then stay for another `forget_after`. True: peers() or proved() are
	/// others.
	[[nodiscard]] bool step(const std::set<std::string> &answering,
				const std::function<bool(const std::string &)> &needed,
				Instant now);
	/// When step() is due even if nothing happens.
	[[nodiscard]] std::optional<Instant> deadline() const;

	/// To be connected to: all.
	[[nodiscard]] std::vector<PeerConfig> peers() const;
	/// Of those the ones that units have paths through, oldest first: a unit's paths do not
	/// change their places. Those that are proved in one step, by priority, then by name.
	[[nodiscard]] const std::vector<PeerConfig> &proved() const { return proved_; }

private:
	struct Heard {
		HostAdvert advert;
		HostAddress address;
	};
	[[nodiscard]] const Heard *announcement_of(std::string_view host) const;
	[[nodiscard]] bool is_proved(std::string_view host) const;
	[[nodiscard]] std::vector<HostAddress> addresses_of(const std::string &host) const;
	void ask_elsewhere(const std::string &host, HostAddress &address, Instant now);
	void choose_addresses(const std::set<std::string> &answering, Instant now);

	std::string self_;
	std::string group_;
	std::set<std::string> configured_;
	std::map<Place, Heard> places_;
	std::map<Place, std::string> refused_; ///< and why, as it was told
	Quota refusals_{told_max, told_per};
	std::vector<PeerConfig> proved_;
	std::map<std::string, Instant> last_seen_; ///< of proved ones
	/// Where proved ones answered last.
	std::map<std::string, HostAddress> answered_;
	/// Where announced ones that are not proved are asked.
	std::map<std::string, HostAddress> asked_;
	std::map<std::string, Instant> asked_since_; ///< there, without an answer
	std::vector<PeerConfig> before_;             ///< peers(), at the last step
};

} // namespace swpath
