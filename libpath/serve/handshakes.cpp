// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/handshakes.h"

namespace swpath
{

Handshakes::Key Handshakes::key_of(const sockaddr_storage &peer)
{
	const auto bytes = [](const auto &address) {
		const auto *first = reinterpret_cast<const unsigned char *>(&address);
		return std::vector<unsigned char>(first, first + sizeof(address));
	};
	if (peer.ss_family == AF_INET) {
		const auto &in = reinterpret_cast<const sockaddr_in &>(peer);
		return {bytes(in.sin_addr), in.sin_port};
	}
	const auto &in = reinterpret_cast<const sockaddr_in6 &>(peer);
	return {bytes(in.sin6_addr), in.sin6_port};
}

bool Handshakes::begin(const sockaddr_storage &peer, Instant now)
{
	// A port is given again: the connection that had it is over.
	gone(peer);
	if (count_ >= at_once_max)
		return false;
	known_[key_of(peer)] = {peer, {now, false}};
	count_++;
	return true;
}

void Handshakes::uses(const sockaddr_storage &peer, bool an_export)
{
	const auto found = known_.find(key_of(peer));
	if (found == known_.end() || found->second.second.uses_export == an_export)
		return;
	found->second.second.uses_export = an_export;
	an_export ? count_-- : count_++;
}

void Handshakes::gone(const sockaddr_storage &peer)
{
	const auto found = known_.find(key_of(peer));
	if (found == known_.end())
		return;
	count_ -= found->second.second.uses_export ? 0 : 1;
	known_.erase(found);
}

std::vector<sockaddr_storage> Handshakes::all() const
{
	std::vector<sockaddr_storage> peers;
	for (const auto &[key, each] : known_)
		if (!each.second.uses_export)
			peers.push_back(each.first);
	return peers;
}

std::vector<sockaddr_storage> Handshakes::late(Instant now) const
{
	std::vector<sockaddr_storage> peers;
	for (const auto &[key, each] : known_)
		if (!each.second.uses_export && now >= each.second.began + time_max)
			peers.push_back(each.first);
	return peers;
}

} // namespace swpath
