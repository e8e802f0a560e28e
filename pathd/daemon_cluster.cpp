// SPDX-License-Identifier: GPL-2.0-or-later
/// Of the daemon: this host among others. Its peers, the members of its cluster, what they know of
/// each other's disks, and the marks on their buses.
#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "libpath/sys/clock.h"
#include "pathd/daemon.h"
#include "pathd/log.h"
#include "pathd/members_engine.h"
#include "pathd/static_engine.h"
#include "pathd/wall_clock.h"

namespace swpath
{

using log::Message;

namespace
{

/// A clause on a peer; empty: all units have a path through it.
std::string without_path_text(const std::vector<std::string> &units)
{
	if (units.empty())
		return {};
	return fmt::format("{} no path through it, as a unit has at most {}: [[unit.{}.path]] "
			   "chooses them",
			   units.size() == 1 ? units.front() + " has"
					     : fmt::format("{} and {} more units have",
							   units.front(), units.size() - 1),
			   SW_PATHS_MAX, units.front());
}

} // namespace

/// Told when it changes.
void Daemon::tell_of_peers_without_path()
{
	std::map<std::string, std::string> now;
	for (const auto &peer : config_.cluster.peers)
		if (auto text = without_path_text(units_without_path(config_, peer.name));
		    !text.empty())
			now[peer.name] = std::move(text);
	for (const auto &[peer, text] : now)
		if (const auto told = without_path_told_.find(peer);
		    told == without_path_told_.end() || told->second != text)
			log::say(Message::Warning, {}, "peer {}: {}", peer, text);
	without_path_told_ = std::move(now);
}

/// What knows who is a member. peers_ is there.
Result<std::unique_ptr<ClusterEngine>> Daemon::make_engine()
{
	if (config_.cluster.engine == ClusterEngineKind::Static) {
		auto engine = std::make_unique<StaticEngine>(*peers_);
		engine_ = engine.get();
		return engine;
	}
	auto engine = MembersEngine::create(peers_->self(), config_.cluster.group, mailbox_);
	if (!engine)
		return fail(engine.error(), "[cluster] engine");
	if (auto watched = loop_->watch((*engine)->fd(), [] {}); !watched)
		return tl::unexpected(watched.error());
	return std::move(*engine);
}

void Daemon::touch_units()
{
	for (auto &[name, unit] : units_)
		unit->touch();
}

/// Peers are asked and answered from now on, and the server is kept. At boot the address to listen
/// at may come later than pathd, and threads or memory may be short for a moment, so a failure is
/// not the end: what is there by then stays, and the next call goes on with the rest.
Result<void> Daemon::join_cluster()
{
	if (!peers_)
		if (auto met = meet_peers(); !met)
			return met;
	if (found_ && !dns_sd_)
		if (auto announced = announce(); !announced)
			return announced;
	const auto &cluster = config_.cluster;
	if (!cluster.serve || serving_)
		return {};
	ServerSetup setup;
	setup.listen = {cluster.serve->host, cluster.serve->port, {}};
	setup.plain = cluster.plain;
	if (!cluster.plain)
		setup.psk_file = cluster.key_file;
	auto serving = Serving::create(std::move(setup), mailbox_, [this] { touch_units(); });
	if (!serving)
		return tl::unexpected(serving.error());
	serving_ = std::move(*serving);
	services_.serving = serving_.get();
	return {};
}

Result<void> Daemon::meet_peers()
{
	const auto &cluster = config_.cluster;
	Peers::Host host;
	host.disk = [this](const std::string &wwid,
			   const std::string &peer) -> std::optional<PeerDisk> {
		const auto *unit = served_unit(wwid);
		return unit != nullptr ? unit->peer_disk(peer) : once_served(wwid, peer);
	};
	host.carry_out = [this](const PeerOrder &order, const std::string &address) {
		if (auto *unit = served_unit(order.request.wwid))
			unit->carry_out(order, address);
		else if (order.kind == PeerOrder::Kind::Revoke)
			revoke_once_served(order);
	};
	host.changed = [this] {
		if (engine_ != nullptr)
			engine_->links_changed();
		touch_units();
	};
	host.cast = [this](const Member &from, std::string_view frame) {
		if (engine_ != nullptr)
			engine_->take(from, frame);
	};
	auto peers = Peers::create(cluster, std::move(host));
	if (!peers)
		return fail(peers.error(), "[cluster]");
	peers_ = std::move(*peers);
	services_.peers = peers_.get();
	auto engine = make_engine();
	auto watched = engine ? loop_->watch(peers_->fd(), [] {}) // round() does the rest
			      : tl::unexpected(engine.error());
	if (!watched) {
		engine_ = nullptr;
		services_.peers = nullptr;
		peers_.reset();
		return watched;
	}
	directory_ = std::make_unique<ServerDirectory>(
		peers_->self(), cluster.serve ? cluster.serve->text() : std::string());
	services_.directory = directory_.get();
	sightings_ = std::make_unique<DiskSightings>(peers_->self());
	cluster_ = std::make_unique<Cluster>(
		peers_->self(), std::move(*engine),
		std::vector<SyncService *>{sightings_.get(), directory_.get()});
	return {};
}

/// What this host can serve now, and what it sees, is what its peers know of it in advance.
void Daemon::tell_members()
{
	sightings_->set_own(finder_.sightings());
	std::set<std::string> offered;
	for (const auto &[name, unit] : units_)
		if (const auto &wwid = unit->config().wwid;
		    unit->can_serve() && directory_->offer(wwid, peers_->config().priority, name))
			offered.insert(wwid);
	directory_->keep_offers(offered);
}

void Daemon::find_disks()
{
	if (hints_ && sightings_)
		hints_->members_see(sightings_->of_others());
	finder_.look(config_, directory_.get(), sightings_.get(), hints_.get());
}

ClusterReport Daemon::cluster()
{
	ClusterReport report;
	report.generated = wall_now();
	report.version = SWPATH_VERSION;
	report.name = config_.cluster.name;
	report.trouble = join_trouble_;
	if (!peers_)
		return report;
	const auto &config = peers_->config();
	report.engine = word(config.engine);
	cluster_->report(report);
	report.discovery = discovery_trouble_;
	const auto is_member = [&](const std::string &name) {
		return std::find(report.members.begin(), report.members.end(), name) !=
		       report.members.end();
	};
	for (const auto &peer : config.peers) {
		const auto *client = peers_->client(peer.name);
		const bool member = is_member(peer.name);
		std::string text;
		if (!client->reachable())
			text = client->trouble();
		else if (!member && config.engine == ClusterEngineKind::Corosync)
			text = fmt::format("it is not in corosync's group '{}' with this host",
					   config.group);
		else if (!member && !config.listen)
			text = "[cluster] of this host has no listen: no peer can reach it";
		else if (!member)
			text = "it and this host do not both reach each other and all members";
		const auto also = [&](const std::string &clause) {
			if (!clause.empty())
				text += (text.empty() ? "" : "; ") + clause;
		};
		also(peers_->trouble_of(peer.name));
		also(without_path_text(units_without_path(config_, peer.name)));
		if (peer.found)
			also(fmt::format("found by {}", word(config.discover)));
		report.peers.push_back({peer.name, peer.address.text(), client->reachable(), member,
					std::move(text)});
	}
	// The names are given twice: here, and in each host's own configuration.
	for (const auto &name : report.members)
		if (name != config.name && config.peer(name) == nullptr)
			report.peers.push_back(
				{name, "", false, true, "it is no [[cluster.peer]] of this host"});
	return report;
}

/// Marks are left and read from now on; the lock space itself comes when there is a bus.
Result<void> Daemon::begin_hints()
{
	if (!config_.hints.configured)
		return {};
	auto hints = BusHints::create(config_.hints, config_.cluster.serve.has_value(),
				      BusHints::program(config_.hints), mailbox_,
				      [this] { touch_units(); });
	if (!hints)
		return fail(hints.error(), "[hints]");
	hints_ = std::move(*hints);
	services_.hints = hints_.get();
	return loop_->watch(hints_->fd(), [] {}); // round() does the rest
}

void Daemon::step_hints(Instant now)
{
	// A host without any may be before its adapter's login.
	if ((hints_->has_ports() || now >= started_ + BusSharing::direct_wait) &&
	    std::all_of(units_.begin(), units_.end(),
			[](const auto &each) { return each.second->directs_judged(); }))
		hints_->ports_known();
	hints_->step(now);
}

HintsReport Daemon::hints()
{
	HintsReport report;
	if (hints_)
		report = hints_->report();
	report.generated = wall_now();
	report.version = SWPATH_VERSION;
	return report;
}

} // namespace swpath
