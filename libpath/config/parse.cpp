// SPDX-License-Identifier: LGPL-2.1-or-later
/// The schema.
#include <algorithm>
#include <array>

#include <sys/un.h>

#include "libpath/config/reader.h"
#include "libpath/unit/unit_name.h"

namespace swpath
{
namespace
{

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A device-mapper UUID holds 128 bytes, the prefix included.
constexpr std::size_t wwid_bytes_max = 128 - (sizeof(SW_UUID_PREFIX) - 1);
constexpr std::size_t export_bytes_max = 4096;
/// unix(7), less the byte that ends it.
constexpr std::size_t socket_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

Origin origin_of(const std::string &file, const toml::source_region &region)
{
	return {file, static_cast<unsigned>(region.begin.line),
		static_cast<unsigned>(region.begin.column)};
}

} // namespace

void ConfigReader::problem(const toml::source_region &at, std::string text, std::string hint)
{
	note({origin_of(file_, at), std::move(text), std::move(hint)});
}

void ConfigReader::problem(const toml::node &at, std::string text, std::string hint)
{
	problem(at.source(), std::move(text), std::move(hint));
}

void ConfigReader::read_table(const toml::node &node, const std::string &prefix,
			      const std::vector<Key> &keys)
{
	const auto *table = node.as_table();
	if (!table) {
		problem(node, fmt::format("{} is not a table", prefix));
		return;
	}
	for (const auto &[key, value] : *table) {
		const auto name = key.str();
		const auto full =
			prefix.empty() ? std::string(name) : fmt::format("{}.{}", prefix, name);
		const auto known = std::find_if(keys.begin(), keys.end(),
						[&](const Key &each) { return each.name == name; });
		if (known != keys.end()) {
			config_.origins[full] = origin_of(file_, key.source());
			known->read(value, full);
			continue;
		}
		std::vector<std::string_view> names;
		names.reserve(keys.size());
		for (const auto &each : keys)
			names.push_back(each.name);
		const auto near = nearest_word(name, names);
		problem(key.source(),
			fmt::format("unknown key '{}'{}", name,
				    prefix.empty() ? "" : fmt::format(" in [{}]", prefix)),
			near.empty() ? "" : fmt::format("did you mean '{}'?", near));
	}
}

std::optional<std::string> ConfigReader::text(const toml::node &node, const std::string &key)
{
	const auto *value = node.as_string();
	if (!value) {
		problem(node, fmt::format("{} is not a string", key), "put it in double quotes");
		return std::nullopt;
	}
	// TOML writes any with a backslash.
	const auto is_control = [](unsigned char each) { return each < 0x20 || each == 0x7f; };
	if (std::any_of(value->get().begin(), value->get().end(), is_control)) {
		problem(node, fmt::format("{} holds a control character", key));
		return std::nullopt;
	}
	return value->get();
}

void ConfigReader::read_text(const toml::node &node, const std::string &key, std::string &into)
{
	if (auto given = text(node, key)) {
		if (given->empty())
			problem(node, fmt::format("{} is empty", key));
		else
			into = std::move(*given);
	}
}

void ConfigReader::read_bool(const toml::node &node, const std::string &key, bool &into)
{
	if (const auto *value = node.as_boolean())
		into = value->get();
	else
		problem(node, fmt::format("{} is neither true nor false", key));
}

void ConfigReader::read_count(const toml::node &node, const std::string &key, unsigned least,
			      unsigned most, unsigned &into)
{
	const auto *value = node.as_integer();
	if (value && value->get() >= static_cast<std::int64_t>(least) &&
	    value->get() <= static_cast<std::int64_t>(most))
		into = static_cast<unsigned>(value->get());
	else
		problem(node,
			fmt::format("{} is not a whole number from {} to {}", key, least, most));
}

std::optional<Duration> ConfigReader::duration(const toml::node &node, const std::string &key,
					       Duration least, Duration most, Duration step,
					       std::string_view never)
{
	const auto range = fmt::format("{} to {}{}", duration_text(least), duration_text(most),
				       never.empty() ? "" : fmt::format(", or \"{}\"", never));
	const auto *value = node.as_string();
	if (!value) {
		problem(node, fmt::format("{} is not a duration in double quotes", key),
			"write for example \"5s\", \"500ms\", \"10min\" or \"1h\"");
		return std::nullopt;
	}
	if (!never.empty() && value->get() == never)
		return Duration::zero();
	const auto given = parse_duration(value->get());
	if (!given) {
		problem(node, fmt::format("{} '{}' is not a duration", key, value->get()),
			"write for example \"5s\", \"500ms\", \"10min\" or \"1h\"");
		return std::nullopt;
	}
	if (*given < least || *given > most) {
		problem(node, fmt::format("{} {} is not from {}", key, value->get(), range));
		return std::nullopt;
	}
	if (*given % step != Duration::zero()) {
		problem(node, fmt::format("{} {} is not a multiple of {}", key, value->get(),
					  duration_text(step)));
		return std::nullopt;
	}
	return given;
}

void ConfigReader::read_duration(const toml::node &node, const std::string &key, Duration least,
				 Duration most, Duration step, Duration &into,
				 std::string_view never)
{
	if (const auto given = duration(node, key, least, most, step, never))
		into = *given;
}

void ConfigReader::read_failback(const toml::node &node, const std::string &key,
				 FailbackConfig &failback)
{
	using namespace std::chrono_literals;
	read_table(node, key,
		   {{"policy",
		     [&](const auto &n, const auto &k) { read_word(n, k, failback.policy); }},
		    {"interval",
		     [&](const auto &n, const auto &k) {
			     read_duration(n, k, 0s, 24h, 1s, failback.interval);
		     }},
		    {"stable", [&](const auto &n, const auto &k) {
			     read_duration(n, k, 0s, 24h, 100ms, failback.stable);
		     }}});
}

std::vector<ConfigReader::Key> ConfigReader::unit_keys(UnitConfig &unit)
{
	using namespace std::chrono_literals;
	return {
		{"mv_timeout",
		 [&](const auto &n, const auto &k) {
			 read_duration(n, k, seconds(SW_MV_TIMEOUT_S_MIN),
				       seconds(SW_MV_TIMEOUT_S_MAX), 1s, unit.mv_timeout);
		 }},
		{"stall",
		 [&](const auto &n, const auto &k) {
			 read_duration(n, k, milliseconds(SW_STALL_MS_MIN),
				       milliseconds(SW_STALL_MS_MAX), 1ms, unit.stall, "never");
		 }},
		{"fence", [&](const auto &n, const auto &k) { read_word(n, k, unit.fence); }},
		{"lu_reset", [&](const auto &n, const auto &k) { read_bool(n, k, unit.lu_reset); }},
		{"reservations",
		 [&](const auto &n, const auto &k) { read_bool(n, k, unit.reservations); }},
		{"witness",
		 [&](const auto &n, const auto &k) {
			 read_count(n, k, 0, SW_WITNESS_MAX, unit.witness);
		 }},
		{"direct_paths",
		 [&](const auto &n, const auto &k) {
			 read_count(n, k, 1, SW_PATHS_MAX, unit.direct_paths);
		 }},
		{"failback",
		 [&](const auto &n, const auto &k) { read_failback(n, k, unit.failback); }},
		{"check_interval",
		 [&](const auto &n, const auto &k) {
			 read_duration(n, k, 100ms, 1h, 1ms, unit.check_interval);
		 }},
		{"command_timeout",
		 [&](const auto &n, const auto &k) {
			 if (const auto *value = n.as_string(); value && value->get() == "auto")
				 unit.command_timeout = std::nullopt;
			 else if (const auto given = duration(n, k, 1s, 60s, 1s))
				 unit.command_timeout = given;
		 }},
	};
}

void ConfigReader::read_wwid(const toml::node &node, const std::string &key, std::string &into)
{
	auto given = text(node, key);
	if (!given)
		return;
	const std::string_view value = *given;
	constexpr std::string_view hint = "write it as /sys/block/sdX/device/wwid shows it";
	const auto hex = [](std::string_view digits) {
		return digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
	};
	if (value.empty() || trimmed(value) != value) {
		problem(node, fmt::format("{} is empty or has blanks around it", key),
			std::string(hint));
		return;
	}
	if (value.size() > wwid_bytes_max) {
		problem(node, fmt::format("{} has more than {} bytes", key, wwid_bytes_max));
		return;
	}
	// The forms that other tools print: 0x6001…, wwn-0x6001…, 36001… (multipath).
	auto digits = value;
	if (digits.starts_with("wwn-"))
		digits.remove_prefix(4);
	if (digits.starts_with("0x"))
		digits.remove_prefix(2);
	else if ((digits.size() == 17 || digits.size() == 33) && digits[0] == '3')
		digits.remove_prefix(1);
	if ((digits.size() == 16 || digits.size() == 32) && hex(digits)) {
		problem(node, fmt::format("{} '{}' has no type", key, value),
			fmt::format("did you mean 'naa.{}'?", digits));
		return;
	}
	auto lower = *given;
	std::transform(lower.begin(), lower.end(), lower.begin(),
		       [](unsigned char each) { return std::tolower(each); });
	const bool naa = lower.starts_with("naa."), eui = lower.starts_with("eui.");
	if (naa || eui) {
		const auto name = std::string_view(lower).substr(4);
		const bool length =
			name.size() == 16 || name.size() == 32 || (eui && name.size() == 24);
		if (!hex(name) || !length) {
			problem(node,
				fmt::format("{} '{}' is not {} and {} hexadecimal digits", key,
					    value, naa ? "naa." : "eui.",
					    naa ? "16 or 32" : "16, 24 or 32"),
				std::string(hint));
			return;
		}
		*given = std::move(lower);
	}
	into = std::move(*given);
}

void ConfigReader::read_path_name(const toml::node &node, const std::string &key, std::string &into)
{
	const auto given = text(node, key);
	if (!given)
		return;
	if (!is_name(*given))
		problem(node,
			fmt::format(
				"{} '{}' is no name: letters, digits, '.', '_' and '-', at most "
				"{}, and not digits alone",
				key, *given, host_name_bytes_max));
	else
		into = *given;
}

void ConfigReader::read_path(const toml::node &node, const std::string &key, UnitConfig &unit)
{
	PathConfig path;
	bool has_kind = false;
	const auto *table = node.as_table();
	if (!table) {
		problem(node, fmt::format("{} is not a table", key));
		return;
	}
	const auto before = problems_.size();
	read_table(
		node, key,
		{{"kind",
		  [&](const auto &n, const auto &k) {
			  read_word(n, k, path.kind);
			  has_kind = true;
		  }},
		 {"name", [&](const auto &n, const auto &k) { read_path_name(n, k, path.name); }},
		 {"hctl",
		  [&](const auto &n, const auto &k) {
			  read_text(n, k, path.hctl);
			  if (std::count(path.hctl.begin(), path.hctl.end(), ':') != 3 ||
			      path.hctl.find_first_not_of("0123456789:*") != std::string::npos)
				  problem(n,
					  fmt::format("{} '{}' is not HOST:CHANNEL:TARGET:LUN", k,
						      path.hctl),
					  "for example \"2:0:*:*\"");
		  }},
		 {"by_path", [&](const auto &n, const auto &k) { read_text(n, k, path.by_path); }},
		 {"peer", [&](const auto &n, const auto &k) { read_path_name(n, k, path.peer); }},
		 {"server",
		  [&](const auto &n, const auto &k) {
			  const auto given = text(n, k);
			  if (!given)
				  return;
			  auto endpoint = NbdEndpoint::parse(*given);
			  if (endpoint)
				  path.server = std::move(*endpoint);
			  else
				  problem(n, endpoint.error().context,
					  "write \"HOST:PORT\" or \"unix:/PATH\"");
		  }},
		 {"export", [&](const auto &n, const auto &k) {
			  read_text(n, k, path.export_name);
			  if (path.export_name.size() > export_bytes_max)
				  problem(n, fmt::format("{} has more than {} bytes", k,
							 export_bytes_max));
		  }}});
	if (!has_kind) {
		problem(node, fmt::format("{} has no kind", key),
			fmt::format("write kind = one of {}", words_listed<PathKind>()));
		return;
	}
	if (problems_.size() != before)
		return;

	const bool served = path.kind == PathKind::SERVED;
	constexpr std::array direct_keys{"hctl", "by_path"};
	constexpr std::array served_keys{"server", "export", "peer"};
	using Keys = std::span<const char *const>;
	for (const auto *other : served ? Keys(direct_keys) : Keys(served_keys))
		if (const auto *misplaced = table->get(other))
			problem(*misplaced, fmt::format("{}.{} does not belong to a {} path", key,
							other, word(path.kind)));
	const bool by_peer = !path.peer.empty();
	if (served && !by_peer && !table->contains("server"))
		problem(node, fmt::format("{} is served, but has no server and no peer", key));
	if (by_peer && (table->contains("server") || table->contains("export")))
		problem(node,
			fmt::format("{}: a peer is asked where it serves: server and export do not "
				    "belong here",
				    key));
	if (served && !by_peer && path.export_name.empty())
		path.export_name = unit.name;
	if (path.name.empty() && by_peer)
		path.name = path.peer;
	if (path.name.empty()) {
		path.name = served ? path.server.host : "direct";
		if (path.name.empty() && served)
			path.name = "local";
	}
	for (const auto &other : unit.paths)
		if (other.name == path.name)
			problem(node,
				fmt::format("{}: a path of {} is called '{}' already", key,
					    unit.name, path.name),
				"give it a name of its own: name = \"beta2\"");
	unit.paths.push_back(std::move(path));
}

void ConfigReader::read_paths(const toml::node &node, const std::string &key, UnitConfig &unit)
{
	const auto *array = node.as_array();
	if (!array) {
		problem(node, fmt::format("{} is not a list of tables", key),
			fmt::format("write [[unit.{}.path]]", unit.name));
		return;
	}
	if (array->size() > SW_PATHS_MAX) {
		problem(node, fmt::format("{} has more than {} paths", unit.name, SW_PATHS_MAX));
		return;
	}
	std::size_t index = 0;
	for (const auto &each : *array)
		read_path(each, fmt::format("{}.{}", key, index++), unit);
}

void ConfigReader::read_unit(const std::string &name, const toml::node &node)
{
	const auto prefix = "unit." + name;
	if (!is_unit_name(name)) {
		problem(node, fmt::format("a unit cannot be called '{}'", name),
			"units are called sw0 to sw999999");
		return;
	}
	if (const auto *other = config_.unit(name)) {
		problem(node, fmt::format("unit {} is described in {} already", other->name,
					  config_.origins[prefix].text()));
		return;
	}
	auto unit = defaults_;
	unit.name = name;
	const auto before = problems_.size();
	auto keys = unit_keys(unit);
	keys.push_back({"wwid", [&](const auto &n, const auto &k) { read_wwid(n, k, unit.wwid); }});
	keys.push_back(
		{"enabled", [&](const auto &n, const auto &k) { read_bool(n, k, unit.enabled); }});
	keys.push_back(
		{"build", [&](const auto &n, const auto &k) { read_bool(n, k, unit.build); }});
	keys.push_back(
		{"serve", [&](const auto &n, const auto &k) { read_bool(n, k, unit.serve); }});
	keys.push_back({"path", [&](const auto &n, const auto &k) { read_paths(n, k, unit); }});
	config_.origins[prefix] = origin_of(file_, node.source());
	read_table(node, prefix, keys);
	const auto *table = node.as_table();
	if (!table)
		return;

	if (!table->contains("wwid"))
		problem(node, fmt::format("{} has no wwid", prefix),
			"it is what a disk is known by: cat /sys/block/sdX/device/wwid");
	if (table->contains("path") && unit.paths.empty() && problems_.size() == before)
		problem(node, fmt::format("{} has an empty list of paths", prefix),
			"leave path out: then the unit has this host's own and one through each "
			"peer");
	if (const auto *given = table->get("direct_paths"); given && table->contains("path"))
		problem(*given, fmt::format("{} has direct_paths, and paths of its own", prefix),
			"leave one of them out: direct_paths is for a unit without [[path]]");
	for (const auto &[other_name, other] : config_.units)
		if (!unit.wwid.empty() && other.wwid == unit.wwid)
			problem(node, fmt::format("{} and {} have the same wwid", other_name, name),
				"a disk is one unit: leave one of them out, or give it the wwid of "
				"its own disk");
	// Of a stall budget of a second or less, the least time limit there is.
	if (unit.command_timeout && unit.stall != Duration::zero() &&
	    *unit.command_timeout >= unit.stall && *unit.command_timeout > seconds(1))
		problem(node,
			fmt::format("{}: command_timeout {} is not below stall {}", prefix,
				    duration_text(*unit.command_timeout),
				    duration_text(unit.stall)),
			"a hung path must give up before the unit leaves it; \"auto\" does");
	config_.units[name] = std::move(unit);
}

void ConfigReader::read_common(const toml::table &root, const std::string &file)
{
	file_ = file;
	const auto later = [](const toml::node &, const std::string &) {};
	read_table(
		root, "",
		{{"daemon",
		  [&](const auto &node, const auto &key) {
			  auto &daemon = config_.daemon;
			  read_table(node, key,
				     {{"socket",
				       [&](const auto &n, const auto &k) {
					       std::string given = daemon.socket;
					       read_text(n, k, given);
					       if (!given.starts_with('/'))
						       problem(n, fmt::format("{} '{}' is not an "
									      "absolute path",
									      k, given));
					       else if (given.size() > socket_bytes_max)
						       problem(n, fmt::format("{} has more than {} "
									      "bytes",
									      k, socket_bytes_max));
					       else
						       daemon.socket = given;
				       }},
				      {"socket_group",
				       [&](const auto &n, const auto &k) {
					       read_text(n, k, daemon.socket_group);
				       }},
				      {"log_level",
				       [&](const auto &n, const auto &k) {
					       read_word(n, k, daemon.log_level);
				       }},
				      {"guard_interval", [&](const auto &n, const auto &k) {
					       read_duration(n, k, std::chrono::seconds(1),
							     std::chrono::hours(1),
							     std::chrono::milliseconds(1),
							     daemon.guard_interval, "never");
				       }}});
		  }},
		 {"cluster", [&](const auto &node, const auto &key) { read_cluster(node, key); }},
		 {"discover", [&](const auto &node, const auto &key) { read_discover(node, key); }},
		 {"hints", [&](const auto &node, const auto &key) { read_hints(node, key); }},
		 {"defaults",
		  [&](const auto &node, const auto &key) {
			  read_table(node, key, unit_keys(defaults_));
		  }},
		 {"unit", later}});
}

void ConfigReader::read_units(const toml::table &root, const std::string &file)
{
	file_ = file;
	const auto *node = root.get("unit");
	if (!node)
		return;
	const auto *units = node->as_table();
	if (!units) {
		problem(*node, "unit is not a table", "write [unit.sw0]");
		return;
	}
	for (const auto &[name, unit] : *units)
		read_unit(std::string(name.str()), unit);
}

ConfigResult ConfigReader::finish() &&
{
	if (problems_.empty()) {
		for (auto &[name, unit] : config_.units)
			unit.paths_derived = unit.paths.empty();
		derive_paths(config_, config_.cluster);
		check_peers();
	}
	if (problems_.empty())
		return std::move(config_);
	return tl::unexpected(std::move(problems_));
}

ConfigResult parse_config(std::span<const ConfigFile> files)
{
	ConfigReader reader;
	std::vector<std::pair<toml::table, std::string>> trees;
	for (const auto &file : files) {
		auto tree = parse_toml(file);
		if (tree)
			trees.emplace_back(std::move(*tree), file.path);
		else
			reader.note(std::move(tree.error()));
	}
	// Defaults of every file come before the units of any.
	for (const auto &[tree, path] : trees)
		reader.read_common(tree, path);
	for (const auto &[tree, path] : trees)
		reader.read_units(tree, path);
	return std::move(reader).finish();
}

} // namespace swpath
