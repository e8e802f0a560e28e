// SPDX-License-Identifier: GPL-2.0-or-later
/// Of the daemon: hosts that the configuration does not name and that are found ([cluster]
/// discover).
#include <algorithm>

#include <fmt/core.h>

#include "libpath/sys/clock.h"
#include "pathd/daemon.h"
#include "pathd/log.h"
#include "pathd/run_state.h"

namespace swpath
{

using log::Message;

/// Those that this process's predecessor had found are peers before they are found again: a unit
/// may be on its way through one.
void Daemon::begin_discovery()
{
	const auto &cluster = config_.cluster;
	if (!cluster.configured() || cluster.discover == HostDiscovery::None)
		return;
	auto before = load_found_hosts();
	if (!before)
		log::say(Message::Warning, {}, "hosts that were found are to be found again: {}",
			 before.error().message());
	found_ = std::make_unique<FoundHosts>(cluster, before.value_or(std::vector<PeerConfig>()),
					      now());
	set_found_peers(config_, found_->proved());
}

/// This host is announced from now on: it answers. peers_ is there.
Result<void> Daemon::announce()
{
	if (!found_)
		return {};
	const auto &cluster = peers_->config();
	auto dns_sd = DnsSd::create(advert_of(cluster), cluster.listen->port);
	if (!dns_sd)
		return fail(dns_sd.error(), "[cluster] discover");
	if (auto watched = loop_->watch((*dns_sd)->fd(), [] {}); !watched) // round() does the rest
		return watched;
	dns_sd_ = std::move(*dns_sd);
	discovery_trouble_ = dns_sd_->trouble(); // that it is not tried yet is no news
	return {};
}

void Daemon::step_discovery(Instant now)
{
	for (const auto &event : dns_sd_->step(now)) {
		if (const auto *host = std::get_if<DnsSd::Announced>(&event)) {
			const auto why =
				found_->announced(host->place, host->texts, host->address, now);
			if (!why.empty())
				log::say(Message::Warning, {}, "announced host {}: it is not used",
					 why);
		} else if (const auto *gone = std::get_if<DnsSd::Withdrawn>(&event)) {
			found_->withdrawn(gone->place);
		} else {
			found_->all_withdrawn();
		}
	}
	if (dns_sd_->trouble() != discovery_trouble_) {
		discovery_trouble_ = dns_sd_->trouble();
		if (discovery_trouble_.empty())
			log::say(Message::Notice, {}, "hosts are looked for");
		else
			log::say(Message::Warning, {}, "hosts are not found: {}",
				 discovery_trouble_);
	}
	const auto needed = [this](const std::string &peer) {
		return std::any_of(units_.begin(), units_.end(),
				   [&](const auto &each) { return each.second->needs_peer(peer); });
	};
	if (!found_->step(peers_->answering(), needed, now))
		return;
	use_found();
	peers_->set_found(found_->peers());
}

/// Units get paths through those that are peers now.
void Daemon::use_found()
{
	const auto before = config_.cluster;
	set_found_peers(config_, found_->proved());
	if (config_.cluster == before)
		return;
	for (const auto &peer : config_.cluster.peers)
		if (peer.found && before.peer(peer.name) == nullptr)
			log::say(Message::Notice, {}, "peer {} was found at {}", peer.name,
				 peer.address.text());
	for (const auto &peer : before.peers)
		if (config_.cluster.peer(peer.name) == nullptr)
			log::say(Message::Notice, {}, "peer {} is gone", peer.name);
	if (auto saved = save_found_hosts(found_->proved()); !saved)
		log::say(Message::Warning, {}, "{}", saved.error().message());
	for (auto &[name, unit] : units_)
		if (const auto *wanted = config_.unit(name);
		    wanted != nullptr && unit->config() != *wanted)
			unit->reconfigure(*wanted);
	tell_of_peers_without_path();
}

} // namespace swpath
