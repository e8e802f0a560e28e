// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/path_keeper.h"

#include "libpath/policy/ticket.h"
#include "libpath/unit/reason.h"

namespace swpath
{

namespace
{

using Kind = KeeperAction::Kind;

/// True if the unit could go on without path `but`.
bool another_is_ready(const UnitStatus &status, std::span<const KeptPath> paths, unsigned but)
{
	for (unsigned i = 0; i < status.paths.size() && i < paths.size(); i++)
		if (i != but && status.paths[i].state == PathState::READY &&
		    status.paths[i].ticket_ms > 0 && paths[i].monitor == MonitorState::Ok)
			return true;
	return false;
}

std::optional<KeeperAction> keep_ready(const UnitStatus &status, std::span<const KeptPath> paths,
				       unsigned i, Duration check_interval, Instant now)
{
	const auto &path = paths[i];
	const bool in_use = status.state == UnitState::ONLINE && status.active == i;

	if (path.monitor == MonitorState::Rejected)
		return KeeperAction{in_use ? Kind::Fail : Kind::Reject, i, path.reason, 0};
	if (path.monitor == MonitorState::Failed &&
	    (!in_use ||
	     (path.failures >= active_failures_max && another_is_ready(status, paths, i))))
		return KeeperAction{Kind::Fail, i, path.reason, 0};

	// Not looked at yet: what an earlier pathd deposited holds as long as it said.
	if (path.monitor == MonitorState::Unknown)
		return std::nullopt;
	const auto order =
		order_ticket({.proved_at = path.monitor == MonitorState::Ok && !path.may_lack_key
						   ? path.proved_at
						   : std::nullopt,
			      .left = std::chrono::milliseconds(status.paths[i].ticket_ms)},
			     check_interval, now);
	if (order)
		return KeeperAction{Kind::Ticket, i, Reason::NONE, order->ttl_ms};
	return std::nullopt;
}

std::optional<KeeperAction> keep_spoiled(const UnitStatus &status, const KeptPath &path, unsigned i)
{
	const auto &kernel = status.paths[i];

	if (path.monitor == MonitorState::Ok)
		return KeeperAction{Kind::Reinstate, i, Reason::NONE, 0};
	// Failed is weaker than rejected: say what was found out since.
	if (path.monitor == MonitorState::Rejected &&
	    (kernel.state != PathState::REJECTED || kernel.reason != path.reason))
		return KeeperAction{Kind::Reject, i, path.reason, 0};
	return std::nullopt;
}

} // namespace

bool is_loss(const std::optional<LastLook> &before, const PathStatus &after, MonitorState monitor)
{
	if (after.state != PathState::FAILED)
		return false;
	if (after.reason == Reason::OPERATOR || refuses(after.reason))
		return false;
	if (monitor == MonitorState::Failed || monitor == MonitorState::Rejected)
		return false;
	// Failed as before, and more errors: it was used again between two looks.
	return !before || before->state != PathState::FAILED || after.errors > before->errors;
}

KeeperActions keep_paths(const UnitStatus &status, std::span<const KeptPath> paths,
			 Duration check_interval, Instant now)
{
	KeeperActions actions;

	for (unsigned i = 0; i < status.paths.size() && i < paths.size(); i++) {
		const auto &kernel = status.paths[i];
		std::optional<KeeperAction> action;

		switch (kernel.state) {
		case PathState::ABSENT:
			break;
		case PathState::READY:
			action = keep_ready(status, paths, i, check_interval, now);
			break;
		case PathState::FAILED:
			// What a person took out of use, a person brings back.
			if (kernel.reason == Reason::OPERATOR)
				break;
			[[fallthrough]];
		case PathState::REJECTED:
			action = keep_spoiled(status, paths[i], i);
			break;
		}
		if (action)
			actions.add(*action);
	}
	return actions;
}

} // namespace swpath
