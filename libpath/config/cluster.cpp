// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/config/cluster.h"

#include <algorithm>
#include <cerrno>

#include <arpa/inet.h>
#include <fmt/core.h>

#include "libpath/unit/kinds.h"
#include "libpath/unit/nbd_endpoint.h"

namespace swpath
{

bool is_name(std::string_view text)
{
	constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "0123456789._-";
	return !text.empty() && text.size() <= host_name_bytes_max &&
	       text.find_first_not_of("0123456789") != std::string_view::npos &&
	       text.find_first_not_of(allowed) == std::string_view::npos;
}

std::string own_path_name(unsigned index)
{
	std::string name(word(PathKind::DIRECT));
	if (index > 0)
		name += std::to_string(index + 1);
	return name;
}

bool is_own_path_name(std::string_view text)
{
	for (unsigned index = 0; index < SW_PATHS_MAX; index++)
		if (text == own_path_name(index))
			return true;
	return false;
}

std::string HostAddress::text() const
{
	return NbdEndpoint{host, port, {}}.text();
}

Result<HostAddress> HostAddress::parse(std::string_view text, std::uint16_t port)
{
	const auto wrong = [&](std::string_view why) {
		return fail(EINVAL, fmt::format("'{}' {}", text, why));
	};
	const auto endpoint = NbdEndpoint::parse(text);
	if (!endpoint || endpoint->host.empty())
		return wrong("is not ADDRESS or ADDRESS:PORT");
	in6_addr bytes{};
	if (inet_pton(AF_INET, endpoint->host.c_str(), &bytes) != 1 &&
	    inet_pton(AF_INET6, endpoint->host.c_str(), &bytes) != 1)
		return wrong("is not a numeric address");
	const bool has_port = text.ends_with(fmt::format(":{}", endpoint->port));
	return HostAddress{endpoint->host, has_port ? endpoint->port : port};
}

const PeerConfig *ClusterConfig::peer(std::string_view called) const
{
	const auto found = std::find_if(peers.begin(), peers.end(), [&](const PeerConfig &each) {
		return each.name == called;
	});
	return found == peers.end() ? nullptr : &*found;
}

std::vector<std::string> ClusterConfig::problems() const
{
	std::vector<std::string> found;
	if (name.empty())
		found.emplace_back("cluster has no name: it is this host's line of the key file");
	if (key_file.empty())
		found.emplace_back("cluster has no key_file: psktool -u NAME -p FILE makes a line");
	if (serve && !listen)
		found.emplace_back(
			"cluster serves, but does not listen: peers could not ask for a disk");
	if (serve && listen && *serve == *listen)
		found.push_back(fmt::format(
			"cluster listens and serves at {}: give one of them another port",
			serve->text()));
	if (discover != HostDiscovery::None && !listen)
		found.emplace_back(
			"cluster is to be discovered, but does not listen: nobody could reach it");
	if (group.size() > cluster_group_bytes_max)
		found.push_back(fmt::format("cluster: group has more than {} bytes",
					    cluster_group_bytes_max));
	if (peers.size() >= cluster_hosts_max)
		found.push_back(fmt::format("cluster: {} peers; a cluster has at most {} hosts, "
					    "this one included",
					    peers.size(), cluster_hosts_max));
	for (std::size_t i = 0; i < peers.size(); i++) {
		// Units without paths have one of each.
		if (is_own_path_name(peers[i].name))
			found.push_back(
				fmt::format("cluster: a peer cannot be called '{}': that is what "
					    "a host's own path to a disk is called",
					    peers[i].name));
		if (peers[i].name == name)
			found.push_back(
				fmt::format("cluster: peer '{}' has this host's own name", name));
		for (std::size_t j = 0; j < i; j++)
			if (peers[j].name == peers[i].name)
				found.push_back(fmt::format("cluster: two peers are called '{}'",
							    peers[i].name));
	}
	return found;
}

} // namespace swpath
