// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/explain.h"

#include <algorithm>

#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/control/derive.h"
#include "libpath/policy/fence_outlook.h"
#include "libpath/policy/unit_builder.h"
#include "libpath/unit/reason.h"

namespace swpath
{

namespace
{

using Sentences = std::vector<std::string>;

std::string by_config(const std::string &origin)
{
	return origin.empty() ? "" : fmt::format(" ({})", origin);
}

/// "hctl = "2:0:*:*" and by_path = "pci-*"", or nothing.
std::string place_text(const PathConfig &path)
{
	std::string text;
	if (!path.hctl.empty())
		text = fmt::format("hctl = \"{}\"", path.hctl);
	if (!path.by_path.empty())
		text += fmt::format("{}by_path = \"{}\"", text.empty() ? "" : " and ",
				    path.by_path);
	return text;
}

Explanation about_unit(const UnitFacts &unit)
{
	const auto &config = unit.config;
	const auto paths = config.paths.size();
	Sentences say;
	say.push_back(fmt::format("It is the disk with the WWID {}{}, with {} path{} configured{}.",
				  config.wwid, by_config(unit.origin), paths, paths == 1 ? "" : "s",
				  paths == 1 ? "" : ", the preferred one first"));
	if (!config.build)
		say.push_back("It is not built here, only served to peers (build = false).");
	else if (unit.report.reason_text.empty())
		say.push_back(fmt::format("It is {}.", word(unit.report.health)));
	else
		say.push_back(fmt::format("It is {}: {}.", word(unit.report.health),
					  unit.report.reason_text));
	return {fmt::format("unit {}", config.name), std::move(say)};
}

std::string why_this_device(const PathFacts &path, const UnitFacts &unit)
{
	const auto &report = path.report;
	const auto place = place_text(path.config);
	const auto at = path.hctl.empty() ? "" : fmt::format(" at {}", path.hctl);
	if (path.config.kind == PathKind::SERVED)
		return fmt::format("{} is the connection that pathd made for it.", report.device);
	if (place.empty())
		return fmt::format("{}{} stands for it, because its WWID is the unit's; the "
				   "configuration names no place.",
				   report.device, at);
	return fmt::format("{}{} stands for it, because its WWID is {} and its place matches {}.",
			   report.device, at, unit.config.wwid, place);
}

std::string why_no_device(const PathFacts &path, const UnitFacts &unit)
{
	if (path.config.kind == PathKind::SERVED)
		return "There is no connection now.";
	if (!path.stranger.empty())
		return fmt::format("No device stands for it: {}, and the unit's WWID is {}.",
				   path.stranger, unit.config.wwid);
	const auto place = place_text(path.config);
	return fmt::format(
		"No device stands for it: this host has none with the WWID {}{}.", unit.config.wwid,
		place.empty() ? "" : fmt::format(" that no other path has, at {}", place));
}

/// What the peer says, and what is missing there.
void about_peer(const PathFacts &path, Sentences &say)
{
	const auto &name = path.config.peer;
	const auto &peer = *path.peer;
	if (!peer.reachable) {
		say.push_back(fmt::format(
			"Peer {} does not answer{}{}: its pathd must run and be reachable, and "
			"[cluster] on both hosts must name the other with the same key.",
			name, peer.trouble.empty() ? "" : ", ", peer.trouble));
		return;
	}
	if (!peer.attestation) {
		say.push_back(fmt::format("Peer {} answers, and has not attested the disk: "
					  "serve = true must be in its unit with this WWID.",
					  name));
		return;
	}
	const auto &seen = *peer.attestation;
	if (!seen.direct) {
		say.push_back(fmt::format("Peer {} answers, and attests that it has no direct path "
					  "to the disk that is proved: mend that one.",
					  name));
		return;
	}
	std::string what =
		fmt::format("{} bytes, {} name{}", seen.capacity_bytes, seen.designators.size(),
			    seen.designators.size() == 1 ? "" : "s");
	if (seen.write_protected)
		what += ", write-protected";
	if (seen.key != 0)
		what += fmt::format(", key {:#x}", seen.key);
	say.push_back(fmt::format("Peer {} attests the disk through its own direct path: {}.", name,
				  what));
	say.push_back(peer.epoch != 0 ? fmt::format("It has exported it to this host in epoch {}.",
						    peer.epoch)
				      : "It has not exported it to this host yet.");
	if (!peer.unequal.empty())
		say.push_back(
			fmt::format("Reservations are not the same there: {}.", peer.unequal));
}

/// Whether the path could carry I/O now, and what would make it so.
void about_use(const PathFacts &path, const UnitFacts &unit, Sentences &say)
{
	const auto &report = path.report;
	const auto &unit_name = unit.config.name;
	std::string why = report.text;
	if (why.empty() && report.reason != Reason::NONE)
		why = reason_text(report.reason);
	const auto because = why.empty() ? "" : ": " + why;
	// Only the kernel's table makes a state of it.
	if (!unit.report.number) {
		if (report.monitor == MonitorWord::Ok)
			say.push_back(fmt::format("Its last check proved it ({}).", path.proof));
		else
			say.push_back(fmt::format("It is not proved{}.", because));
		return;
	}
	switch (report.health) {
	case PathHealth::Ok:
		say.push_back(
			path.proof.empty()
				? "It can be used."
				: fmt::format("It can be used: its last check proved it ({}).",
					      path.proof));
		return;
	case PathHealth::Unproved:
		say.push_back(fmt::format("A switch to it would have to wait for a check, for no "
					  "proof of it is alive{}.",
					  because));
		return;
	case PathHealth::Checking:
		say.push_back(fmt::format("It is not used yet{}; failback.stable says how long a "
					  "path must answer first.",
					  because));
		return;
	case PathHealth::Damped:
		say.push_back(fmt::format("It is left alone for some minutes{}; `pathctl reinstate "
					  "{} {}` ends that.",
					  because, unit_name, report.index));
		return;
	case PathHealth::Failed:
		if (failed_by_operator(report)) {
			say.push_back(fmt::format("It is not used: an operator has failed it, and "
						  "only `pathctl reinstate {} {}` takes it back.",
						  unit_name, report.index));
			return;
		}
		say.push_back(fmt::format("It cannot be used{}; it is taken back by itself when "
					  "it has answered for failback.stable.",
					  because));
		return;
	case PathHealth::Rejected:
		say.push_back(fmt::format("It must not be used{}; it is taken back by itself when "
					  "a check finds the unit's disk there.",
					  because));
		return;
	case PathHealth::Absent:
		if (!because.empty())
			say.push_back(fmt::format("It cannot be used{}.", because));
		return;
	}
}

Explanation about_path(const PathFacts &path, const UnitFacts &unit)
{
	const auto &config = path.config;
	Sentences say;
	if (config.kind == PathKind::DIRECT)
		say.push_back(fmt::format("A direct path{}.", by_config(path.origin)));
	else if (path.peer)
		say.push_back(fmt::format("The disk as peer {} serves it{}.", config.peer,
					  by_config(path.origin)));
	else
		say.push_back(fmt::format(
			"The export '{}' of the server {}{}, which attests nothing and cannot be "
			"told to forget a write.",
			config.export_name, config.server.text(), by_config(path.origin)));
	if (path.peer)
		about_peer(path, say);
	say.push_back(path.report.device.empty() ? why_no_device(path, unit)
						 : why_this_device(path, unit));
	about_use(path, unit, say);
	return {fmt::format("path {}, {}", path.report.index, path_name(path.report)),
		std::move(say)};
}

Explanation about_spare(const SpareFacts &spare, const UnitFacts &unit)
{
	Sentences say;
	if (spare.kind == PathKind::SERVED) {
		say.push_back("It is a connection that pathd made and no path wants any more; it "
			      "is ended when the kernel's table does not have it.");
		return {fmt::format("device {}", spare.name), std::move(say)};
	}
	const auto wants = [&](const PathFacts &path) {
		return path.config.kind == PathKind::DIRECT &&
		       matches(path.config.hctl, spare.hctl) &&
		       matches(path.config.by_path, spare.by_path);
	};
	const auto further = unit.config.paths_derived
				     ? fmt::format("direct_paths = {} in [unit.{}] or [defaults]",
						   unit.config.direct_paths + 1, unit.config.name)
				     : std::string("a further [[path]] of kind \"direct\"");
	const auto taken = std::find_if(unit.paths.begin(), unit.paths.end(), wants);
	say.push_back(fmt::format("It leads to the same disk{}, and is not used.",
				  spare.hctl.empty() ? "" : fmt::format(" at {}", spare.hctl)));
	if (taken == unit.paths.end())
		say.push_back(fmt::format("No path is configured for its place: {} would use it.",
					  further));
	else if (taken->report.device.empty())
		say.push_back(fmt::format("Path {} may take it when a check has proved it.",
					  taken->report.index));
	else
		say.push_back(fmt::format("Path {} could, and has {} already; {} would use it.",
					  taken->report.index, taken->report.device, further));
	return {fmt::format("device {}", spare.name), std::move(say)};
}

void about_failback(const UnitFacts &unit, Sentences &say)
{
	const auto &report = unit.report;
	if (report.pinned) {
		say.push_back(fmt::format("A person chose it; `pathctl unpin {}` lets failback "
					  "follow the configuration again.",
					  report.name));
		return;
	}
	if (!report.failback)
		return;
	const auto &failback = *report.failback;
	const auto to = failback.to ? fmt::format(" to {}", path_name(report, *failback.to)) : "";
	if (!failback.automatic)
		say.push_back(fmt::format("pathd does not go back by itself (failback.policy = "
					  "\"manual\"): `pathctl failback {}` does.",
					  report.name));
	else
		say.push_back(fmt::format(
			"Failback{}: {}{}.", to, failback.verdict,
			failback.next ? fmt::format(", not before {}", rfc3339(*failback.next))
				      : ""));
}

Explanation about_active(const UnitFacts &unit)
{
	const auto &report = unit.report;
	Sentences say;
	if (!report.active) {
		say.push_back(fmt::format("I/O goes over no path now: the unit is {}.",
					  word(report.health)));
		if (!report.missing.empty())
			say.push_back(fmt::format("It waits for {}.", report.missing));
		return {"active path", std::move(say)};
	}
	const auto name = path_name(report, *report.active);
	if (*report.active == 0)
		say.push_back(fmt::format("I/O goes over {}, the preferred path.", name));
	else
		say.push_back(fmt::format("I/O goes over {}, though {} is preferred.", name,
					  path_name(report, 0)));
	if (!report.history.empty()) {
		const auto &last = report.history.back();
		if (last.record.to == report.active && last.record.from &&
		    last.record.from != last.record.to)
			say.push_back(fmt::format("It came there from {} at {}: {}.", last.from,
						  rfc3339(last.at()),
						  reason_text(last.record.reason)));
	}
	if (*report.active != 0 || report.pinned)
		about_failback(unit, say);
	return {"active path", std::move(say)};
}

std::string chance_text(const UnitFacts &unit, const FenceChance &chance)
{
	const auto &path = unit.paths[chance.path];
	const auto name = path_name(path.report);
	switch (chance.method) {
	case Method::EXPORT_REVOKED:
		return fmt::format("{} revokes its export", path.config.peer);
	case Method::LU_RESET:
		return fmt::format("LOGICAL UNIT RESET through {}", name);
	case Method::NODE_FENCED:
		return fmt::format("the cluster's fence agent ends {}", path.config.peer);
	default:
		return fmt::format("PREEMPT AND ABORT of its key through {}", name);
	}
}

/// What could be proved of each path that has a device, if it failed now with writes in doubt.
Explanation about_fence(const UnitFacts &unit)
{
	Sentences say;
	if (unit.report.fence == Fence::DRAIN) {
		say.push_back("With fence = \"drain\" a path may be left when every I/O has come "
			      "back: nothing else is proved.");
		return {"fence", std::move(say)};
	}
	std::vector<FencePath> fences;
	for (const auto &path : unit.paths)
		fences.push_back(path.fence);
	for (unsigned i = 0; i < unit.paths.size(); i++) {
		const auto &path = unit.paths[i];
		if (path.report.device.empty())
			continue;
		const auto name = path_name(path.report);
		std::string list;
		for (const auto &chance : fence_outlook(fences, i))
			list += (list.empty() ? "" : ", then ") + chance_text(unit, chance);
		if (!list.empty()) {
			say.push_back(fmt::format("If {} failed now with writes in doubt, this "
						  "would be tried: {}.",
						  name, list));
			continue;
		}
		const char *more = path.config.kind == PathKind::DIRECT
					   ? "a second path through which the disk can be reset "
					     "(lu_reset) or its key taken (reservations)"
					   : "a server of the [cluster] (peer), which can revoke";
		say.push_back(fmt::format(
			"If {} failed now with writes in doubt, nothing here could prove that they "
			"cannot reach the disk any more: I/O would wait until it answers again, or "
			"until you have made sure and say `pathctl fenced {} --i-am-sure`. What "
			"would help is {}.",
			name, unit.config.name, more));
	}
	if (say.empty())
		say.push_back("No path has a device, so nothing can be in doubt.");
	return {"fence", std::move(say)};
}

/// Why a disk of this host is none of a unit's.
Explanation about_stranger(const ExplainFacts &facts)
{
	const auto &device = *facts.device;
	Sentences say;
	const auto done = [&] {
		return Explanation{fmt::format("device {}", device.name), std::move(say)};
	};
	if (device.transport == "dm") {
		say.push_back(fmt::format("It is the device-mapper device '{}' and no unit of "
					  "swpath: units stand on SCSI disks and on pathd's own "
					  "connections.",
					  device.dm_name));
		return done();
	}
	if (device.transport == "nbd") {
		say.push_back(device.nbd_backend.empty()
				      ? "It is not connected, or not by pathd: pathd makes its "
					"connections itself, for paths of kind \"served\"."
				      : fmt::format("Its connection is '{}', which no unit of this "
						    "host's configuration has.",
						    device.nbd_backend));
		return done();
	}
	if (device.transport != "scsi") {
		say.push_back(fmt::format("It is no SCSI disk ({}): a direct path needs one, for "
					  "its identity and its fence.",
					  device.transport));
		return done();
	}
	if (device.wwid.empty()) {
		say.push_back("It tells no WWID, so it cannot be proved to be any unit's disk.");
		return done();
	}
	std::vector<std::string_view> wwids;
	for (const auto &[config, origin] : facts.configured) {
		wwids.push_back(config.wwid);
		if (config.wwid == device.wwid) {
			say.push_back(fmt::format(
				"{}{} has its WWID{}.", config.name, by_config(origin),
				config.enabled
					? ", and has not taken it in yet"
					: " and is switched off: enabled = true takes it in"));
			return done();
		}
	}
	say.push_back(fmt::format("No unit has its WWID, {}.", device.wwid));
	for (const auto &[config, origin] : facts.configured)
		for (const auto &path : config.paths)
			if (path.kind == PathKind::DIRECT && !path.hctl.empty() &&
			    matches(path.hctl, device.hctl))
				say.push_back(fmt::format("It is in the place of {}'s path {} "
							  "(hctl = \"{}\"), whose disk is {}{}.",
							  config.name, path.name, path.hctl,
							  config.wwid, by_config(origin)));
	if (const auto near = nearest_word(device.wwid, wwids); !near.empty())
		say.push_back(fmt::format(
			"{} is configured, which differs in little: was it meant?", near));
	else
		say.push_back("To use it, write a [unit.swN] with it; see swpath.toml(5).");
	if (!device.not_found.empty())
		say.push_back(
			fmt::format("It does not become a unit by itself: {}.", device.not_found));
	return done();
}

/// Who could take over, and whom the unit could not go to.
Explanation about_servers(const UnitFacts &unit)
{
	std::string list;
	Sentences say;
	for (const auto &server : unit.report.servers)
		list += fmt::format("{}{} ({})", list.empty() ? "" : ", then ", server.host,
				    server.address);
	say.push_back(fmt::format("Known in advance to serve the disk: {}.", list));
	for (const auto &server : unit.report.servers)
		if (std::none_of(unit.config.paths.begin(), unit.config.paths.end(),
				 [&](const PathConfig &path) { return path.peer == server.host; }))
			say.push_back(fmt::format("The unit has no path through {0}: leave its "
						  "paths out, or add one with peer = \"{0}\".",
						  server.host));
	return {"servers", std::move(say)};
}

Explanation about_disabled(const ConfiguredUnit &unit)
{
	return {fmt::format("unit {}", unit.config.name),
		{fmt::format("It is configured with the WWID {}{} and switched off: pathd neither "
			     "builds nor touches it until enabled = true.",
			     unit.config.wwid, by_config(unit.origin))}};
}

} // namespace

std::vector<Explanation> explain(const ExplainFacts &facts)
{
	std::vector<Explanation> said;
	if (facts.device && !facts.unit)
		return {about_stranger(facts)};
	if (!facts.unit) {
		for (const auto &each : facts.configured)
			if (!each.config.enabled &&
			    (each.config.name == facts.asked || each.config.wwid == facts.asked))
				said.push_back(about_disabled(each));
		return said;
	}
	const auto &unit = *facts.unit;
	for (const auto &path : unit.paths)
		if (facts.device && path.report.device == facts.device->name)
			said.push_back({fmt::format("device {}", facts.device->name),
					{fmt::format("It stands for path {} of {}.",
						     path.report.index, unit.config.name)}});
	said.push_back(about_unit(unit));
	for (const auto &path : unit.paths)
		said.push_back(about_path(path, unit));
	for (const auto &spare : unit.spare)
		said.push_back(about_spare(spare, unit));
	if (unit.config.build && unit.report.number) {
		said.push_back(about_active(unit));
		said.push_back(about_fence(unit));
	}
	if (!unit.report.servers.empty())
		said.push_back(about_servers(unit));
	return said;
}

} // namespace swpath
