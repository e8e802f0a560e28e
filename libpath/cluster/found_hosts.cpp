// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/found_hosts.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "libpath/base/earlier.h"
#include "libpath/base/text.h"
#include "libpath/cluster/member.h"

namespace swpath
{

static_assert(cluster_hosts_max == members_max);

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
		answered_[peer.name] = peer.address;
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

/// The first of its places.
const FoundHosts::Heard *FoundHosts::announcement_of(std::string_view host) const
{
	for (const auto &[place, heard] : places_)
		if (heard.advert.host == host)
			return &heard;
	return nullptr;
}

bool FoundHosts::is_proved(std::string_view host) const
{
	return std::any_of(proved_.begin(), proved_.end(),
			   [&](const PeerConfig &peer) { return peer.name == host; });
}

/// Without doubles, and in an order that does not change while the same is announced.
std::vector<HostAddress> FoundHosts::addresses_of(const std::string &host) const
{
	std::vector<HostAddress> all;
	const auto add = [&](const HostAddress &address) {
		if (std::find(all.begin(), all.end(), address) == all.end())
			all.push_back(address);
	};
	for (const auto &[place, heard] : places_)
		if (heard.advert.host == host)
			add(heard.address);
	if (const auto last = answered_.find(host); last != answered_.end())
		add(last->second);
	return all;
}

/// Of a host that does not answer at `address`: the next one, when its time is over.
void FoundHosts::ask_elsewhere(const std::string &host, HostAddress &address, Instant now)
{
	const auto all = addresses_of(host);
	const auto here = std::find(all.begin(), all.end(), address);
	const auto [since, first] = asked_since_.try_emplace(host, now);
	if (all.empty() || (here != all.end() && !first && now < since->second + ask_for))
		return;
	since->second = now;
	address =
		here == all.end() || std::next(here) == all.end() ? all.front() : *std::next(here);
}

void FoundHosts::choose_addresses(const std::set<std::string> &answering, Instant now)
{
	for (auto &peer : proved_) {
		if (answering.contains(peer.name)) {
			answered_[peer.name] = peer.address;
			asked_since_.erase(peer.name);
		} else {
			ask_elsewhere(peer.name, peer.address, now);
		}
	}
	std::erase_if(asked_, [&](const auto &each) {
		return announcement_of(each.first) == nullptr || is_proved(each.first);
	});
	for (const auto &[place, heard] : places_) {
		const auto &host = heard.advert.host;
		if (configured_.contains(host) || is_proved(host))
			continue;
		const auto [asked, is_new] = asked_.try_emplace(host, heard.address);
		if (is_new)
			asked_since_[host] = now;
		else if (!answering.contains(host))
			ask_elsewhere(host, asked->second, now);
	}
	std::erase_if(asked_since_, [&](const auto &each) {
		return !asked_.contains(each.first) && !is_proved(each.first);
	});
	std::erase_if(answered_, [&](const auto &each) { return !is_proved(each.first); });
}

std::vector<PeerConfig> FoundHosts::peers() const
{
	auto all = proved_;
	std::set<std::string> names;
	for (const auto &peer : proved_)
		names.insert(peer.name);
	for (const auto &[place, heard] : places_) {
		const auto &host = heard.advert.host;
		if (configured_.contains(host) || configured_.size() + all.size() >= hosts_max ||
		    !names.insert(host).second)
			continue;
		const auto asked = asked_.find(host);
		all.push_back({host, asked == asked_.end() ? heard.address : asked->second, true});
	}
	return all;
}

bool FoundHosts::step(const std::set<std::string> &answering,
		      const std::function<bool(const std::string &)> &needed, Instant now)
{
	const auto proved_before = proved_;
	for (const auto &peer : proved_) {
		auto &seen = last_seen_[peer.name];
		if (announcement_of(peer.name) != nullptr || answering.contains(peer.name) ||
		    (now >= seen + forget_after && needed(peer.name)))
			seen = now;
	}
	std::erase_if(proved_, [&](const PeerConfig &peer) {
		return now >= last_seen_[peer.name] + forget_after;
	});
	choose_addresses(answering, now);

	std::vector<std::pair<std::uint16_t, PeerConfig>> added;
	for (const auto &peer : peers()) {
		const auto *heard = announcement_of(peer.name);
		if (!is_proved(peer.name) && heard != nullptr && answering.contains(peer.name))
			added.emplace_back(heard->advert.priority, peer);
	}
	std::sort(added.begin(), added.end(), [](const auto &one, const auto &other) {
		return std::tie(one.first, one.second.name) <
		       std::tie(other.first, other.second.name);
	});
	for (auto &[priority, peer] : added) {
		last_seen_[peer.name] = now;
		answered_[peer.name] = peer.address;
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
	for (const auto &[host, since] : asked_since_)
		if (addresses_of(host).size() > 1)
			first = earlier(first, since + ask_for);
	return first;
}

} // namespace swpath
