// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/found_hosts.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "libpath/base/earlier.h"
#include "libpath/base/text.h"

namespace swpath
{

FoundHosts::FoundHosts(const ClusterConfig &cluster, std::vector<PeerConfig> proved, Instant now)
	: self_(cluster.name), group_(cluster.group)
{
	for (const auto &peer : cluster.peers)
		if (!peer.found)
			configured_.insert(peer.name);
	for (auto &peer : proved) {
		peer.found = true;
		if (configured_.contains(peer.name) || peer.name == self_)
			continue;
		last_seen_[peer.name] = now;
		proved_.push_back(std::move(peer));
	}
}

std::string FoundHosts::announced(const Place &place, const std::vector<std::string> &texts,
				  const HostAddress &address, Instant now)
{
	const auto advert = read_advert(texts);
	std::string why;
	if (!advert)
		why = advert.error().context;
	else if (advert->group != group_)
		why = fmt::format("it is of the group '{}', this host of '{}'",
				  printable(advert->group), group_);
	else if (advert->host == self_)
		why = "it has this host's own name";
	else if (is_own_path_name(advert->host))
		why = "a host cannot be called so: a host's own path to a disk is";
	if (!why.empty()) {
		places_.erase(place);
		if (refused_.size() >= refused_max && !refused_.contains(place))
			return {};
		if (std::exchange(refused_[place], why) == why || !refusals_.take(now))
			return {};
		return fmt::format("'{}' at {}: {}", printable(place.name), address.text(), why);
	}
	refused_.erase(place);
	// Of no use without the name of an interface; the host's other addresses come by
	// themselves.
	if (!advert->at && address.host.starts_with("fe80:"))
		return {};
	if (places_.contains(place) || places_.size() < 4 * hosts_max)
		places_[place] = {*advert, advert->at.value_or(address)};
	return {};
}

/// The first of its places. One that is heard on several interfaces has one address by its own
/// word, or several that are as good.
const FoundHosts::Heard *FoundHosts::announcement_of(std::string_view host) const
{
	for (const auto &[place, heard] : places_)
		if (heard.advert.host == host)
			return &heard;
	return nullptr;
}

std::vector<PeerConfig> FoundHosts::peers() const
{
	auto all = proved_;
	std::set<std::string> names;
	for (const auto &peer : proved_)
		names.insert(peer.name);
	for (const auto &[place, heard] : places_)
		if (!configured_.contains(heard.advert.host) && all.size() < hosts_max &&
		    names.insert(heard.advert.host).second)
			all.push_back({heard.advert.host, heard.address, true});
	return all;
}

bool FoundHosts::step(const std::set<std::string> &answering,
		      const std::function<bool(const std::string &)> &needed, Instant now)
{
	const auto proved_before = proved_;
	for (auto &peer : proved_) {
		const auto *heard = announcement_of(peer.name);
		auto &seen = last_seen_[peer.name];
		if (heard != nullptr || answering.contains(peer.name) ||
		    (now >= seen + forget_after && needed(peer.name)))
			seen = now;
		// It is asked where it was until it does not answer there.
		if (heard != nullptr && !answering.contains(peer.name))
			peer.address = heard->address;
	}
	std::erase_if(proved_, [&](const PeerConfig &peer) {
		return now >= last_seen_[peer.name] + forget_after;
	});

	std::vector<std::pair<std::uint16_t, PeerConfig>> added;
	for (const auto &peer : peers()) {
		const bool known =
			std::any_of(proved_.begin(), proved_.end(),
				    [&](const auto &each) { return each.name == peer.name; });
		const auto *heard = announcement_of(peer.name);
		if (!known && heard != nullptr && answering.contains(peer.name))
			added.emplace_back(heard->advert.priority, peer);
	}
	std::sort(added.begin(), added.end(), [](const auto &one, const auto &other) {
		return std::tie(one.first, one.second.name) <
		       std::tie(other.first, other.second.name);
	});
	for (auto &[priority, peer] : added) {
		last_seen_[peer.name] = now;
		proved_.push_back(std::move(peer));
	}
	const auto all = peers();
	return std::exchange(before_, all) != all || proved_ != proved_before;
}

std::optional<Instant> FoundHosts::deadline() const
{
	std::optional<Instant> first;
	for (const auto &peer : proved_) {
		first = earlier(first, last_seen_.at(peer.name) + forget_after);
	}
	return first;
}

} // namespace swpath
