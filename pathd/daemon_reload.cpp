// SPDX-License-Identifier: GPL-2.0-or-later
/// Of the daemon: another configuration, or other keys, while it runs.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "pathd/daemon.h"
#include "pathd/log.h"

namespace swpath
{

using log::Message;

std::string problems_text(const std::vector<ConfigProblem> &problems)
{
	std::string text;
	for (const auto &problem : problems)
		text += (text.empty() ? "" : "\n") + problem.message();
	return text;
}

void Daemon::disable_unit(const std::string &name)
{
	const auto found = units_.find(name);
	found->second->let_go();
	units_.erase(found);
	ending_.erase(name);
	log::say(Message::Notice, {.unit = name}, "is disabled and is left as it is");
}

void Daemon::remove_unit(const std::string &name)
{
	const auto found = units_.find(name);
	remover_.add(found->second->end());
	found->second->let_go();
	units_.erase(found);
	ending_.erase(name);
}

/// The configuration with the paths that it would have now.
ConfigResult Daemon::read_files() const
{
	auto loaded = load_config(options_.config, options_.config_directory);
	if (!loaded)
		return loaded;
	if (found_)
		set_found_peers(*loaded, found_->proved());
	// Another [cluster] is used after a restart, and so are the paths through its peers.
	derive_paths(*loaded, config_.cluster);
	return loaded;
}

Answered<std::vector<std::string>> Daemon::load(bool dry_run)
{
	auto loaded = read_files();
	if (!loaded)
		return refuse(RefusalKind::ConfigInvalid, problems_text(loaded.error()),
			      "the running configuration stays in effect");
	std::vector<std::string> lines;
	const auto changes = diff(config_, *loaded);
	for (const auto &change : changes) {
		const auto *wanted = loaded->unit(change.unit);
		const auto kept = units_.find(change.unit);
		if (wanted == nullptr || !wanted->enabled || kept == units_.end() ||
		    wanted->wwid != kept->second->config().wwid)
			continue;
		if (const auto why = kept->second->keeps_paths(*wanted))
			return refuse(RefusalKind::Unsafe, *why,
				      "the running configuration stays in effect");
	}
	for (const auto &change : changes) {
		std::string keys;
		for (const auto &key : change.keys)
			keys += fmt::format("{}{} = {}", keys.empty() ? ": " : ", ", key.key,
					    key.after);
		lines.push_back(fmt::format("{}{}{}", word(change.kind),
					    change.unit.empty() ? "" : " " + change.unit, keys));
		const auto *wanted = loaded->unit(change.unit);
		const auto kept = units_.find(change.unit);
		const bool disabled = wanted != nullptr && !wanted->enabled;
		const bool same = wanted != nullptr && kept != units_.end() &&
				  wanted->wwid == kept->second->config().wwid;
		const bool removed = kept != units_.end() && !disabled && !same;
		if (removed)
			lines.back() += "; " + fate_of(kept->second->end());
		const std::string restart = needs_restart(change);
		if (!restart.empty())
			lines.back() += "; " + restart;
		if (dry_run)
			continue;
		log::say(restart.empty() ? Message::Notice : Message::Warning, {},
			 "configuration: {}", lines.back());
		if (removed)
			remove_unit(change.unit);
		else if (kept != units_.end() && disabled)
			disable_unit(change.unit);
		else if (kept != units_.end())
			kept->second->reconfigure(*wanted);
	}
	if (!dry_run) {
		keep_started(*loaded, config_);
		config_ = std::move(*loaded);
		edits_told_ = false;
		log::set_level(config_.daemon.log_level);
		make_units();
	}
	return lines;
}

/// What people ask for: the configuration and the cluster's keys, both or neither.
Answered<std::vector<std::string>> Daemon::load_with_keys(bool dry_run)
{
	std::shared_ptr<const PeerKeys> other_keys;
	if (peers_) {
		const auto &cluster = peers_->config();
		auto keys = PeerKeys::load(cluster.key_file, cluster.name);
		if (!keys)
			return refuse(RefusalKind::ConfigInvalid, keys.error().message(),
				      "the running configuration and the keys stay in effect");
		if ((*keys)->file() != peers_->keys().file())
			other_keys = std::move(*keys);
	}
	auto lines = load(dry_run);
	if (!lines || !other_keys)
		return lines;
	lines->push_back(fmt::format("cluster: connections from now on use what '{}' has now",
				     peers_->config().key_file));
	if (!dry_run) {
		log::say(Message::Notice, {}, "configuration: {}", lines->back());
		peers_->set_keys(std::move(other_keys));
	}
	return lines;
}

/// Nobody has asked for a reload: what an administrator is about to change waits for one.
void Daemon::reload_found()
{
	const auto loaded = read_files();
	if (!loaded)
		return log::say(Message::ConfigRejected, {}, "{}", problems_text(loaded.error()));
	for (const auto &name : take_new_units(config_, *loaded, finder_.file()))
		log::say(Message::Notice, {.unit = name}, "configuration: {} {}",
			 word(ConfigChangeKind::UnitAdded), name);
	const auto others = diff(config_, *loaded);
	const bool wait = std::any_of(others.begin(), others.end(), [](const auto &change) {
		return needs_restart(change).empty();
	});
	if (wait && !std::exchange(edits_told_, true))
		log::say(Message::Notice, {},
			 "the configuration files have other changes, which wait for `pathctl "
			 "reload`");
	make_units();
}

void Daemon::reload(CallId id, bool dry_run)
{
	if (!dry_run)
		notify("RELOADING=1");
	const auto changes = load_with_keys(dry_run);
	if (!changes && !dry_run)
		log::say(Message::ConfigRejected, {}, "{}", changes.error().message);
	if (!dry_run)
		notify("READY=1");
	server_->answer(id, changes);
}

} // namespace swpath
