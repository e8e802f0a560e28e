// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: the answer to a mount verification, and the fence that it may need.
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "libpath/sys/clock.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

namespace
{

const char *give_up_text(Leg::GiveUp what)
{
	switch (what) {
	case Leg::GiveUp::Reset:
		return "resetting the logical unit";
	case Leg::GiveUp::Cut:
		return "cutting the iSCSI session";
	case Leg::GiveUp::Disconnect:
		return "ending the connection";
	}
	return "";
}

} // namespace

std::vector<MvCandidate> Unit::candidates() const
{
	std::vector<MvCandidate> list(kernel_->status.paths.size());
	if (!knows_numbers())
		return list;
	for (unsigned i = 0; i < list.size() && i < slots_.size(); i++) {
		list[i].monitor = slots_[i].monitor.state();
		if (const auto *leg = in_table(i)) {
			list[i].name = leg->device().sysname;
			list[i].proved_at = slots_[i].monitor.proved_at();
			list[i].connection = leg->has_connection();
			if (leg->kind() == PathKind::DIRECT)
				list[i].fencing = {.reachable = leg->proved,
						   .reservations =
							   leg->key.key != 0 && leg->reservations,
						   .lu_reset = config_.lu_reset,
						   .key = leg->key.key};
		} else if (i < config_.paths.size()) {
			list[i].name = config_.paths[i].name;
		}
		if (by_peer(i)) {
			list[i].name = config_.paths[i].name;
			list[i].fencing = fence_path_of_peer(i);
		}
	}
	return list;
}

/// The mount verification's turn. True: the kernel was told something.
bool Unit::verify(Instant now)
{
	look_after_order();
	guard_keys();
	settle_grants();
	note_doubt();
	const auto known = candidates();
	bool told = false;

	for (const auto &action : mv_.step(kernel_->status, known, now)) {
		Leg *leg = in_table(action.path);
		switch (action.kind) {
		case MvAction::Kind::Verify:
			if (leg)
				probe(action.path, action.mv);
			else
				mv_.refuted(action.mv, action.path, now, Reason::PATH_GONE);
			break;
		case MvAction::Kind::GiveUp: {
			const auto device = kernel_->status.paths[action.path].device;
			const auto found = device ? legs_.find(*device) : legs_.end();
			if (found == legs_.end())
				break;
			const std::string label = path_label(action.path);
			log::say(Message::GiveUp, {.unit = config_.name, .path = label},
				 "{} does not drain: {}", label,
				 give_up_text(found->second->next_give_up()));
			if (found->second->next_give_up() == Leg::GiveUp::Cut)
				borrow_settings(*found->second, true);
			found->second->give_up();
			break;
		}
		case MvAction::Kind::Reject:
			told |= services_.dm.reject(config_.name, action.mv, action.path,
						    action.reason) == 0;
			break;
		case MvAction::Kind::Fence:
			fence(action.fence, now);
			break;
		case MvAction::Kind::Commit: {
			if (!leg)
				break;
			if (action.reinstate_first)
				(void)send(fmt::format("{} {}", SW_MSG_REINSTATE, action.path));
			const int error = services_.dm.commit(config_.name, action.mv, action.path,
							      action.method, action.evidence);
			told = true;
			if (error == 0)
				break;
			mv_.commit_refused(action.mv, action.path, error, now);
			log::say(Message::Notice, {.unit = config_.name},
				 "commit {} {} {} was refused: {}", action.mv, action.path,
				 word(action.method), std::strerror(error));
			break;
		}
		case MvAction::Kind::Retry:
			told |= send(SW_MSG_RETRY) == 0;
			break;
		}
	}
	return told;
}

void Unit::guard_keys()
{
	const auto &status = kernel_->status;
	const auto left = left_path(status);
	for (unsigned i = 0; i < slots_.size(); i++) {
		auto *leg = slots_[i].leg.get();
		if (leg == nullptr)
			continue;
		// The path that was left may have another place by now.
		const bool is_left = left && status.paths[*left].device == leg->number();
		leg->key.may_register = mv_.may_register(status, i) &&
					(!is_left || mv_.may_register(status, *left));
	}
}

/// One step of a fence, through the leg, or by the peer, that it names.
void Unit::fence(const FenceAction &action, Instant now)
{
	const std::string what =
		fmt::format("{} by {}", fence_text(action.kind), path_label(action.path));
	if (by_peer(action.path)) {
		if (!fence_by_peer(action, what))
			mv_.fence_failed(action.token, EOPNOTSUPP, now);
		return;
	}
	Leg *leg = in_table(action.path);
	if (!leg || leg->kind() != PathKind::DIRECT) {
		mv_.fence_failed(action.token, leg ? EOPNOTSUPP : ENODEV, now);
		return;
	}
	const bool taken = leg->fence(action, [here = std::weak_ptr(here_), this, action,
					       what](const FenceResult &result) {
		if (!here.expired())
			fenced(action, what, result);
	});
	if (!taken)
		mv_.fence_failed(action.token, EAGAIN, now);
}

void Unit::fenced(const FenceAction &action, const std::string &what, const FenceResult &result)
{
	const Instant at = now();
	if (result.error == 0)
		mv_.fence_done(action.token, result.answer, at);
	else
		mv_.fence_failed(action.token, result.error, at);
	log::say(Message::Plain, {.unit = config_.name}, "fence: {}: {}", what,
		 result.error == 0 && result.text.empty() ? "done" : result.text);
	touch();
}

} // namespace swpath
