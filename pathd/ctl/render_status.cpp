// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include <fmt/core.h>

#include "libpath/control/derive.h"
#include "pathd/ctl/certificate.h"
#include "pathd/ctl/render.h"

namespace swpath::ctl
{

namespace
{

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t indent = 2;

std::string ago(WallTime time, WallTime now)
{
	return age_text(std::max(now - time, milliseconds(0)));
}

std::string first_line(const Style &style, const UnitReport &unit, WallTime now)
{
	std::string state(word(unit.health));
	std::string rest;
	if (unit.since && unit.health != Health::Online && unit.health != Health::Degraded)
		rest += fmt::format(" for {}", ago(*unit.since, now));
	if (!unit.reason_text.empty())
		rest += ": " + unit.reason_text;
	const std::string head = "/dev/" + unit.name + "  ";
	// Wrapped before it is painted: an escape sequence has no columns.
	std::string text = wrapped(style, head, head.size(), state + rest);
	const auto at = head.size();
	return painted(style, Paint::Bold, text.substr(0, at)) +
	       painted(style, paint_of(unit.health), state) + text.substr(at + state.size());
}

std::string identity_line(const Style &style, const UnitReport &unit)
{
	std::string text = unit.size_bytes ? bytes_text(unit.size_bytes) + "  " : "";
	text += unit.wwid;
	if (unit.number)
		text += fmt::format("  dm-{}  epoch {}", unit.number->minor, unit.epoch);
	if (unit.fence == Fence::DRAIN)
		text += "  fence=drain";
	if (unit.pinned)
		text += "  pinned";
	return wrapped(style, std::string(indent, ' '), indent, text);
}

std::string_view role(const UnitReport &unit, const PathReport &path)
{
	if (path.active)
		return "active";
	if (unit.kernel_state == UnitState::ONLINE || unit.left != path.index)
		return "standby";
	return unit.kernel_state == UnitState::HELD ? "held" : "left";
}

/// What there is to say about a path after its state.
std::string path_details(const Style &style, const UnitReport &unit, const PathReport &path,
			 WallTime now)
{
	std::vector<std::string> parts;
	if (failed_by_operator(path)) {
		parts.push_back(
			fmt::format("by an operator, `pathctl reinstate {} {}` takes it back",
				    unit.name, path.index));
	} else if (path.health != PathHealth::Ok && path.health != PathHealth::Unproved) {
		if (path.since)
			parts.push_back("since " + clock_text(style, *path.since, now));
		if (path.reason != Reason::NONE)
			parts.emplace_back(reason_text(path.reason));
	}
	if (!path.text.empty())
		parts.push_back(path.text);
	if (path.inflight_bios > 0) {
		std::string flying = fmt::format("{} in flight", path.inflight_bios);
		if (unit.oldest_ms > 0)
			flying += ", oldest " + age_text(milliseconds(unit.oldest_ms));
		parts.push_back(std::move(flying));
	} else if (path.active) {
		parts.emplace_back("idle");
	}
	if (!path.active && path.health == PathHealth::Ok && path.text.empty()) {
		if (path.last_probe)
			parts.push_back("proved " + ago(*path.last_probe, now) + " ago");
		else if (path.ticket_left_ms > 0)
			parts.push_back("proof lives " +
					age_text(milliseconds(path.ticket_left_ms)));
	}
	if (path.health == PathHealth::Unproved)
		parts.emplace_back("no live proof: a switch would have to wait");
	std::string text;
	for (const auto &part : parts)
		text += (text.empty() ? "" : ", ") + part;
	return text;
}

std::string path_lines(const Style &style, const UnitReport &unit, WallTime now)
{
	std::vector<const PathReport *> order;
	for (const auto &path : unit.paths)
		order.push_back(&path);
	std::stable_partition(order.begin(), order.end(),
			      [](const auto *path) { return path->active; });
	Grid grid;
	for (const auto *path : order)
		grid.add({{std::string(role(unit, *path)),
			   path->active ? Paint::Bold : Paint::Plain},
			  {std::string(word(path->kind))},
			  {path->device.empty() ? "-" : path->device},
			  {!path->endpoint.empty()                                  ? path->endpoint
			   : path->kind == PathKind::SERVED && !path->label.empty() ? path->label
										    : "-"},
			  {std::string(word(path->health)), paint_of(path->health)},
			  {path_details(style, unit, *path, now)}});
	return grid.text(style, indent);
}

std::string item(const Style &style, std::string_view name, std::string_view text)
{
	const std::string head = fmt::format("{:{}}{:<12}", "", indent, name);
	return wrapped(style, head, head.size(), text);
}

std::string held_text(const UnitReport &unit)
{
	if (unit.held_bios == 0)
		return "nothing yet";
	return fmt::format("{} ({})", count_text(unit.held_bios, "I/O", "I/Os"),
			   bytes_text(unit.held_bytes));
}

std::string end_of_hold(const Style &style, const UnitReport &unit, WallTime now)
{
	if (!unit.mv_left_ms)
		return {};
	const milliseconds left(*unit.mv_left_ms);
	return fmt::format("; fails at {} (in {})", clock_text(style, now + left, now),
			   age_text(left));
}

/// What waits, for what, until when, and what a person can do.
std::string call_to_action(const Style &style, const UnitReport &unit, WallTime now)
{
	const auto doubt = [&] {
		return unit.doubt > 0 ? item(style, "in doubt",
					     count_text(unit.doubt, "write", "writes") +
						     " that may or may not be on the disk, or may "
						     "still reach it")
				      : std::string();
	};
	switch (unit.health) {
	case Health::Verifying:
		return item(style, "waits for", unit.missing.empty() ? "its paths" : unit.missing) +
		       item(style, "held", held_text(unit) + end_of_hold(style, unit, now)) +
		       doubt() +
		       item(style, "next",
			    unit.phase == Phase::PROVE && unit.doubt > 0 &&
					    unit.fence == Fence::PROVE
				    ? fmt::format(
					      "if it does not end by itself within seconds: mend "
					      "that path; or make sure that nothing can write by "
					      "it "
					      "any more, and say `pathctl fenced {0} --i-am-sure`; "
					      "`pathctl abort {0}` ends the wait with I/O errors",
					      unit.name)
				    : fmt::format(
					      "nothing, it goes on by itself; `pathctl abort {}` "
					      "ends the wait with I/O errors",
					      unit.name));
	case Health::Held:
		return item(style, "held", held_text(unit) + end_of_hold(style, unit, now)) +
		       item(style, "next",
			    fmt::format("`pathctl release {}` lets it go on", unit.name));
	case Health::Failed:
		return doubt() +
		       item(style, "next",
			    fmt::format(
				    "I/O gets errors (EIO) now. {}; file systems on it may need to "
				    "be "
				    "unmounted and checked",
				    unit.reason == Reason::ABORT || !unit.failback
					    ? fmt::format("Mend a path, then `pathctl retry {}`",
							  unit.name)
					    : fmt::format(
						      "Mend a path and pathd goes on by itself, or "
						      "at once with `pathctl retry {}`",
						      unit.name)));
	case Health::Suspended:
		return item(style, "next",
			    fmt::format("if nobody is changing its table: `dmsetup resume {}`",
					unit.name));
	case Health::Waiting:
		return item(style, "next",
			    std::any_of(unit.paths.begin(), unit.paths.end(),
					[](const auto &path) {
						return path.health != PathHealth::Absent;
					})
				    ? fmt::format("`pathctl explain {}` says what each path lacks",
						  unit.name)
				    : "check that the disk is there with this WWID: `lsblk -o "
				      "NAME,SIZE,WWN`");
	default:
		return {};
	}
}

std::string failback_line(const Style &style, const UnitReport &unit, WallTime now)
{
	if (!unit.failback || !unit.active || *unit.active == 0 ||
	    unit.kernel_state != UnitState::ONLINE)
		return {};
	const auto &failback = *unit.failback;
	const auto where = path_name(unit, failback.to.value_or(0));
	if (unit.pinned)
		return item(
			style, "failback",
			fmt::format("none, a person chose this path; `pathctl unpin {}` ends that",
				    unit.name));
	if (!failback.automatic)
		return item(
			style, "failback",
			fmt::format("by hand: `pathctl failback {}` goes to {}", unit.name, where));
	if (failback.next && *failback.next > now)
		return item(style, "failback",
			    fmt::format("to {} in {} if it stays well", where,
					age_text(*failback.next - now)));
	return item(style, "failback", fmt::format("to {} when it is well", where));
}

std::string reservation_line(const Style &style, const UnitReport &unit)
{
	if (!unit.reservation)
		return {};
	const auto &reservation = *unit.reservation;
	std::string paths;
	for (const auto path : reservation.paths)
		paths += (paths.empty() ? "" : ", ") + path_name(unit, path);
	return item(style, "reservation",
		    fmt::format("{}; key {} of the unit's users on {}",
				reservation_type_text(reservation.type), reservation.key,
				paths.empty() ? "no path of this host" : paths));
}

std::string servers_line(const Style &style, const UnitReport &unit)
{
	std::string hosts;
	for (const auto &server : unit.servers)
		hosts += fmt::format("{}{} at {}", hosts.empty() ? "" : ", then ", server.host,
				     server.address);
	return hosts.empty() ? hosts : item(style, "servers", hosts);
}

std::string opened_lines(const Style &style, const UnitReport &unit, WallTime now)
{
	std::string text;
	for (const auto &user : unit.opened_by)
		text += item(style, "opened by",
			     fmt::format("{} {} {} since {}: it goes past the unit{}",
					 user.pid ? fmt::format("{} (process {})", user.command,
								*user.pid)
						  : user.command,
					 user.write ? "writes" : "reads", user.device,
					 clock_text(style, user.since, now),
					 user.write ? " and can destroy its data" : ""));
	return text;
}

} // namespace

std::string render_switch(const Style &style, const SwitchReport &report, WallTime now,
			  std::string_view first)
{
	const SwitchRecord &record = report.record;
	const auto when = clock_text(style, report.at(), now);
	std::string text;
	if (record.failed())
		text = fmt::format("{}, mount verification failed: {}", when,
				   reason_text(record.reason));
	else if (record.from && record.from == record.to)
		text = fmt::format("{}, held and resumed on {}: {}", when, report.to,
				   reason_text(record.reason));
	else if (opened_first(record))
		text = fmt::format("{}, first opened on {}", when, path_text(report.to));
	else
		text = fmt::format("{}, {} to {}: {}", when, path_text(report.from),
				   path_text(report.to), reason_text(record.reason));
	text += fmt::format(". I/O held {}", time_text(microseconds(record.total_us())));
	if (const auto phases = phases_text(record, 1000); !phases.empty())
		text += " (" + phases + ")";
	text += fmt::format(", {}, {} in doubt", count_text(record.held_bios, "I/O", "I/Os"),
			    record.doubt);
	if (record.doubt > 0 && !record.failed())
		text += fmt::format(", proof: {}", word(record.method));
	return wrapped(style, first, first.size(), text);
}

std::string render_unit(const Style &style, const UnitReport &unit, WallTime now)
{
	std::string text = first_line(style, unit, now);
	text += identity_line(style, unit);
	text += path_lines(style, unit, now);
	text += call_to_action(style, unit, now);
	if (!unit.history.empty())
		text += render_switch(style, unit.history.back(), now,
				      fmt::format("{:{}}{:<12}", "", indent, "last switch"));
	text += failback_line(style, unit, now);
	text += reservation_line(style, unit);
	text += servers_line(style, unit);
	text += opened_lines(style, unit, now);
	return text;
}

std::string render_status(const Style &style, const Report &report)
{
	std::string text;
	for (const auto &unit : report.units) {
		if (!text.empty())
			text += "\n";
		text += render_unit(style, unit, report.generated);
	}
	return text;
}

} // namespace swpath::ctl
