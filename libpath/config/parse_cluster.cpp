// SPDX-License-Identifier: LGPL-2.1-or-later
/// The schema of what a host says of its place among others: [cluster], [discover] and
/// [hints].
#include <algorithm>
#include <limits>

#include "libpath/config/reader.h"
#include "libpath/hints/lock_space.h"

namespace swpath
{

void ConfigReader::read_address(const toml::node &node, const std::string &key, std::uint16_t port,
				std::optional<HostAddress> &into)
{
	const auto given = text(node, key);
	if (!given)
		return;
	if (auto address = HostAddress::parse(*given, port))
		into = std::move(*address);
	else
		problem(node, fmt::format("{} {}", key, address.error().context),
			fmt::format("write \"10.0.0.2:{}\"", port));
}

void ConfigReader::read_peers(const toml::node &node, const std::string &key)
{
	const auto *array = node.as_array();
	if (!array) {
		problem(node, fmt::format("{} is not a list of tables", key),
			"write [[cluster.peer]]");
		return;
	}
	std::size_t index = 0;
	for (const auto &each : *array) {
		PeerConfig peer;
		std::optional<HostAddress> address;
		const auto before = problems_.size();
		read_table(each, fmt::format("{}.{}", key, index++),
			   {{"name", [&](const auto &n,
					 const auto &k) { read_path_name(n, k, peer.name); }},
			    {"address", [&](const auto &n, const auto &k) {
				     read_address(n, k, peer_port, address);
			     }}});
		if (problems_.size() != before)
			continue;
		if (peer.name.empty() || !address) {
			problem(each, fmt::format("{} needs a name and an address", key));
			continue;
		}
		peer.address = std::move(*address);
		config_.cluster.peers.push_back(std::move(peer));
	}
}

void ConfigReader::read_cluster(const toml::node &node, const std::string &key)
{
	auto &cluster = config_.cluster;
	const auto before = problems_.size();
	if (cluster.configured()) {
		problem(node, "cluster is described in another file already");
		return;
	}
	read_table(
		node, key,
		{{"name",
		  [&](const auto &n, const auto &k) { read_path_name(n, k, cluster.name); }},
		 {"key_file",
		  [&](const auto &n, const auto &k) {
			  read_text(n, k, cluster.key_file);
			  if (!cluster.key_file.empty() && !cluster.key_file.starts_with('/'))
				  problem(n, fmt::format("{} '{}' is not an absolute path", k,
							 cluster.key_file));
		  }},
		 {"listen", [&](const auto &n,
				const auto &k) { read_address(n, k, peer_port, cluster.listen); }},
		 {"serve", [&](const auto &n,
			       const auto &k) { read_address(n, k, serve_port, cluster.serve); }},
		 {"plain", [&](const auto &n, const auto &k) { read_bool(n, k, cluster.plain); }},
		 {"priority",
		  [&](const auto &n, const auto &k) {
			  unsigned priority = cluster.priority;
			  read_count(n, k, 0, std::numeric_limits<std::uint16_t>::max(), priority);
			  cluster.priority = static_cast<std::uint16_t>(priority);
		  }},
		 {"engine", [&](const auto &n, const auto &k) { read_word(n, k, cluster.engine); }},
		 {"group", [&](const auto &n, const auto &k) { read_text(n, k, cluster.group); }},
		 {"discover",
		  [&](const auto &n, const auto &k) { read_word(n, k, cluster.discover); }},
		 {"peer", [&](const auto &n, const auto &k) { read_peers(n, k); }}});
	if (problems_.size() == before)
		for (auto &each : cluster.problems())
			problem(node, std::move(each));
}

void ConfigReader::read_discover(const toml::node &node, const std::string &key)
{
	auto &discover = config_.discover;
	read_table(
		node, key,
		{{"units", [&](const auto &n, const auto &k) { read_word(n, k, discover.units); }},
		 {"except", [&](const auto &n, const auto &k) {
			  const auto *list = n.as_array();
			  if (!list) {
				  problem(n, fmt::format("{} is not a list", k),
					  "write except = [\"naa.6001405*\"]");
				  return;
			  }
			  discover.except.clear();
			  for (const auto &each : *list)
				  read_text(each, k, discover.except.emplace_back());
		  }}});
}

/// What units say about the cluster, when all files are read.
void ConfigReader::check_peers()
{
	const auto &cluster = config_.cluster;
	for (const auto &[name, unit] : config_.units) {
		const auto note_unit = [&, &unit_name = name](std::string text) {
			note({config_.origins["unit." + unit_name], std::move(text), ""});
		};
		if (unit.serve && !cluster.serve)
			note_unit(fmt::format("unit.{} is to be served, but [cluster] has no "
					      "serve = \"ADDRESS\"",
					      name));
		for (const auto &path : unit.paths) {
			if (!path.peer.empty() && !cluster.peer(path.peer))
				note_unit(fmt::format("unit.{}: '{}' is no [[cluster.peer]]", name,
						      path.peer));
			if (!unit.build && path.kind == PathKind::SERVED)
				note_unit(fmt::format("unit.{} is not built here, so the served "
						      "path '{}' is of no use",
						      name, path.name));
		}
		if (unit.enabled && !unit.build && !unit.serve)
			note_unit(fmt::format("unit.{} is neither built nor served: write "
					      "enabled = false",
					      name));
	}
}

void ConfigReader::read_bus(const toml::node &node, const std::string &key, HintsConfig &hints)
{
	BusConfig bus;
	bool has_name = false;
	const auto before = problems_.size();
	read_table(node, key,
		   {{"port", [&](const auto &n, const auto &k) { read_text(n, k, bus.port); }},
		    {"name", [&](const auto &n, const auto &k) {
			     has_name = true;
			     const auto given = text(n, k);
			     if (!given)
				     return;
			     const auto name = BusName::parse(*given);
			     if (!name)
				     problem(n, fmt::format("{}: {}", k, name.error().context),
					     "write \"$17$B\"");
			     else if (name->derived())
				     problem(n,
					     fmt::format("{} '{}': classes from {} on are for the "
							 "names that are derived",
							 k, *given, BusName::derived_class_min),
					     "give it a smaller class, as in \"$17$B\"");
			     else
				     bus.name = *name;
		     }}});
	if (problems_.size() != before)
		return;
	if (bus.port.empty() || !has_name) {
		problem(node, fmt::format("{} needs a port and a name", key),
			"write port = \"pci-0000:00:05.0-*\" and name = \"$17$B\"");
		return;
	}
	const auto same = std::find_if(hints.buses.begin(), hints.buses.end(),
				       [&](const auto &each) { return each.port == bus.port; });
	if (same != hints.buses.end())
		problem(node, fmt::format("{}: the bus of port '{}' is {} already", key, bus.port,
					  same->name.text()));
	hints.buses.push_back(std::move(bus));
}

void ConfigReader::read_buses(const toml::node &node, const std::string &key, HintsConfig &hints)
{
	const auto *array = node.as_array();
	if (!array) {
		problem(node, fmt::format("{} is not a list of tables", key),
			"write [[hints.bus]]");
		return;
	}
	std::size_t index = 0;
	for (const auto &each : *array)
		read_bus(each, fmt::format("{}.{}", key, index++), hints);
}

void ConfigReader::read_hints(const toml::node &node, const std::string &key)
{
	auto &hints = config_.hints;
	if (hints.configured) {
		problem(node, "hints are described in another file already");
		return;
	}
	hints.configured = true;
	read_table(
		node, key,
		{{"engine", [&](const auto &n, const auto &k) { read_word(n, k, hints.engine); }},
		 {"lockspace",
		  [&](const auto &n, const auto &k) {
			  read_text(n, k, hints.lockspace);
			  if (const auto good = check_lock_name(hints.lockspace); !good)
				  problem(n, fmt::format("{}: {}", k, good.error().context),
					  "write \"swpath\"");
		  }},
		 {"number",
		  [&](const auto &n, const auto &k) {
			  const auto *word = n.as_string();
			  const auto *number = n.as_integer();
			  if (word && word->get() == "auto")
				  hints.number.reset();
			  else if (number && number->get() >= 1 && number->get() <= UINT16_MAX)
				  hints.number = static_cast<std::uint16_t>(number->get());
			  else
				  problem(n,
					  fmt::format("{} is no whole number from 1 to {}", k,
						      UINT16_MAX),
					  "another one on each host; \"auto\" derives it from "
					  "/etc/machine-id");
		  }},
		 {"bus", [&](const auto &n, const auto &k) { read_buses(n, k, hints); }}});
}

} // namespace swpath
