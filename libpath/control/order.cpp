// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/order.h"

#include <algorithm>

#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/control/derive.h"
#include "libpath/unit/unit_name.h"

namespace swpath
{

bool takes_path(Verb verb) noexcept
{
	return verb == Verb::Switch || verb == Verb::Fail || verb == Verb::Reinstate;
}

bool needs_daemon(Verb verb) noexcept
{
	return verb == Verb::Failback || verb == Verb::Pin || verb == Verb::Unpin ||
	       verb == Verb::Fenced;
}

namespace
{

Done nothing_to_do(std::string text)
{
	return {{}, std::move(text)};
}

Done send(std::string message, std::string text)
{
	return {{std::move(message)}, std::move(text)};
}

auto unsafe(std::string message, std::string hint)
{
	return refuse(RefusalKind::Unsafe, std::move(message), std::move(hint));
}

bool other_path_ok(const UnitReport &unit, unsigned index)
{
	return std::any_of(unit.paths.begin(), unit.paths.end(), [&](const auto &path) {
		return path.index != index && path.health == PathHealth::Ok;
	});
}

/// Why a path cannot be switched to, with what to do about it; nothing if it can.
std::optional<Refusal> not_a_target(const UnitReport &unit, const PathReport &path, bool forced)
{
	const auto refusal = [&](std::string why, std::string hint) {
		return Refusal{RefusalKind::Unsafe,
			       fmt::format("cannot switch to '{}': {}", path_name(path), why),
			       std::move(hint)};
	};
	switch (path.kernel_state) {
	case PathState::ABSENT:
		return refusal("it has no device",
			       "it becomes usable when its device appears; see `pathctl status " +
				       unit.name + "`");
	case PathState::FAILED:
		return refusal(fmt::format("it has failed ({})", reason_text(path.reason)),
			       fmt::format("`pathctl reinstate {} {}` if it works again", unit.name,
					   path.index));
	case PathState::REJECTED:
		return refusal(fmt::format("it was rejected ({})", reason_text(path.reason)),
			       fmt::format("mend it, then `pathctl reinstate {} {}`", unit.name,
					   path.index));
	case PathState::READY:
		break;
	}
	if (!forced && path.ticket_left_ms == 0)
		return refusal(
			"there is no live proof that it leads to this disk",
			"pathd proves it at its next check; --force holds I/O until it is proved");
	return std::nullopt;
}

Answered<Done> plan_switch(const Order &order, const UnitReport &unit, const PathReport &path)
{
	if (unit.kernel_state == UnitState::ONLINE && path.active)
		return nothing_to_do(fmt::format("{} is already active", path_name(path)));
	if (unit.kernel_state == UnitState::HELD)
		return unsafe(fmt::format("cannot switch to '{}': its I/O is held by an operator",
					  path_name(path)),
			      fmt::format("`pathctl release {}` first", unit.name));
	if (unit.kernel_state == UnitState::FAILED)
		return unsafe(
			fmt::format("cannot switch to '{}': the unit has failed", path_name(path)),
			fmt::format("`pathctl retry {}` starts a new mount verification",
				    unit.name));
	if (auto refusal = not_a_target(unit, path, order.forced))
		return tl::unexpected(std::move(*refusal));
	return send(fmt::format("{} {} {} {}", SW_MSG_SWITCH, path.index,
				order.forced ? SW_MSG_FORCED : SW_MSG_COOPERATIVE,
				word(Reason::OPERATOR)),
		    fmt::format("switching to {}", path_name(path)));
}

Answered<Done> plan_fail(const Order &order, const UnitReport &unit, const PathReport &path)
{
	if (path.kernel_state == PathState::ABSENT)
		return nothing_to_do(fmt::format("{} has no device", path_name(path)));
	if (path.kernel_state == PathState::FAILED)
		return nothing_to_do(fmt::format("{} has failed already", path_name(path)));
	if (path.active && !order.forced && !other_path_ok(unit, path.index))
		return unsafe(
			fmt::format(
				"cannot fail '{}': it is the only usable path, I/O would be held",
				path_name(path)),
			"--force does it nevertheless");
	return send(fmt::format("{} {} {}", SW_MSG_FAIL, path.index, word(Reason::OPERATOR)),
		    fmt::format("{} marked failed", path_name(path)));
}

Answered<Done> plan_reinstate(const UnitReport &, const PathReport &path)
{
	if (path.kernel_state == PathState::READY)
		return nothing_to_do(fmt::format("{} is not failed", path_name(path)));
	if (path.kernel_state == PathState::ABSENT)
		return unsafe(
			fmt::format("cannot reinstate '{}': it has no device", path_name(path)),
			"it is taken in when its device appears");
	return send(fmt::format("{} {}", SW_MSG_REINSTATE, path.index),
		    fmt::format("{} reinstated", path_name(path)));
}

Answered<Done> plan_failback(const UnitReport &unit)
{
	if (unit.kernel_state != UnitState::ONLINE || !unit.active)
		return unsafe(fmt::format("cannot fail back: the unit is {}", word(unit.health)),
			      fmt::format("`pathctl status {}` says what it waits for", unit.name));
	if (*unit.active == 0)
		return nothing_to_do(
			fmt::format("{} is the preferred path and active", path_name(unit, 0)));
	for (unsigned index = 0; index < *unit.active; index++) {
		const auto &path = unit.paths[index];
		if (path.health == PathHealth::Ok && path.ticket_left_ms > 0)
			return send(fmt::format("{} {} {} {}", SW_MSG_SWITCH, index,
						SW_MSG_COOPERATIVE, word(Reason::FAILBACK)),
				    fmt::format("failing back to {}", path_name(path)));
	}
	const auto &best = unit.paths.front();
	return unsafe(
		fmt::format("cannot fail back: '{}' is {}", path_name(best), word(best.health)),
		best.text.empty() ? fmt::format("`pathctl status {}` says why", unit.name)
				  : best.text);
}

Answered<Done> plan_unit(const Order &order, const UnitReport &unit)
{
	switch (order.verb) {
	case Verb::Hold:
		if (unit.kernel_state == UnitState::HELD)
			return nothing_to_do("its I/O is held already");
		if (unit.kernel_state != UnitState::ONLINE)
			return unsafe(fmt::format("cannot hold: the unit is {}", word(unit.health)),
				      fmt::format("`pathctl status {}` says why", unit.name));
		return send(fmt::format("{} {}", SW_MSG_HOLD, word(Reason::OPERATOR)),
			    "I/O is held");
	case Verb::Release:
		if (unit.kernel_state == UnitState::VERIFY)
			return unsafe("cannot release: a mount verification holds the I/O, not an "
				      "operator",
				      fmt::format("`pathctl status {}` says what it waits for",
						  unit.name));
		if (unit.kernel_state != UnitState::HELD)
			return nothing_to_do("its I/O is not held");
		return send(SW_MSG_RELEASE, "released");
	case Verb::Abort:
		if (unit.kernel_state != UnitState::VERIFY && unit.kernel_state != UnitState::HELD)
			return nothing_to_do("nothing is held");
		return send(SW_MSG_ABORT, "ended: held I/O gets errors");
	case Verb::Retry:
		if (unit.kernel_state != UnitState::FAILED)
			return nothing_to_do("the unit has not failed");
		return send(SW_MSG_RETRY, "a new mount verification has begun");
	case Verb::Fenced:
		if (unit.kernel_state != UnitState::VERIFY || unit.phase != Phase::PROVE ||
		    unit.doubt == 0)
			return nothing_to_do("no fence is waited for");
		if (!order.forced)
			return unsafe(
				fmt::format(
					"cannot go on without a proof: {} in doubt may still reach "
					"the disk and overwrite newer data",
					unit.doubt == 1 ? "1 write"
							: fmt::format("{} writes", unit.doubt)),
				fmt::format("make sure that nothing can write by the old path "
					    "(power off "
					    "its server, cut its connection to the disk), then "
					    "`pathctl "
					    "fenced {} --i-am-sure`",
					    unit.name));
		return nothing_to_do(
			"your word is taken for the proof; I/O goes on when a path is verified");
	case Verb::Failback:
		return plan_failback(unit);
	case Verb::Pin:
		return nothing_to_do(
			unit.active ? fmt::format("pinned to {}: no failback until `unpin`",
						  path_name(unit, *unit.active))
				    : "pinned: no failback until `unpin`");
	case Verb::Unpin:
		return nothing_to_do("not pinned: failback follows the configuration");
	default:
		return refuse(RefusalKind::Usage, "the order names no path");
	}
}

} // namespace

Answered<Done> plan_order(const Order &order, const UnitReport &unit)
{
	if (!unit.number)
		return unsafe(fmt::format("cannot {}: the unit does not exist in the kernel yet",
					  word(order.verb)),
			      "it is built when one of its paths appears; see `pathctl status`");
	if (!takes_path(order.verb))
		return plan_unit(order, unit);
	if (!order.path || *order.path >= unit.paths.size())
		return refuse(RefusalKind::NotFound,
			      fmt::format("cannot {}: no such path", word(order.verb)),
			      fmt::format("`pathctl paths {}` lists them", unit.name));
	const auto &path = unit.paths[*order.path];
	if (order.verb == Verb::Switch)
		return plan_switch(order, unit, path);
	if (order.verb == Verb::Fail)
		return plan_fail(order, unit, path);
	return plan_reinstate(unit, path);
}

namespace
{

bool called(const PathReport &path, std::string_view query)
{
	constexpr std::string_view dev = "/dev/";
	const auto bare = query.starts_with(dev) ? query.substr(dev.size()) : query;
	return (!path.label.empty() && path.label == query) ||
	       (!path.device.empty() && path.device == bare) ||
	       (!path.endpoint.empty() && path.endpoint == query) ||
	       (path.number && path.number->text() == query) || path_name(path) == query;
}

std::string paths_listed(const UnitReport &unit)
{
	std::string text;
	for (const auto &path : unit.paths)
		text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", path.index,
				    path_name(path));
	return text;
}

} // namespace

