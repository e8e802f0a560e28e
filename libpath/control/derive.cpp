// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/derive.h"

#include <algorithm>

#include <fmt/core.h>

namespace swpath
{

namespace
{

std::string count(std::uint64_t number, std::string_view one, std::string_view many)
{
	return fmt::format("{} {}", number, number == 1 ? one : many);
}

/// The clause about one path: "direct sda: command timeout".
std::string about_path(const PathReport &path)
{
	if (path.health == PathHealth::Unproved)
		return path_name(path) + " is not proved";
	if (failed_by_operator(path))
		return path_name(path) + ": failed by an operator";
	const auto why = path.reason != Reason::NONE ? reason_text(path.reason)
			 : !path.text.empty()        ? std::string_view(path.text)
						     : std::string_view(word(path.health));
	return fmt::format("{}: {}", path_name(path), why);
}

/// Of a unit that the kernel does not have: there is pathd's word alone.
PathHealth path_health_unbuilt(const PathReport &path)
{
	if (!path.number)
		return PathHealth::Absent;
	switch (path.monitor) {
	case MonitorWord::Ok:
		return PathHealth::Ok;
	case MonitorWord::Checking:
		return PathHealth::Checking;
	case MonitorWord::Damped:
		return PathHealth::Damped;
	case MonitorWord::Failed:
		return PathHealth::Failed;
	case MonitorWord::Rejected:
		return PathHealth::Rejected;
	default:
		return PathHealth::Unproved;
	}
}

PathHealth path_health(const PathReport &path, bool unit_online)
{
	if (path.kernel_state == PathState::ABSENT)
		return PathHealth::Absent;
	if (path.kernel_state == PathState::REJECTED || path.monitor == MonitorWord::Rejected)
		return PathHealth::Rejected;
	// However well it answers: nothing but `reinstate` takes it back.
	if (failed_by_operator(path))
		return PathHealth::Failed;

	const bool carries = path.active && unit_online && path.kernel_state == PathState::READY;
	switch (path.monitor) {
	case MonitorWord::Failed:
		return PathHealth::Failed;
	case MonitorWord::Damped:
		return carries ? PathHealth::Ok : PathHealth::Damped;
	case MonitorWord::Checking:
		return carries ? PathHealth::Ok : PathHealth::Checking;
	case MonitorWord::Ok:
		// The monitor is content, the kernel does not know yet.
		return path.kernel_state == PathState::READY ? PathHealth::Ok
							     : PathHealth::Checking;
	default:
		break;
	}
	if (path.kernel_state == PathState::FAILED)
		return PathHealth::Failed;
	return carries || path.ticket_left_ms > 0 ? PathHealth::Ok : PathHealth::Unproved;
}

void sum_up_unbuilt(UnitReport &unit)
{
	const PathReport *bad = nullptr;
	bool proved = false;
	bool any_device = false;
	for (auto &path : unit.paths) {
		path.health = path_health_unbuilt(path);
		proved |= path.health == PathHealth::Ok;
		any_device |= path.health != PathHealth::Absent;
		if (path.health != PathHealth::Ok && (!bad || bad->health == PathHealth::Absent))
			bad = &path;
	}
	unit.health = unit.only_served && proved ? Health::Serving : Health::Waiting;
	if (unit.health == Health::Serving)
		unit.reason_text = "its disk is proved, peers may use it" +
				   (bad ? "; " + about_path(*bad) : std::string());
	else if (!any_device)
		unit.reason_text = "none of its paths has appeared yet";
	else if (bad)
		unit.reason_text = "none of its paths is proved yet; " + about_path(*bad);
	else
		unit.reason_text = "it is being built";
	if (unit.only_served)
		unit.reason_text += "; it is not built here, only served (build = false)";
}

/// Why I/O flows, but with less behind it than was configured.
void sum_up_online(UnitReport &unit)
{
	const PathReport *worst = nullptr;
	std::size_t usable = 0;
	for (const auto &path : unit.paths) {
		if (path.health == PathHealth::Ok)
			usable++;
		else if (!worst || (!path.active && worst->active))
			worst = &path;
	}
	unit.health = worst ? Health::Degraded : Health::Online;
	if (!worst) {
		if (unit.paths.size() == 1)
			unit.reason_text =
				"only one path is configured, there is nothing to switch to";
		else if (unit.active && *unit.active != 0)
			unit.reason_text = "not on the preferred path " + path_name(unit, 0);
		return;
	}
	unit.reason_text = about_path(*worst);
	const std::size_t others = unit.paths.size() - usable - 1;
	if (others > 0)
		unit.reason_text += fmt::format(" (and {} more)", others);
	const bool spare = std::any_of(unit.paths.begin(), unit.paths.end(), [](const auto &path) {
		return !path.active && path.health == PathHealth::Ok;
	});
	if (!spare)
		unit.reason_text += "; there is no path to switch to";
}

/// What a mount verification waits for, as far as the kernel's words tell.
std::string what_is_missing(const UnitReport &unit)
{
	const std::string old = unit.left ? path_name(unit, *unit.left) : "the old path";
	if (unit.phase == Phase::DRAIN) {
		const auto inflight = unit.left && *unit.left < unit.paths.size()
					      ? unit.paths[*unit.left].inflight_bios
					      : 0;
		return fmt::format("{} given to {} to come back", count(inflight, "I/O", "I/Os"),
				   old);
	}
	if (unit.phase == Phase::FLUSH)
		return fmt::format("the flush of {}", old);
	if (unit.phase != Phase::PROVE)
		return {};
	if (unit.doubt > 0 && unit.fence == Fence::PROVE)
		return fmt::format("proof that {} on {} can no longer reach the disk (fence=prove)",
				   count(unit.doubt, "write in doubt", "writes in doubt"), old);
	const bool any_present =
		std::any_of(unit.paths.begin(), unit.paths.end(),
			    [](const auto &path) { return path.kernel_state == PathState::READY; });
	return any_present ? "proof of identity of a path that answers" : "a path that answers";
}

} // namespace

void set_kernel_status(UnitReport &unit, const UnitStatus &status, WallTime now)
{
	const auto ago = [now](std::uint64_t ms) {
		return now - std::chrono::milliseconds(std::min<std::uint64_t>(
				     ms, std::uint64_t(now.time_since_epoch().count())));
	};
	unit.kernel_state = status.state;
	unit.phase = status.phase;
	unit.reason = status.reason;
	unit.since = ago(status.since_ms);
	unit.mv = status.mv;
	unit.epoch = status.epoch;
	unit.active = status.active;
	unit.left = status.from;
	unit.held_bios = status.held_bios;
	unit.held_bytes = status.held_bytes;
	unit.oldest_ms = status.oldest_ms;
	unit.doubt = status.doubt;
	unit.mv_left_ms = status.left_ms;
	unit.fence = status.fence;
	unit.missing.clear();

	unit.paths.resize(status.paths.size());
	for (unsigned index = 0; index < unit.paths.size(); index++) {
		const PathStatus &from = status.paths[index];
		PathReport &path = unit.paths[index];
		if (path.number != from.device)
			path.device.clear();
		path.index = index;
		path.kind = from.kind;
		path.number = from.device;
		path.active = status.active == index;
		path.kernel_state = from.state;
		path.reason = from.reason;
		path.inflight_bios = from.inflight;
		path.errors = from.errors;
		path.switches = from.switches;
		path.ticket_left_ms = from.ticket_ms;
	}
}

void set_kernel_table(UnitReport &unit, const Table &table)
{
	unit.size_bytes = table.sectors * 512;
	unit.mv_timeout_s = table.mv_timeout_s.value_or(SW_MV_TIMEOUT_S_DEFAULT);
	unit.stall_ms = table.stall_ms.value_or(SW_STALL_MS_DEFAULT);
}

void set_history(UnitReport &unit, std::span<const SwitchRecord> records)
{
	unit.history.clear();
	for (const auto &record : records)
		unit.history.push_back({record, record.from ? path_name(unit, *record.from) : "",
					record.to ? path_name(unit, *record.to) : ""});
}

bool failed_by_operator(const PathReport &path) noexcept
{
	return path.kernel_state == PathState::FAILED && path.reason == Reason::OPERATOR;
}

void sum_up(UnitReport &unit)
{
	unit.reason_text.clear();
	if (!unit.number) {
		sum_up_unbuilt(unit);
		return;
	}
	const bool online = unit.kernel_state == UnitState::ONLINE;
	for (auto &path : unit.paths)
		path.health = path_health(path, online);

	if (unit.suspended) {
		unit.health = Health::Suspended;
		unit.reason_text = "device-mapper holds its I/O while the table is changed";
		return;
	}
	switch (unit.kernel_state) {
	case UnitState::ONLINE:
		sum_up_online(unit);
		return;
	case UnitState::VERIFY:
		unit.health = Health::Verifying;
		unit.reason_text = reason_text(unit.reason);
		if (unit.left && unit.reason != Reason::LOAD && unit.reason != Reason::RETRY)
			unit.reason_text = fmt::format("{}: {}", path_name(unit, *unit.left),
						       unit.reason_text);
		if (unit.missing.empty())
			unit.missing = what_is_missing(unit);
		return;
	case UnitState::HELD:
		unit.health = Health::Held;
		unit.reason_text = unit.reason == Reason::OPERATOR
					   ? "by an operator"
					   : std::string(reason_text(unit.reason));
		return;
	case UnitState::FAILED:
		unit.health = Health::Failed;
		unit.reason_text = reason_text(unit.reason);
		return;
	}
}

} // namespace swpath
