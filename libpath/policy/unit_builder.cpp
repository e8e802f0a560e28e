// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/unit_builder.h"

#include <algorithm>

#include <fmt/format.h>

#include "libpath/unit/geometry.h"

namespace swpath
{

namespace
{

using Kind = PlanStep::Kind;

std::string table_text(const Table &table)
{
	std::string text = fmt::format("{} sectors", table.sectors);
	for (const auto &path : table.paths)
		text += fmt::format(", {} {}", word(path.kind),
				    path.device.empty() ? SW_ABSENT : path.device.c_str());
	return text;
}

/// The device that the kernel's table has in slot `i`, if the slot is of the same kind.
std::optional<DevNumber> in_table(const SeenWorld &world, const UnitConfig &wanted, unsigned i)
{
	if (!world.unit || i >= world.unit->table.paths.size() ||
	    world.unit->table.paths[i].kind != wanted.paths[i].kind)
		return std::nullopt;
	return DevNumber::parse(world.unit->table.paths[i].device);
}

/// The kernel's table has this device as a path of this kind, in whatever place.
bool table_has(const SeenWorld &world, PathKind kind, DevNumber number)
{
	const auto &paths = world.unit->table.paths;
	return std::any_of(paths.begin(), paths.end(), [&](const TablePath &path) {
		return path.kind == kind && DevNumber::parse(path.device) == number;
	});
}

const SeenLeg *find_leg(const SeenWorld &world, DevNumber number)
{
	for (const auto &leg : world.legs)
		if (leg.number == number)
			return &leg;
	return nullptr;
}

bool fits(const PathConfig &path, const SeenLeg &leg)
{
	return path.kind == leg.kind && path.kind == PathKind::DIRECT &&
	       matches(path.hctl, leg.hctl) && matches(path.by_path, leg.by_path);
}

/// Gives every slot a living device: first those that the table has, then the proved, then any.
std::vector<std::optional<DevNumber>> assign(const UnitConfig &wanted, const SeenWorld &world)
{
	const auto count = static_cast<unsigned>(wanted.paths.size());
	std::vector<std::optional<DevNumber>> slots(count);
	const auto taken = [&](DevNumber number) {
		return std::find(slots.begin(), slots.end(), number) != slots.end();
	};
	const auto stands = [&](unsigned i, const SeenLeg &leg) {
		if (!leg.alive || taken(leg.number))
			return false;
		return leg.kind == PathKind::SERVED
			       ? wanted.paths[i].kind == PathKind::SERVED && leg.served_slot == i
			       : fits(wanted.paths[i], leg);
	};

	for (unsigned i = 0; i < count; i++)
		if (const auto number = in_table(world, wanted, i))
			if (const auto *leg = find_leg(world, *number); leg && stands(i, *leg))
				slots[i] = number;
	for (const bool proved : {true, false})
		for (unsigned i = 0; i < count; i++)
			for (const auto &leg : world.legs)
				if (!slots[i] && leg.proved == proved && stands(i, leg))
					slots[i] = leg.number;
	return slots;
}

Table wanted_features(const UnitConfig &wanted)
{
	Table table;
	table.mv_timeout_s = static_cast<std::uint32_t>(
		std::chrono::duration_cast<std::chrono::seconds>(wanted.mv_timeout).count());
	table.stall_ms = static_cast<std::uint32_t>(
		std::chrono::duration_cast<std::chrono::milliseconds>(wanted.stall).count());
	table.fence = wanted.fence;
	table.witness = wanted.witness;
	return table;
}

/// Features that a table leaves out have the kernel's default.
bool same_features(const Table &a, const Table &b)
{
	return a.mv_timeout_s.value_or(SW_MV_TIMEOUT_S_DEFAULT) ==
		       b.mv_timeout_s.value_or(SW_MV_TIMEOUT_S_DEFAULT) &&
	       a.stall_ms.value_or(SW_STALL_MS_DEFAULT) ==
		       b.stall_ms.value_or(SW_STALL_MS_DEFAULT) &&
	       a.fence.value_or(Fence::PROVE) == b.fence.value_or(Fence::PROVE) &&
	       a.witness.value_or(SW_WITNESS_DEFAULT) == b.witness.value_or(SW_WITNESS_DEFAULT);
}

PlanStep wait_step(std::string why)
{
	return {.kind = Kind::Wait, .leg = {}, .slot = {}, .table = {}, .why = std::move(why)};
}

/// The step for a unit that does not exist yet, or a Wait that says for what.
PlanStep plan_creation(const UnitConfig &wanted, const SeenWorld &world,
		       const std::vector<std::optional<DevNumber>> &slots)
{
	Table table = wanted_features(wanted);
	table.sectors = world.capacity_bytes / sector_bytes;
	table.hold = true;
	bool any = false;
	std::string pending;
	for (unsigned i = 0; i < wanted.paths.size(); i++) {
		TablePath path{wanted.paths[i].kind, {}};
		const auto *leg = slots[i] ? find_leg(world, *slots[i]) : nullptr;
		if (leg && leg->proved) {
			path.device = leg->number.text();
			any = true;
		} else if (leg && !leg->settled) {
			pending = leg->name;
		} else if (!leg && path.kind == PathKind::SERVED &&
			   !(i < world.served_tried.size() && world.served_tried[i])) {
			pending = wanted.paths[i].name;
		}
		table.paths.push_back(std::move(path));
	}
	if (!any || table.sectors == 0)
		return wait_step("no path is proved");
	if (!pending.empty() && world.first_proved &&
	    world.now < *world.first_proved + create_grace)
		return wait_step(fmt::format("{} is being checked", pending));
	return {.kind = Kind::Create,
		.leg = {},
		.slot = {},
		.table = std::move(table),
		.why = "configured"};
}

/// The step that brings an existing unit's table up to date; nothing if it is.
std::optional<PlanStep> plan_reload(const UnitConfig &wanted, const SeenWorld &world,
				    const std::vector<std::optional<DevNumber>> &slots)
{
	const auto &unit = *world.unit;
	Table table = wanted_features(wanted);
	table.sectors = unit.table.sectors;
	std::string why;
	std::string stuck;
	const auto reason = [&](std::string_view text) {
		why += why.empty() ? "" : "; ";
		why += text;
	};

	for (unsigned i = 0; i < wanted.paths.size(); i++) {
		TablePath path{wanted.paths[i].kind, {}};
		const auto loaded = in_table(world, wanted, i);
		const auto *leg = slots[i] ? find_leg(world, *slots[i]) : nullptr;
		const bool there = leg && table_has(world, path.kind, leg->number);
		// One whose place has changed stays: I/O may be on it, and the kernel knows it.
		if (leg && (leg->proved || there)) {
			path.device = leg->number.text();
			if (loaded != leg->number)
				reason(there ? fmt::format("{} is path {} now", leg->name, i)
					     : fmt::format("{} is proved", leg->name));
		} else if (loaded) {
			// Its device is gone. The kernel must have left the path first.
			const bool busy = i < unit.status.paths.size() &&
					  (unit.status.paths[i].inflight > 0 ||
					   (unit.status.state == UnitState::ONLINE &&
					    unit.status.active == i));
			if (busy) {
				path.device = loaded->text();
				stuck = fmt::format("path {} is gone but in use", i);
			} else {
				reason(fmt::format("{} is gone", loaded->text()));
			}
		}
		table.paths.push_back(std::move(path));
	}
	if (!same_features(table, unit.table))
		reason("features changed");
	if (unit.table.paths.size() != table.paths.size())
		reason("number of paths changed");
	for (unsigned i = 0; i < table.paths.size() && i < unit.table.paths.size(); i++)
		if (table.paths[i].kind != unit.table.paths[i].kind)
			reason(fmt::format("path {} is {} now", i, word(table.paths[i].kind)));

	if (why.empty()) {
		if (stuck.empty())
			return std::nullopt;
		return wait_step(stuck);
	}
	if (std::all_of(table.paths.begin(), table.paths.end(),
			[](const TablePath &path) { return path.device.empty(); }) &&
	    unit.status.state == UnitState::ONLINE)
		return wait_step("every path is gone but the unit is online");
	if (!safe_to_reload(unit.status))
		return wait_step(fmt::format("{}; waits until nothing can hang in a reload", why));
	return PlanStep{
		.kind = Kind::Reload, .leg = {}, .slot = {}, .table = std::move(table), .why = why};
}

} // namespace

bool matches(std::string_view pattern, std::string_view name)
{
	if (pattern.empty())
		return true;
	// Greedy with one point of return: enough for "*" alone, and linear in practice.
	std::size_t p = 0;
	std::size_t n = 0;
	std::size_t star = std::string_view::npos;
	std::size_t resume = 0;
	while (n < name.size()) {
		if (p < pattern.size() && pattern[p] == '*') {
			star = p++;
			resume = n;
		} else if (p < pattern.size() && pattern[p] == name[n]) {
			p++;
			n++;
		} else if (star != std::string_view::npos) {
			p = star + 1;
			n = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.size() && pattern[p] == '*')
		p++;
	return p == pattern.size();
}

bool safe_to_reload(const UnitStatus &status)
{
	std::uint64_t inflight = 0;
	std::uint64_t left_behind = 0; // a flush that hangs on a path which was left
	for (unsigned i = 0; i < status.paths.size(); i++) {
		inflight += status.paths[i].inflight;
		if (status.active != i)
			left_behind += status.paths[i].inflight;
	}
	switch (status.state) {
	case UnitState::ONLINE:
		return left_behind == 0 &&
		       status.oldest_ms <= static_cast<std::uint64_t>(reload_oldest_max.count());
	case UnitState::VERIFY:
		return status.phase == Phase::PROVE && inflight == 0;
	case UnitState::HELD:
	case UnitState::FAILED:
		return inflight == 0;
	}
	return false;
}

std::string PlanStep::text(const std::string &unit) const
{
	std::string what;
	switch (kind) {
	case Kind::Mark:
		what = fmt::format("mark {} as a leg of {}", leg->text(), unit);
		break;
	case Kind::Unmark:
		what = fmt::format("unmark {}", leg->text());
		break;
	case Kind::Attach:
		what = fmt::format("attach path {} of {}", *slot, unit);
		break;
	case Kind::Detach:
		what = fmt::format("detach {}", leg->text());
		break;
	case Kind::Create:
		what = fmt::format("create {}: {}", unit, table_text(*table));
		break;
	case Kind::Reload:
		what = fmt::format("reload {}: {}", unit, table_text(*table));
		break;
	case Kind::Wait:
		return fmt::format("wait with {}: {}", unit, why);
	}
	return why.empty() ? what : fmt::format("{} ({})", what, why);
}

UnitPlan plan_unit(const UnitConfig &wanted, const SeenWorld &world)
{
	UnitPlan plan;
	plan.slots = assign(wanted, world);

	const auto loaded = [&](DevNumber number) {
		if (!world.unit)
			return false;
		return std::any_of(
			world.unit->table.paths.begin(), world.unit->table.paths.end(),
			[&](const TablePath &path) { return path.device == number.text(); });
	};

	for (const auto &leg : world.legs) {
		// Every device with the unit's identity is hidden, wanted or not: it shows the same
		// file system, and a mount of it would be a second way in.
		if (!leg.marked)
			plan.steps.push_back({.kind = Kind::Mark,
					      .leg = leg.number,
					      .slot = {},
					      .table = {},
					      .why = leg.name});
		const bool stands = std::find(plan.slots.begin(), plan.slots.end(), leg.number) !=
				    plan.slots.end();
		if (!stands && leg.kind == PathKind::DIRECT && leg.alive)
			plan.spare.push_back(leg.number);
		// A connection that no slot has is closed, once no table holds its device open.
		if (!stands && leg.kind == PathKind::SERVED && !loaded(leg.number))
			plan.steps.push_back({.kind = Kind::Detach,
					      .leg = leg.number,
					      .slot = {},
					      .table = {},
					      .why = leg.name});
	}
	for (unsigned i = 0; i < wanted.paths.size(); i++)
		if (wanted.paths[i].kind == PathKind::SERVED && !plan.slots[i])
			plan.steps.push_back({.kind = Kind::Attach,
					      .leg = {},
					      .slot = i,
					      .table = {},
					      .why = wanted.paths[i].name});

	if (!world.unit)
		plan.steps.push_back(plan_creation(wanted, world, plan.slots));
	else if (auto step = plan_reload(wanted, world, plan.slots))
		plan.steps.push_back(std::move(*step));
	return plan;
}

} // namespace swpath
