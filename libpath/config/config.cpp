// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/config/config.h"

#include <algorithm>
#include <filesystem>

#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/sys/file.h"

namespace swpath
{
namespace
{

constexpr std::size_t file_bytes_max = 2U << 20;

struct KeyValue {
	std::string key;   ///< within its table: "failback.interval"
	std::string value; ///< as TOML
};

std::string toml_string(std::string_view text)
{
	std::string value = "\"";
	for (const char each : text) {
		if (each == '"' || each == '\\')
			value += '\\';
		value += each;
	}
	return value + "\"";
}

std::string toml_string(Duration duration)
{
	return toml_string(duration_text(duration));
}

std::vector<KeyValue> values_of(const DaemonConfig &daemon)
{
	return {{"socket", toml_string(daemon.socket)},
		{"socket_group", toml_string(daemon.socket_group)},
		{"log_level", toml_string(word(daemon.log_level))},
		{"guard_interval", daemon.guard_interval == Duration::zero()
					   ? toml_string("never")
					   : toml_string(daemon.guard_interval)}};
}

std::vector<KeyValue> values_of(const ClusterConfig &cluster)
{
	std::vector<KeyValue> values;
	if (!cluster.configured())
		return values;
	values = {{"name", toml_string(cluster.name)},
		  {"key_file", toml_string(cluster.key_file)},
		  {"plain", cluster.plain ? "true" : "false"},
		  {"priority", std::to_string(cluster.priority)},
		  {"engine", toml_string(word(cluster.engine))},
		  {"discover", toml_string(word(cluster.discover))}};
	if (cluster.engine == ClusterEngineKind::Corosync ||
	    cluster.discover != HostDiscovery::None)
		values.push_back({"group", toml_string(cluster.group)});
	if (cluster.listen)
		values.push_back({"listen", toml_string(cluster.listen->text())});
	if (cluster.serve)
		values.push_back({"serve", toml_string(cluster.serve->text())});
	for (std::size_t i = 0; i < cluster.peers.size(); i++) {
		const auto &peer = cluster.peers[i];
		values.push_back({fmt::format("peer.{}.name", i), toml_string(peer.name)});
		values.push_back(
			{fmt::format("peer.{}.address", i), toml_string(peer.address.text())});
	}
	return values;
}

std::vector<KeyValue> values_of(const DiscoverConfig &discover)
{
	std::string except;
	for (const auto &each : discover.except)
		except += (except.empty() ? "" : ", ") + toml_string(each);
	return {{"units", toml_string(word(discover.units))},
		{"except", fmt::format("[{}]", except)}};
}

std::vector<KeyValue> values_of(const HintsConfig &hints)
{
	std::vector<KeyValue> values;
	if (!hints.configured)
		return values;
	values = {
		{"engine", toml_string(word(hints.engine))},
		{"lockspace", toml_string(hints.lockspace)},
		{"number", hints.number ? fmt::format("{}", *hints.number) : toml_string("auto")}};
	for (std::size_t i = 0; i < hints.buses.size(); i++) {
		const auto &bus = hints.buses[i];
		values.push_back({fmt::format("bus.{}.port", i), toml_string(bus.port)});
		values.push_back({fmt::format("bus.{}.name", i), toml_string(bus.name.text())});
	}
	return values;
}

void add_path(std::vector<KeyValue> &values, std::size_t index, const PathConfig &path)
{
	const auto add = [&](std::string_view key, std::string_view value) {
		if (!value.empty())
			values.push_back(
				{fmt::format("path.{}.{}", index, key), toml_string(value)});
	};
	add("kind", word(path.kind));
	add("name", path.name);
	if (!path.peer.empty()) {
		add("peer", path.peer);
	} else if (path.kind == PathKind::SERVED) {
		add("server", path.server.text());
		add("export", path.export_name);
	} else {
		add("hctl", path.hctl);
		add("by_path", path.by_path);
	}
}

std::vector<KeyValue> values_of(const UnitConfig &unit)
{
	std::vector<KeyValue> values{
		{"wwid", toml_string(unit.wwid)},
		{"enabled", unit.enabled ? "true" : "false"},
		{"build", unit.build ? "true" : "false"},
		{"serve", unit.serve ? "true" : "false"},
		{"mv_timeout", toml_string(unit.mv_timeout)},
		{"stall",
		 unit.stall == Duration::zero() ? toml_string("never") : toml_string(unit.stall)},
		{"fence", toml_string(word(unit.fence))},
		{"lu_reset", unit.lu_reset ? "true" : "false"},
		{"reservations", unit.reservations ? "true" : "false"},
		{"witness", fmt::format("{}", unit.witness)},
		{"failback.policy", toml_string(word(unit.failback.policy))},
		{"failback.interval", toml_string(unit.failback.interval)},
		{"failback.stable", toml_string(unit.failback.stable)},
		{"check_interval", toml_string(unit.check_interval)},
		{"command_timeout",
		 unit.command_timeout ? toml_string(*unit.command_timeout) : toml_string("auto")},
	};
	for (std::size_t index = 0; index < unit.paths.size(); index++)
		add_path(values, index, unit.paths[index]);
	return values;
}

std::vector<KeyChange> changes(const std::vector<KeyValue> &before,
			       const std::vector<KeyValue> &after)
{
	const auto value_in = [](const std::vector<KeyValue> &values, const std::string &key) {
		const auto found =
			std::find_if(values.begin(), values.end(),
				     [&](const KeyValue &each) { return each.key == key; });
		return found == values.end() ? std::string() : found->value;
	};
	std::vector<KeyChange> found;
	for (const auto &[key, value] : before)
		if (auto now = value_in(after, key); now != value)
			found.push_back({key, value, std::move(now)});
	for (const auto &[key, value] : after)
		if (value_in(before, key).empty())
			found.push_back({key, "", value});
	return found;
}

Origin origin_in(const Config &config, const std::string &table, const std::string &key,
		 bool has_defaults)
{
	if (const auto own = config.origins.find(table + "." + key); own != config.origins.end())
		return own->second;
	if (has_defaults)
		if (const auto common = config.origins.find("defaults." + key);
		    common != config.origins.end())
			return common->second;
	return {};
}

} // namespace

std::chrono::seconds UnitConfig::effective_command_timeout() const
{
	using std::chrono::seconds;
	constexpr seconds least(1), most(30);
	if (command_timeout)
		return std::chrono::duration_cast<seconds>(*command_timeout);
	if (stall == Duration::zero())
		return most;
	return std::clamp(std::chrono::duration_cast<seconds>(stall - seconds(1)), least, most);
}

std::string Origin::text() const
{
	return line == 0 ? "default" : fmt::format("{}:{}:{}", file, line, column);
}

std::string ConfigProblem::message() const
{
	const auto place = where.line == 0 ? where.file : where.text();
	return hint.empty() ? fmt::format("{}: {}", place, text)
			    : fmt::format("{}: {} ({})", place, text, hint);
}

const UnitConfig *Config::unit(std::string_view name) const
{
	const auto found = units.find(std::string(name));
	return found == units.end() ? nullptr : &found->second;
}

namespace
{

void derive_paths(UnitConfig &unit, const ClusterConfig &cluster)
{
	unit.paths.clear();
	for (unsigned index = 0; index < unit.direct_paths; index++) {
		PathConfig own;
		own.name = own_path_name(index);
		unit.paths.push_back(std::move(own));
	}
	for (const auto &peer : cluster.peers) {
		if (!unit.build || unit.paths.size() == SW_PATHS_MAX)
			return;
		PathConfig path;
		path.kind = PathKind::SERVED;
		path.name = path.peer = peer.name;
		unit.paths.push_back(std::move(path));
	}
}

} // namespace

void derive_paths(Config &config, const ClusterConfig &cluster)
{
	for (auto &[name, unit] : config.units)
		if (unit.paths_derived)
			derive_paths(unit, cluster);
}

void set_found_peers(Config &config, const std::vector<PeerConfig> &found)
{
	auto &peers = config.cluster.peers;
	std::erase_if(peers, [](const PeerConfig &peer) { return peer.found; });
	for (const auto &peer : found)
		if (config.cluster.peer(peer.name) == nullptr)
			peers.push_back(peer);
	derive_paths(config, config.cluster);
}

std::vector<std::string> units_without_path(const Config &config, std::string_view peer)
{
	std::vector<std::string> names;
	for (const auto &[name, unit] : config.units)
		if (unit.enabled && unit.build && unit.paths_derived &&
		    std::none_of(unit.paths.begin(), unit.paths.end(),
				 [&](const PathConfig &path) { return path.peer == peer; }))
			names.push_back(name);
	return names;
}

void keep_started(Config &loaded, const Config &running)
{
	loaded.cluster = running.cluster;
	loaded.hints = running.hints;
	loaded.daemon.socket = running.daemon.socket;
	loaded.daemon.socket_group = running.daemon.socket_group;
}

std::vector<std::string> take_new_units(Config &running, const Config &loaded,
					std::string_view file)
{
	const auto has = [&running](const UnitConfig &unit) {
		return std::any_of(
			running.units.begin(), running.units.end(), [&](const auto &entry) {
				return entry.first == unit.name || entry.second.wwid == unit.wwid;
			});
	};
	std::vector<std::string> taken;
	for (const auto &[name, unit] : loaded.units) {
		const auto key = fmt::format("unit.{}.", name);
		const auto written = loaded.origins.find(key + "wwid");
		if (has(unit) || written == loaded.origins.end() ||
		    std::filesystem::path(written->second.file) != file)
			continue;
		running.units.emplace(name, unit);
		for (auto at = loaded.origins.lower_bound(key);
		     at != loaded.origins.end() && at->first.starts_with(key); ++at)
			running.origins.insert_or_assign(at->first, at->second);
		taken.push_back(name);
	}
	return taken;
}

std::string needs_restart(const ConfigChange &change)
{
	std::string what;
	if (change.kind == ConfigChangeKind::ClusterChanged)
		what = "[cluster]";
	else if (change.kind == ConfigChangeKind::HintsChanged)
		what = "[hints]";
	else if (change.kind == ConfigChangeKind::DaemonChanged)
		for (const auto &each : change.keys)
			if (each.key == "socket" || each.key == "socket_group")
				what += (what.empty() ? "[daemon] " : ", ") + each.key;
	return what.empty() ? what
			    : fmt::format("{} is read when pathd starts: restart it (units go on)",
					  what);
}

ConfigResult load_config(const std::string &main, const std::string &directory)
{
	namespace fs = std::filesystem;
	std::vector<std::string> paths{main};
	std::vector<ConfigProblem> problems;
	const auto names = names_in(directory);
	if (!names && names.error().code != std::errc::no_such_file_or_directory)
		problems.push_back({{directory, 0, 0},
				    "cannot be listed: " + names.error().code.message(),
				    ""});
	for (const auto &name : names.value_or(std::vector<std::string>{}))
		if (fs::path(name).extension() == ".toml")
			paths.push_back((fs::path(directory) / name).string());

	std::vector<ConfigFile> files;
	for (const auto &path : paths) {
		std::error_code error;
		// A directory is told by read(2); a pipe or a terminal would be waited for.
		if (fs::is_fifo(path, error) || fs::is_character_file(path, error)) {
			problems.push_back({{path, 0, 0}, "cannot be read: no regular file", ""});
			continue;
		}
		auto text = read_file(path, file_bytes_max);
		if (text)
			files.push_back({path, std::move(*text)});
		else if (path != main || text.error().code != std::errc::no_such_file_or_directory)
			problems.push_back({{path, 0, 0},
					    "cannot be read: " + text.error().code.message(),
					    ""});
	}
	auto config = parse_config(files);
	if (problems.empty())
		return config;
	if (!config)
		problems.insert(problems.end(), config.error().begin(), config.error().end());
	return tl::unexpected(std::move(problems));
}

std::vector<EffectiveValue> effective_values(const Config &config)
{
	std::vector<EffectiveValue> values;
	const auto add = [&](const std::string &table, const std::vector<KeyValue> &of_table,
			     bool has_defaults) {
		for (const auto &[key, value] : of_table)
			values.push_back({fmt::format("{}.{}", table, key), value,
					  origin_in(config, table, key, has_defaults)});
	};
	add("daemon", values_of(config.daemon), false);
	add("cluster", values_of(config.cluster), false);
	add("discover", values_of(config.discover), false);
	add("hints", values_of(config.hints), false);
	for (const auto &[name, unit] : config.units)
		add("unit." + name, values_of(unit), true);
	return values;
}

std::vector<ConfigChange> diff(const Config &before, const Config &after)
{
	std::vector<ConfigChange> found;
	if (before.daemon != after.daemon)
		found.push_back({ConfigChangeKind::DaemonChanged, "",
				 changes(values_of(before.daemon), values_of(after.daemon))});
	if (before.cluster != after.cluster)
		found.push_back({ConfigChangeKind::ClusterChanged, "",
				 changes(values_of(before.cluster), values_of(after.cluster))});
	if (before.discover != after.discover)
		found.push_back({ConfigChangeKind::DiscoverChanged, "",
				 changes(values_of(before.discover), values_of(after.discover))});
	if (before.hints != after.hints)
		found.push_back({ConfigChangeKind::HintsChanged, "",
				 changes(values_of(before.hints), values_of(after.hints))});
	for (const auto &[name, unit] : before.units) {
		const auto *now = after.unit(name);
		if (!now)
			found.push_back({ConfigChangeKind::UnitRemoved, name, {}});
		else if (unit != *now)
			found.push_back({ConfigChangeKind::UnitChanged, name,
					 changes(values_of(unit), values_of(*now))});
	}
	for (const auto &[name, unit] : after.units)
		if (!before.unit(name))
			found.push_back({ConfigChangeKind::UnitAdded, name, {}});
	return found;
}

} // namespace swpath
