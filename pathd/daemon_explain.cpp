// SPDX-License-Identifier: GPL-2.0-or-later
/// Of the daemon: why a disk has the paths that it has.
#include <algorithm>

#include <fmt/core.h>

#include "libpath/sys/clock.h"
#include "pathd/daemon.h"
#include "pathd/wall_clock.h"

namespace swpath
{

namespace
{

/// The first place at which something below `key` was written; empty: nowhere.
std::string place_of(const Config &config, const std::string &key)
{
	const Origin *first = nullptr;
	for (auto found = config.origins.lower_bound(key);
	     found != config.origins.end() && found->first.starts_with(key); ++found)
		if (found->second.line != 0 && (!first || found->second.line < first->line))
			first = &found->second;
	return first ? first->text() : std::string();
}

std::string place_of_unit(const Config &config, const std::string &name)
{
	return place_of(config, fmt::format("unit.{}.wwid", name));
}

bool is_called(const BlockDevice &device, const std::string &disk)
{
	return disk == device.sysname || disk == device.devnode || disk == device.number.text();
}

} // namespace

Answered<ExplainReport> Daemon::explain(const std::string &disk)
{
	ExplainFacts facts;
	facts.asked = disk;
	for (const auto &[name, config] : config_.units)
		facts.configured.push_back({config, place_of_unit(config_, name)});

	ExplainReport explained;
	explained.generated = wall_now();
	explained.version = SWPATH_VERSION;
	explained.disk = disk;

	Unit *unit = nullptr;
	const auto &known = report();
	const auto found = find_unit(known, disk);
	if (found) {
		const auto &shown = known.units[*found];
		const auto kept = units_.find(shown.name);
		if (kept == units_.end())
			return refuse(RefusalKind::Failed, shown.reason_text);
		unit = kept->second.get();
	} else if (found.error().kind != RefusalKind::NotFound)
		return tl::unexpected(found.error());
	if (const auto devices =
		    unit ? Result<std::vector<BlockDevice>>() : enumerate_block_devices())
		for (const auto &device : *devices) {
			if (!is_called(device, disk))
				continue;
			facts.device = DiskFacts{device.sysname,
						 std::string(word(device.transport)),
						 device.wwid,
						 device.hctl,
						 device.dm_name,
						 device.nbd_backend,
						 finder_.why_not(device.wwid)};
			explained.wwid = device.wwid;
			for (const auto &[name, each] : units_) {
				const auto legs = each->legs();
				if (std::find(legs.begin(), legs.end(), device.number) !=
				    legs.end())
					unit = each.get();
			}
		}
	if (unit) {
		facts.unit = unit->facts(now());
		facts.unit->origin = place_of_unit(config_, unit->name());
		for (unsigned i = 0; i < facts.unit->paths.size(); i++)
			facts.unit->paths[i].origin =
				place_of(config_, fmt::format("unit.{}.path.{}.", unit->name(), i));
		explained.unit = unit->name();
		explained.wwid = unit->config().wwid;
	}
	explained.explanations = swpath::explain(facts);
	if (explained.explanations.empty())
		return refuse(RefusalKind::NotFound,
			      fmt::format("there is neither a unit nor a disk '{}'", disk),
			      "`pathctl list` has the units, `lsblk` the disks of this host");
	return explained;
}

} // namespace swpath
