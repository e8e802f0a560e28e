// SPDX-License-Identifier: LGPL-2.1-or-later
/// The hosts that serve disks to each other, and who this one is among them: [cluster].
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/base/words.h"

namespace swpath
{

/// Where pathds answer each other, if no other port is given.
inline constexpr std::uint16_t peer_port = 10808;
/// Where disks are served, if no other port is given: NBD's own.
inline constexpr std::uint16_t serve_port = 10809;

/// What knows who is a member.
#define SWPATH_CLUSTER_ENGINES(X)                                                                  \
	X(Static, "static")     /* the peers that this host reaches, and they it */                \
	X(Corosync, "corosync") /* a group of processes of this host's corosync */
SWPATH_WORDS(ClusterEngineKind, SWPATH_CLUSTER_ENGINES)

/// How hosts are found that the configuration does not name.
#define SWPATH_HOST_DISCOVERIES(X)                                                                 \
	X(None, "none")                                                                            \
	X(DnsSd, "dns-sd") /* each announces itself in DNS-SD, through avahi-daemon */
SWPATH_WORDS(HostDiscovery, SWPATH_HOST_DISCOVERIES)

/// Of a name in corosync.
inline constexpr std::size_t cluster_group_bytes_max = 128;

/// Of one cluster, this host included: as many as its membership has room for.
inline constexpr std::size_t cluster_hosts_max = 64;

/// A numeric address and a port. No names: whoever is to be fenced may be the name server.
struct HostAddress {
	std::string host; ///< "10.0.0.2", "fe80::1"
	std::uint16_t port = 0;

	bool operator==(const HostAddress &) const = default;

	/// "10.0.0.2:10808", "[fe80::1]:10808".
	[[nodiscard]] std::string text() const;
	/// Reads the same; without a port it has `port`. Pure. Errors: EINVAL with what is wrong.
	[[nodiscard]] static Result<HostAddress> parse(std::string_view text, std::uint16_t port);
};

/// What a path, and so a host, may be called: letters, digits, '.', '_' and '-', at most 32, not
/// digits alone.
inline constexpr std::size_t host_name_bytes_max = 32;
[[nodiscard]] bool is_name(std::string_view text);
/// What this host's own paths are called in a unit that has none written: "direct", "direct2" and
/// so on. `index` counts from 0.
[[nodiscard]] std::string own_path_name(unsigned index);
/// One of those, so no name of a host.
[[nodiscard]] bool is_own_path_name(std::string_view text);

struct PeerConfig {
	std::string name;    ///< its line of the key file, and of its own [cluster]
	HostAddress address; ///< where its pathd answers
	bool found = false;  ///< not by the configuration

	bool operator==(const PeerConfig &) const = default;
};

struct ClusterConfig {
	std::string name;                  ///< this host's; empty: there is no [cluster]
	std::string key_file;              ///< "NAME:HEX", a line for each host
	std::optional<HostAddress> listen; ///< where pathd answers peers; nothing: it only asks
	std::optional<HostAddress> serve;  ///< where disks are served; nothing: none are
	bool plain = false;                ///< disks are served without TLS
	/// Of the disks that this host serves: who needs a server asks the lowest first.
	std::uint16_t priority = 100;
	std::vector<PeerConfig> peers;
	ClusterEngineKind engine = ClusterEngineKind::Static;
	std::string group =
		"swpath"; ///< of corosync's processes, and of hosts that find each other
	HostDiscovery discover = HostDiscovery::None;

	bool operator==(const ClusterConfig &) const = default;

	[[nodiscard]] bool configured() const { return !name.empty(); }
	[[nodiscard]] const PeerConfig *peer(std::string_view called) const;
	/// What [cluster] lacks or contradicts, one sentence each; empty: it can be used.
	[[nodiscard]] std::vector<std::string> problems() const;
};

} // namespace swpath
