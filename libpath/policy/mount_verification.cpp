// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/mount_verification.h"

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "libpath/base/earlier.h"
#include "libpath/unit/reason.h"

namespace swpath
{

namespace
{

/// A person took this path out of use; only a person brings it back.
bool withdrawn_by_operator(const PathStatus &path)
{
	return path.state == PathState::FAILED && path.reason == Reason::OPERATOR;
}

bool eligible(const PathStatus &path)
{
	return path.state != PathState::ABSENT && !withdrawn_by_operator(path);
}

bool asks_for_fence(const UnitStatus &status)
{
	return status.doubt > 0 && status.fence == Fence::PROVE;
}

std::int64_t milliseconds(Duration duration)
{
	return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

} // namespace

std::optional<unsigned> left_path(const UnitStatus &status)
{
	return status.active ? status.active : status.from;
}

std::optional<Method> method_for(const UnitStatus &status, unsigned path)
{
	if (status.doubt == 0)
		return Method::NONE_NEEDED;
	// The kernel accepts the same direct path again: the SCSI layer ended each command before
	// it gave its error, through the nexus that is used again.
	if (left_path(status) == path && status.paths[path].kind == PathKind::DIRECT)
		return Method::NONE_NEEDED;
	if (status.fence == Fence::DRAIN)
		return Method::DRAINED;
	return std::nullopt;
}

void MountVerification::reset(std::uint64_t mv, Instant now)
{
	mv_ = mv;
	going_ = true;
	began_ = now;
	proving_since_.reset();
	gave_up_.reset();
	attempts_ = {};
	left_in_doubt_ = 0;
	target_.reset();
}

void MountVerification::wake(Instant at)
{
	deadline_ = earlier(deadline_, at);
}

void MountVerification::bad(Attempt &attempt, Instant at, Reason reason)
{
	Duration wait = policy_.retry_first;
	for (unsigned i = 0; i < attempt.failures && wait < policy_.retry_max; i++)
		wait *= 2;
	attempt.state = Try::Bad;
	attempt.at = at;
	attempt.next = at + std::min(wait, policy_.retry_max);
	attempt.failures++;
	attempt.reason = reason;
}

void MountVerification::verified(std::uint64_t mv, unsigned path, Instant at,
				 std::string_view evidence)
{
	if (!going_ || mv != mv_ || path >= attempts_.size())
		return;
	auto &attempt = attempts_[path];
	attempt.state = Try::Good;
	attempt.at = at;
	attempt.failures = 0;
	attempt.reason = Reason::NONE;
	attempt.evidence = evidence;
	attempt.rejected = false;
}

void MountVerification::refuted(std::uint64_t mv, unsigned path, Instant at, Reason reason)
{
	if (!going_ || mv != mv_ || path >= attempts_.size())
		return;
	bad(attempts_[path], at, reason);
}

void MountVerification::commit_refused(std::uint64_t mv, unsigned path, int error_number,
				       Instant at)
{
	if (!going_ || mv != mv_ || path >= attempts_.size())
		return;
	attempts_[path].commit_error = error_number;
	attempts_[path].commit_next = at + policy_.retry_first;
}

void MountVerification::fence_done(std::uint64_t token, const FenceAnswer &answer, Instant at)
{
	fencing_.done(token, answer, at);
	keys_.done(token, answer, at);
}

void MountVerification::fence_failed(std::uint64_t token, int error_number, Instant at)
{
	fencing_.failed(token, error_number, at);
	keys_.failed(token, error_number, at);
}

bool MountVerification::fence_confirmed(std::uint64_t mv)
{
	return going_ && mv == mv_ && fencing_.confirmed(mv);
}

void MountVerification::key_seen(unsigned path, std::uint64_t key, Instant began)
{
	keys_.seen(key, began);
	fencing_.key_is_back(path);
}

void MountVerification::keys_seen(std::span<const std::uint64_t> keys, Instant began)
{
	keys_.seen_keys(keys, began);
}

bool MountVerification::may_register(const UnitStatus &status, unsigned path) const
{
	if (!asks_for_fence(status) || status.state != UnitState::VERIFY)
		return true;
	if (!may_have_left(status, path))
		return true;
	if (!going_ || status.mv != mv_)
		return false; // not looked at yet
	// A path that is well is somewhere to go, if the old one can be shut out for it.
	for (unsigned i = 0; i < status.paths.size(); i++) {
		const auto &attempt = attempts_[i];
		if (i != path && eligible(status.paths[i]) && attempt.state != Try::Bad &&
		    attempt.failures == 0 &&
		    !(attempt.state == Try::Good && fencing_.is_stuck(path)))
			return false;
	}
	return true;
}

void MountVerification::replaced(unsigned path)
{
	if (path < attempts_.size())
		attempts_[path] = {};
}

void MountVerification::look_after_drain(const UnitStatus &status,
					 std::span<const MvCandidate> candidates, Instant now,
					 MvActions &actions)
{
	const auto left = left_path(status);
	if (!left || status.paths[*left].inflight == 0)
		return;
	const bool wanted = status.reason == Reason::OPERATOR || status.reason == Reason::FAILBACK;
	const bool cut_first =
		*left < candidates.size() && candidates[*left].connection && !gave_up_ && !wanted;
	const Duration patience = status.paths[*left].kind == PathKind::SERVED || cut_first
					  ? policy_.give_up_connection
					  : policy_.give_up_direct;
	const Instant due = gave_up_.value_or(began_) + patience;
	if (now < due) {
		wake(due);
		return;
	}
	gave_up_ = now;
	wake(now + (cut_first ? policy_.give_up_direct : patience));
	actions.add({.kind = MvAction::Kind::GiveUp, .mv = mv_, .path = *left, .evidence = {}});
}

void MountVerification::verify_paths(const UnitStatus &status, Instant now, MvActions &actions)
{
	const auto left = left_path(status);

	for (unsigned i = 0; i < status.paths.size(); i++) {
		auto &attempt = attempts_[i];
		if (!eligible(status.paths[i])) {
			attempt = {};
			continue;
		}
		// A verification would only queue behind the commands that hang.
		if (status.phase == Phase::DRAIN && left == i)
			continue;

		if (attempt.state == Try::Running) {
			const Instant limit = attempt.at + policy_.verify_limit;
			if (now < limit) {
				wake(limit);
				continue;
			}
			bad(attempt, now, Reason::TIMEOUT);
		}
		if (attempt.state == Try::Bad) {
			if (refuses(attempt.reason) && !attempt.rejected) {
				attempt.rejected = true;
				if (status.paths[i].state != PathState::REJECTED)
					actions.add({.kind = MvAction::Kind::Reject,
						     .mv = mv_,
						     .path = i,
						     .reason = attempt.reason,
						     .evidence = {}});
			}
			if (now < attempt.next) {
				wake(attempt.next);
				continue;
			}
		}
		if (attempt.state == Try::Good) {
			// A proof grows old while the unit waits for something else; one of a path
			// whose key was being taken is worth nothing.
			Instant stale = attempt.at + policy_.verify_limit;
			if (keys_.may_lack(i, asks_for_fence(status)))
				stale = std::min(stale,
						 std::max(attempt.at + policy_.retry_first,
							  *keys_.over(i, asks_for_fence(status))));
			if (now < stale) {
				wake(stale);
				continue;
			}
		}
		attempt.state = Try::Running;
		attempt.at = now;
		wake(now + policy_.verify_limit);
		actions.add({.kind = MvAction::Kind::Verify, .mv = mv_, .path = i, .evidence = {}});
	}
}

void MountVerification::choose(const UnitStatus &status, std::span<const MvCandidate> candidates,
			       Instant now, MvActions &actions)
{
	if (!proving_since_)
		proving_since_ = now;

	// In order of trust: a path that the monitor holds for good, then one that still settles or
	// is damped, then the path that has just failed; within each, in the table's order.
	const auto left = left_path(status);
	const auto rank = [&](unsigned i) {
		unsigned r = i;
		if (i < candidates.size() && candidates[i].monitor != MonitorState::Ok)
			r += SW_PATHS_MAX;
		if (left == i && status.paths[i].state != PathState::READY)
			r += 2 * SW_PATHS_MAX;
		return r;
	};

	const auto lacks = [&](unsigned i) { return keys_.may_lack(i, asks_for_fence(status)); };

	// A path that can be gone on with at once; else one that can when the old paths are fenced.
	std::optional<unsigned> best, fenced;
	struct Awaited {
		unsigned rank = UINT32_MAX;
		Instant since{};
	} awaited, awaited_fenced;
	for (unsigned i = 0; i < status.paths.size(); i++) {
		const auto &attempt = attempts_[i];
		if (!eligible(status.paths[i]))
			continue;
		const bool at_once = method_for(status, i).has_value();
		if (attempt.state == Try::Running && attempt.failures == 0) {
			// The renewal of a proof that has grown old is waited for like a first one.
			auto &wait = at_once ? awaited : awaited_fenced;
			if (rank(i) < wait.rank)
				wait = {rank(i), std::max(attempt.at, *proving_since_)};
		}
		if (attempt.state != Try::Good)
			continue;
		if (attempt.commit_error != 0 && now < attempt.commit_next) {
			wake(attempt.commit_next);
			continue;
		}
		// What it stands on is being taken away.
		if (at_once && lacks(i))
			continue;
		auto &choice = at_once ? best : fenced;
		if (!choice ||
		    std::pair(lacks(i), rank(i)) < std::pair(lacks(*choice), rank(*choice)))
			choice = i;
	}
	const auto settled = [&](unsigned path, const Awaited &better) {
		const Instant until = better.since + policy_.settle;
		if (better.rank >= rank(path) || now >= until)
			return true;
		wake(until);
		return false;
	};
	if (best) {
		if (settled(*best, awaited))
			commit(status, *best, *method_for(status, *best), attempts_[*best].evidence,
			       now, actions);
		return;
	}
	if (!asks_for_fence(status))
		return;
	// What was begun for one path is not dropped for a better one that comes late.
	if (fenced && target_ && attempts_[*target_].state == Try::Good &&
	    attempts_[*target_].commit_error == 0 && eligible(status.paths[*target_]) &&
	    lacks(*target_) <= lacks(*fenced))
		fenced = target_;
	if (fenced && !settled(*fenced, awaited_fenced))
		fenced.reset();
	fence(status, candidates, fenced, now, actions);
}

namespace
{

/// The candidates as the fence sees them.
std::array<FencePath, SW_PATHS_MAX> fence_paths(const UnitStatus &status,
						std::span<const MvCandidate> candidates)
{
	std::array<FencePath, SW_PATHS_MAX> paths{};
	for (std::size_t i = 0; i < status.paths.size() && i < paths.size(); i++) {
		if (i < candidates.size()) {
			paths[i] = candidates[i].fencing;
			paths[i].name = candidates[i].name;
		}
		paths[i].kind = status.paths[i].kind;
	}
	return paths;
}

} // namespace

std::uint32_t MountVerification::doubtful(const UnitStatus &status) const
{
	const std::uint32_t all = (1U << status.paths.size()) - 1;
	if (left_in_doubt_ != 0 && (left_in_doubt_ & ~all) == 0)
		return left_in_doubt_;
	// Nobody knows any more which path it was: it may have been each.
	return all;
}

FenceFacts MountVerification::facts(const UnitStatus &status, std::span<const FencePath> paths,
				    std::optional<unsigned> target) const
{
	return {.mv = status.mv,
		.old = doubtful(status),
		.elsewhere = untraced_ || left_in_doubt_ >> status.paths.size() != 0,
		.device_gone = left_in_doubt_ != 0 && !left_path(status),
		.target = target,
		.paths = paths.first(status.paths.size())};
}

void MountVerification::forget()
{
	going_ = false;
	retried_.reset();
	fencing_.forget();
}

bool MountVerification::may_have_left(const UnitStatus &status, unsigned path) const
{
	if (const auto left = left_path(status))
		return *left == path;
	return !going_ || status.mv != mv_ || (doubtful(status) & 1U << path) != 0;
}

void MountVerification::fence(const UnitStatus &status, std::span<const MvCandidate> candidates,
			      std::optional<unsigned> target, Instant now, MvActions &actions)
{
	target_ = target;
	const auto paths = fence_paths(status, candidates);
	const auto known = facts(status, paths, target);
	for (const auto &action : fencing_.step(known, now)) {
		keys_.ordered(action, now, policy_.fence.order_life);
		actions.add({.kind = MvAction::Kind::Fence,
			     .mv = mv_,
			     .path = action.path,
			     .evidence = {},
			     .fence = action});
	}
	if (fencing_.deadline())
		wake(*fencing_.deadline());
	if (const auto proof = fencing_.proof(known, now); proof && !keys_.may_lack(*target, true))
		commit(status, *target, proof->method, proof->evidence, now, actions);
}

void MountVerification::commit(const UnitStatus &status, unsigned path, Method method,
			       std::string_view evidence, Instant now, MvActions &actions)
{
	auto &attempt = attempts_[path];
	attempt.commit_error = EINPROGRESS;
	attempt.commit_next = now + policy_.retry_first;
	wake(attempt.commit_next);
	actions.add({.kind = MvAction::Kind::Commit,
		     .mv = mv_,
		     .path = path,
		     .method = method,
		     .evidence = evidence,
		     .reinstate_first = status.paths[path].state == PathState::REJECTED});
}

/// What a check may have put back, no fence believes to be gone.
void MountVerification::watch_keys(const UnitStatus &status,
				   std::span<const MvCandidate> candidates, Instant now)
{
	const auto paths = fence_paths(status, candidates);
	keys_.look(std::span(paths).first(status.paths.size()), now, policy_.fence.order_life);
	for (unsigned i = 0; i < status.paths.size(); i++)
		if (may_register(status, i))
			fencing_.key_is_back(i);
}

MvActions MountVerification::step(const UnitStatus &status, std::span<const MvCandidate> candidates,
				  Instant now)
{
	MvActions actions;
	deadline_.reset();
	watch_keys(status, candidates, now);

	if (status.state == UnitState::FAILED) {
		going_ = false;
		// A path that came back ends the errors. An abort was a person's wish: a person
		// ends it.
		if (status.reason != Reason::MV_TIMEOUT || retried_ == status.mv)
			return actions;
		const Instant failed_at = now - std::chrono::milliseconds(status.since_ms);
		for (unsigned i = 0; i < status.paths.size() && i < candidates.size(); i++) {
			if (!eligible(status.paths[i]) || !candidates[i].proved_at ||
			    *candidates[i].proved_at < failed_at ||
			    !(method_for(status, i) || candidates[i].fencing.reachable))
				continue;
			retried_ = status.mv;
			actions.add(
				{.kind = MvAction::Kind::Retry, .mv = status.mv, .evidence = {}});
			break;
		}
		return actions;
	}
	if (status.state != UnitState::VERIFY) {
		going_ = false;
		return actions;
	}

	if (!going_ || status.mv != mv_)
		reset(status.mv, now);
	// The kernel leaves one path in a mount verification, but a reload may take its word for
	// which one it was.
	if (untraced_)
		left_in_doubt_ = 0;
	else if (const auto left = left_path(status))
		left_in_doubt_ = 1U << *left;

	if (status.phase == Phase::DRAIN)
		look_after_drain(status, candidates, now, actions);
	verify_paths(status, now, actions);
	if (status.phase == Phase::PROVE)
		choose(status, candidates, now, actions);
	return actions;
}

std::string MountVerification::waiting_for(const UnitStatus &status,
					   std::span<const MvCandidate> candidates,
					   Instant now) const
{
	const auto label = [&](unsigned i) {
		const std::string kind(word(status.paths[i].kind));
		return i < candidates.size() && !candidates[i].name.empty()
			       ? fmt::format("{} {}", kind, candidates[i].name)
			       : kind;
	};
	const auto left = left_path(status);

	if (status.state == UnitState::HELD)
		return "held by the operator; 'release' ends it";
	if (status.state == UnitState::FAILED)
		return status.reason == Reason::ABORT ? "aborted by the operator; 'retry' ends it"
						      : "mount verification timed out; a path that "
							"returns, or 'retry', ends it";
	if (status.state != UnitState::VERIFY)
		return {};
	if (status.phase == Phase::FLUSH)
		return left ? fmt::format("flush of {}", label(*left)) : "flush";
	if (status.phase == Phase::DRAIN) {
		if (!left)
			return "drain";
		return fmt::format("{} in flight on {}, oldest {} ms{}",
				   status.paths[*left].inflight, label(*left), status.oldest_ms,
				   gave_up_ ? ", its leg was told to give up" : "");
	}

	const bool mine = going_ && status.mv == mv_;
	std::string text;
	for (unsigned i = 0; i < status.paths.size(); i++) {
		const auto &attempt = attempts_[i];
		std::string part;
		if (status.paths[i].state == PathState::ABSENT)
			part = "absent";
		else if (withdrawn_by_operator(status.paths[i]))
			part = "failed by the operator, 'reinstate' brings it back";
		else if (!mine || attempt.state == Try::None || attempt.state == Try::Running)
			part = "being verified";
		else if (attempt.state == Try::Bad)
			part = fmt::format(
				"{}, next try in {} ms", reason_text(attempt.reason),
				std::max<std::int64_t>(0, milliseconds(attempt.next - now)));
		else {
			part = keys_.may_lack(i, asks_for_fence(status))
				       ? "proved, but it may be without its key"
				       : "proved";
			if (attempt.commit_error > 0 && attempt.commit_error != EINPROGRESS)
				part += fmt::format(", but the kernel refused it (errno {})",
						    attempt.commit_error);
		}
		text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", label(i), part);
	}
	if (asks_for_fence(status)) {
		const auto paths = fence_paths(status, candidates);
		text = fmt::format(
			"{} in doubt, fence=prove: {}; 'fenced --i-am-sure' ends it; {}",
			status.doubt == 1 ? "1 write" : fmt::format("{} writes", status.doubt),
			fencing_.missing(facts(status, paths, mine ? target_ : std::nullopt)),
			text);
	}
	return text;
}

} // namespace swpath