Answered<unsigned> find_path(const UnitReport &unit, std::string_view query)
{
	std::vector<unsigned> found;
	for (const auto &path : unit.paths)
		if (called(path, query))
			found.push_back(path.index);
	if (found.empty()) {
		const auto index =
			parse_number<unsigned>(query.starts_with('#') ? query.substr(1) : query);
		if (index && *index < unit.paths.size())
			return *index;
		for (const auto &path : unit.paths)
			if (word(path.kind) == query)
				found.push_back(path.index);
	}
	if (found.size() == 1)
		return found.front();
	if (found.size() > 1)
		return refuse(RefusalKind::Usage, fmt::format("'{}' is more than one path", query),
			      "name it by its number: " + paths_listed(unit));

	std::vector<std::string_view> known;
	for (const auto &path : unit.paths) {
		known.insert(known.end(), {path.label, path.device, word(path.kind)});
	}
	std::erase(known, std::string_view());
	const auto near = nearest_word(query, known);
	return refuse(RefusalKind::NotFound,
		      fmt::format("{}: there is no path '{}'", unit.name, query),
		      fmt::format("{}its paths are: {}",
				  near.empty() ? "" : fmt::format("did you mean '{}'? ", near),
				  paths_listed(unit)));
}

Answered<std::size_t> find_unit(const Report &report, std::string_view query)
{
	std::vector<UnitName> names;
	names.reserve(report.units.size());
	for (const auto &unit : report.units)
		names.push_back({unit.name, unit.wwid, unit.number});
	const auto found = find_unit(std::span<const UnitName>(names), query);
	if (found)
		return *found;
	if (found.error().code == std::errc::no_such_device) {
		const auto device = query.starts_with("/dev/") ? query.substr(5) : query;
		std::string known;
		for (const auto &unit : report.units) {
			for (const auto &path : unit.paths)
				if (!path.device.empty() && path.device == device)
					return refuse(RefusalKind::NotFound,
						      fmt::format("there is no unit '{}'", query),
						      fmt::format("it is a path of {}", unit.name));
			known += (known.empty() ? "" : ", ") + unit.name;
		}
		return refuse(
			RefusalKind::NotFound, fmt::format("there is no unit '{}'", query),
			known.empty()
				? "no unit exists; units are defined in /etc/swpath/swpath.toml"
				: "the units are: " + known);
	}
	return refuse(RefusalKind::Usage, found.error().context, "name it as swN");
}

} // namespace swpath
