// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/fence.h"

#include <algorithm>
#include <cerrno>

#include "libpath/base/earlier.h"

namespace swpath
{

namespace
{

using Kind = FenceAction::Kind;

/// The daemon's own keys are fought for no more than this without a pause.
constexpr unsigned preempts_at_once = 3;
/// After so many failures a reset is tried where keys would have been better.
constexpr unsigned key_failures_max = 3;

} // namespace

bool Fencing::has(const FenceAnswer &seen, std::uint64_t key)
{
	return std::find(seen.keys.begin(), seen.keys.end(), key) != seen.keys.end();
}

std::vector<std::uint64_t> Fencing::keys_of(const FencePath &path)
{
	return path.keys.empty() ? std::vector{path.key} : path.keys;
}

std::optional<std::uint64_t> Fencing::registered(const FenceAnswer &seen,
						 const std::vector<std::uint64_t> &keys)
{
	for (const auto key : keys)
		if (has(seen, key))
			return key;
	return std::nullopt;
}

bool Fencing::all_aborted(const Case &of, const FencePath &path)
{
	const auto done = [&](std::uint64_t key) { return of.aborted.contains(key); };
	return path.doubt_keys.empty()
		       ? done(path.key)
		       : std::all_of(path.doubt_keys.begin(), path.doubt_keys.end(), done);
}

bool Fencing::same_server(std::span<const FencePath> paths, unsigned a, unsigned b)
{
	return a == b || (paths[a].server != 0 && paths[a].server == paths[b].server);
}

bool Fencing::same_nexus(std::span<const FencePath> paths, unsigned old, unsigned other)
{
	return same_server(paths, old, other) && !paths[old].moved;
}

void Fencing::reset(std::uint64_t mv, Instant now)
{
	mv_ = mv;
	going_ = true;
	confirmed_ = false;
	began_ = now;
	cases_ = {};
}

void Fencing::wake(Instant at)
{
	deadline_ = earlier(deadline_, at);
}

bool Fencing::ready(Case &of, Step &step, Instant now)
{
	if (step.token != 0) {
		const Instant limit = step.began + policy_.step_limit;
		if (now < limit) {
			wake(limit);
			return false;
		}
		went_wrong(of, step, ETIMEDOUT, now);
	}
	if (now < step.next) {
		wake(step.next);
		return false;
	}
	return true;
}

void Fencing::begin(Step &step, FenceAction action, Instant now, FenceActions &actions)
{
	action.token = ++last_token_;
	action.mv = mv_;
	action.limit = policy_.step_limit;
	step.token = action.token;
	step.kind = action.kind;
	step.victim = action.victim;
	step.began = now;
	wake(now + policy_.step_limit);
	actions.add(action);
}

void Fencing::went_wrong(Case &of, Step &step, int error_number, Instant at)
{
	step.token = 0;
	step.error = error_number;
	if (&step == &of.revoke && error_number == EINPROGRESS) {
		if (!of.closed)
			of.revoke_began = at;
		of.closed = true;
		step.next = at + policy_.retry_first;
		return;
	}
	if (step.kind == Kind::ProveRejected) {
		// A nexus that answers nothing is no proof, but nothing that the proof stands on
		// either.
		of.silent = true;
		step.error = 0;
		return;
	}
	Duration wait = policy_.retry_first;
	for (unsigned i = 0; i < step.failures && wait < policy_.retry_max; i++)
		wait *= 2;
	step.next = at + std::min(wait, policy_.retry_max);
	step.failures++;
	if (&step != &of.nexus)
		return;
	of.reset_failed |= step.kind == Kind::LuReset;
	// Whatever it changed before it failed: read again.
	of.seen.reset();
	if (!of.via)
		return;
	of.tried |= bit(*of.via);
	if (error_number == EOPNOTSUPP) {
		(step.kind == Kind::LuReset ? of.no_reset : of.no_keys) |= bit(*of.via);
		step.next = at;
	}
}

void Fencing::went_well(Case &of, const Step &step, const FenceAnswer &answer, Instant at)
{
	switch (step.kind) {
	case Kind::Revoke:
		of.closed = true;
		of.ended_all = true;
		of.revoked = answer.lost == 0;
		of.ended = answer.ended;
		of.lost = answer.lost;
		of.rebooted = answer.rebooted;
		// What was reset before may have been sent again.
		of.reset = of.reset && of.shut_reset;
		break;
	case Kind::ReadKeys:
		of.seen = answer;
		of.seen_at = at;
		// Whatever was aborted before, more may have been let in since.
		if (answer.type == ReservationType::None)
			of.aborted.clear();
		for (const auto key : answer.keys)
			of.aborted.erase(key);
		if (answer.type == ReservationType::None || registered(answer, of.victims))
			of.shut_reset = false;
		break;
	case Kind::PreemptAbort:
		of.aborted.insert(step.victim);
		of.seen.reset();
		if (++of.preempts[step.victim] >= preempts_at_once)
			of.nexus.next = at + policy_.retry_max;
		break;
	case Kind::RegisterKey:
	case Kind::Reserve:
		of.seen.reset();
		break;
	case Kind::LuReset:
		// The server sent again what this one ended.
		if (of.ended_all && !step.ended && !step.shut)
			break;
		of.reset = true;
		of.shut_reset |= step.shut;
		break;
	case Kind::ProveRejected:
		(answer.rejected ? of.rejected : of.accepted) = true;
		break;
	case Kind::AskClusterFence:
		of.node_fenced = true;
		break;
	}
}

std::optional<Fencing::Running> Fencing::find(std::uint64_t token)
{
	if (token == 0)
		return std::nullopt;
	for (auto &of : cases_)
		for (auto *step : {&of.revoke, &of.nexus, &of.agent})
			if (step->token == token)
				return Running{of, *step};
	return std::nullopt;
}

void Fencing::done(std::uint64_t token, const FenceAnswer &answer, Instant at)
{
	const auto running = find(token);
	if (!running)
		return;
	running->step.token = 0;
	running->step.error = 0;
	went_well(running->of, running->step, answer, at);
}

void Fencing::failed(std::uint64_t token, int error_number, Instant at)
{
	if (const auto running = find(token))
		went_wrong(running->of, running->step, error_number, at);
}

void Fencing::key_is_back(unsigned path)
{
	if (path < cases_.size())
		cases_[path].seen.reset();
}

bool Fencing::confirmed(std::uint64_t mv)
{
	if (!going_ || mv != mv_)
		return false;
	confirmed_ = true;
	return true;
}

bool Fencing::keys_usable(const FenceFacts &facts, unsigned old, unsigned via) const
{
	const auto &of = cases_[old];
	const auto &through = facts.paths[via];
	// A reservation would shut the target out as well, if it had no key, or the one that is to
	// go; and whoever is to go on by another of its nexuses is not shut out.
	if (!facts.target || same_server(facts.paths, old, *facts.target) ||
	    !facts.paths[*facts.target].reservations || facts.paths[*facts.target].key == 0)
		return false;
	for (const auto victim : keys_of(facts.paths[old]))
		if (victim == 0 || victim == through.key ||
		    victim == facts.paths[*facts.target].key)
			return false;
	return through.reservations && through.key != 0 && !of.accepted &&
	       (of.no_keys & bit(via)) == 0;
}

bool Fencing::reset_usable(const FenceFacts &facts, unsigned old, unsigned via) const
{
	return facts.paths[via].lu_reset && (cases_[old].no_reset & bit(via)) == 0;
}

bool Fencing::is_past(const FenceFacts &facts, unsigned old) const
{
	return facts.paths[old].kind == PathKind::DIRECT
		       ? facts.device_gone
		       : cases_[old].ended_all && cases_[old].rebooted;
}

bool Fencing::via_possible(const FenceFacts &facts, unsigned old, unsigned via) const
{
	if (via >= facts.paths.size() || !facts.paths[via].reachable ||
	    (same_nexus(facts.paths, old, via) && !is_past(facts, old)))
		return false;
	// A nexus that is itself to be shut out gets no key for this.
	for (unsigned other = 0; other < facts.paths.size(); other++)
		if ((facts.old & bit(other)) != 0 && same_server(facts.paths, other, via) &&
		    !(facts.target && same_server(facts.paths, via, *facts.target)))
			return false;
	const auto &of = cases_[old];
	// It cannot be shut out by itself; but when it has nothing more to send, its other nexus,
	// or the device that has its place now, ends what was left in the disk.
	if (same_server(facts.paths, old, via))
		return (facts.paths[old].kind == PathKind::DIRECT || of.ended_all) &&
		       reset_usable(facts, old, via);
	return keys_usable(facts, old, via) ||
	       (reset_usable(facts, old, via) &&
		(facts.paths[old].kind == PathKind::DIRECT || of.closed || of.node_fenced));
}

/// One with keys before one that can only reset; the target first, for its nexus has to work
/// anyway. One that failed gets its turn when all have failed.
std::optional<unsigned> Fencing::choose_via(const FenceFacts &facts, unsigned old) const
{
	const auto &of = cases_[old];
	// A sequence that has begun is gone on with.
	if (of.via && via_possible(facts, old, *of.via) && (of.tried & bit(*of.via)) == 0)
		return of.via;
	std::optional<unsigned> best;
	unsigned best_rank = 0;
	for (unsigned i = 0; i < facts.paths.size(); i++) {
		if (!via_possible(facts, old, i))
			continue;
		const unsigned rank = ((of.tried & bit(i)) == 0 ? 4U : 0U) |
				      (keys_usable(facts, old, i) ? 2U : 0U) |
				      (facts.target == i ? 1U : 0U);
		if (!best || rank > best_rank) {
			best = i;
			best_rank = rank;
		}
	}
	return best;
}

bool Fencing::is_shut_out(const FenceFacts &facts, unsigned old, Instant now) const
{
	const auto &of = cases_[old];
	if (!of.via || !of.seen || now >= of.seen_at + policy_.keys_life || !facts.target ||
	    *of.via >= facts.paths.size() || !keys_usable(facts, old, *of.via))
		return false;
	const auto target = facts.paths[*facts.target].key;
	return of.seen->type != ReservationType::None &&
	       !registered(*of.seen, keys_of(facts.paths[old])) && target != 0 &&
	       has(*of.seen, target);
}

std::optional<FenceAction> Fencing::next_on_disk(const FenceFacts &facts, unsigned old,
						 unsigned via, Instant now) const
{
	const auto &of = cases_[old];
	const auto &paths = facts.paths;
	const FenceAction reset{.kind = Kind::LuReset, .path = via};

	const bool direct = paths[old].kind == PathKind::DIRECT;
	const bool keys = keys_usable(facts, old, via);
	if (!keys ||
	    ((direct || of.ended_all || of.node_fenced) && of.nexus.failures >= key_failures_max))
		if (!of.reset && reset_usable(facts, old, via))
			return reset;
	if (!keys)
		return std::nullopt;

	const auto own = paths[via].key;
	if (!of.seen || now >= of.seen_at + policy_.keys_life)
		return FenceAction{.kind = Kind::ReadKeys, .path = via};
	if (!has(*of.seen, own))
		return FenceAction{.kind = Kind::RegisterKey, .path = via, .key = own};
	// The reservation first: between an abort and a reservation, what the server sends again
	// would be let in.
	if (of.seen->type == ReservationType::None)
		return FenceAction{.kind = Kind::Reserve,
				   .path = via,
				   .key = own,
				   .type = ReservationType::WriteExclusiveRegistrants};
	if (const auto victim = registered(*of.seen, keys_of(paths[old])))
		return FenceAction{.kind = Kind::PreemptAbort,
				   .path = via,
				   .key = own,
				   .victim = *victim,
				   .type = of.seen->type};
	const auto target = paths[*facts.target].key;
	if (target != 0 && !has(*of.seen, target))
		return FenceAction{.kind = Kind::RegisterKey, .path = *facts.target, .key = target};
	if (!all_aborted(of, paths[old]) && !of.shut_reset) {
		if (reset_usable(facts, old, via))
			return reset;
		return std::nullopt;
	}
	if (direct && paths[old].reachable && !of.rejected && !of.silent)
		return FenceAction{.kind = Kind::ProveRejected, .path = old};
	return std::nullopt;
}

std::optional<Method> Fencing::method(const FenceFacts &facts, unsigned old, Instant now) const
{
	const auto &of = cases_[old];
	const bool direct = facts.paths[old].kind == PathKind::DIRECT;
	const bool same = facts.target && same_nexus(facts.paths, old, *facts.target);
	const bool apart = facts.target && (!same || is_past(facts, old));
	if (of.revoked || (of.ended_all && !of.rebooted && same))
		return Method::EXPORT_REVOKED;
	const bool shut = apart && is_shut_out(facts, old, now);
	const bool asked = !direct || !facts.paths[old].reachable || of.rejected || of.silent;
	const bool aborted = all_aborted(of, facts.paths[old]);
	if (shut && aborted && asked)
		return Method::PREEMPT_ABORT;
	// Without keys, a reset proves only what it ended: enough for a path whose every command
	// has come back to this host, or to a server that takes no more, not for one that may send
	// again. While keys can still be had they come first.
	const bool keys_to_come =
		of.via && *of.via < facts.paths.size() && via_possible(facts, old, *of.via) &&
		keys_usable(facts, old, *of.via) && of.nexus.failures < key_failures_max;
	if (apart && of.reset &&
	    (shut ? of.shut_reset && asked : (direct || of.ended_all) && !keys_to_come))
		return Method::LU_RESET;
	// The disk may still work on what it was given: a reset first, if there is a way to it.
	if (of.node_fenced && (of.reset || aborted || of.reset_failed ||
			       of.nexus.failures >= key_failures_max || !choose_via(facts, old)))
		return Method::NODE_FENCED;
	if (confirmed_)
		return Method::OPERATOR;
	return std::nullopt;
}

bool Fencing::revoke_had_its_time(const FenceFacts &facts, unsigned old, Instant now)
{
	auto &of = cases_[old];
	const auto &path = facts.paths[old];
	if (path.kind == PathKind::DIRECT || path.export_epoch == 0 || of.ended_all ||
	    of.revoke.error == EOPNOTSUPP)
		return true;
	if (!of.revoke_began)
		of.revoke_began = now;
	const Instant due =
		*of.revoke_began + (of.closed ? policy_.revoke_draining : policy_.revoke_silent);
	if (now >= due)
		return true;
	wake(due);
	return false;
}

void Fencing::revoke(const FenceFacts &facts, unsigned old, Instant now, FenceActions &actions)
{
	auto &of = cases_[old];
	const auto &path = facts.paths[old];
	if (path.kind != PathKind::SERVED || path.export_epoch == 0 || of.ended_all ||
	    of.revoke.error == EOPNOTSUPP || !ready(of, of.revoke, now) || !path.reachable)
		return;
	begin(of.revoke, {.kind = Kind::Revoke, .path = old, .epoch = path.export_epoch}, now,
	      actions);
}

void Fencing::work_on_disk(const FenceFacts &facts, unsigned old, Instant now,
			   FenceActions &actions)
{
	auto &of = cases_[old];
	// Without somewhere to go, nobody is shut out; and never out of the way that is to be used.
	if (!facts.target ||
	    (same_nexus(facts.paths, old, *facts.target) && !is_past(facts, old)) ||
	    !revoke_had_its_time(facts, old, now) || !ready(of, of.nexus, now))
		return;
	const auto via = choose_via(facts, old);
	of.stuck = !via;
	if (!via)
		return;
	if ((of.tried & bit(*via)) != 0)
		of.tried = 0;
	if (of.via != via)
		of.seen.reset();
	of.via = via;
	of.victims = keys_of(facts.paths[old]);
	const auto action = next_on_disk(facts, old, *via, now);
	if (!action) {
		// No more can be done here; another nexus may have what is missing.
		of.tried |= bit(*via);
		const auto other = choose_via(facts, old);
		const bool untried = other && (of.tried & bit(*other)) == 0;
		of.stuck = !untried;
		of.nexus.next = now + (untried ? policy_.retry_first : policy_.retry_max);
		wake(of.nexus.next);
		return;
	}
	of.nexus.shut = is_shut_out(facts, old, now);
	of.nexus.ended = of.ended_all;
	begin(of.nexus, *action, now, actions);
}

void Fencing::ask_cluster(const FenceFacts &facts, unsigned old, Instant now, FenceActions &actions)
{
	auto &of = cases_[old];
	if (facts.paths[old].kind != PathKind::SERVED || !facts.paths[old].agent ||
	    of.node_fenced || of.agent.error == EOPNOTSUPP || !facts.target ||
	    same_server(facts.paths, old, *facts.target))
		return;
	const Instant due = began_ + policy_.agent_after;
	if (now < due) {
		wake(due);
		return;
	}
	if (ready(of, of.agent, now))
		begin(of.agent, {.kind = Kind::AskClusterFence, .path = old}, now, actions);
}

FenceActions Fencing::step(const FenceFacts &facts, Instant now)
{
	FenceActions actions;
	deadline_.reset();
	if (!going_ || facts.mv != mv_)
		reset(facts.mv, now);
	// Nobody is shut out for a proof that cannot be had by it.
	if (facts.elsewhere && !confirmed_)
		return actions;
	for (unsigned old = 0; old < facts.paths.size() && old < cases_.size(); old++) {
		if ((facts.old & bit(old)) == 0)
			continue;
		if (method(facts, old, now)) {
			if (is_shut_out(facts, old, now))
				wake(cases_[old].seen_at + policy_.keys_life);
			// No proof is missing, but a path, and this server may be the only way:
			// before it grants another export it has to end the one in doubt.
			if (!facts.target)
				revoke(facts, old, now, actions);
			continue;
		}
		revoke(facts, old, now, actions);
		work_on_disk(facts, old, now, actions);
		ask_cluster(facts, old, now, actions);
	}
	return actions;
}

std::optional<FenceProof> Fencing::proof(const FenceFacts &facts, Instant now)
{
	if (!going_ || facts.mv != mv_ || facts.old == 0 || !facts.target)
		return std::nullopt;
	if (facts.elsewhere) {
		if (!confirmed_)
			return std::nullopt;
		write_evidence(facts, *facts.target, Method::OPERATOR);
		return FenceProof{Method::OPERATOR, evidence_.data()};
	}
	// The enum counts from the strongest to the weakest: a chain is as strong as its weakest
	// link.
	std::optional<Method> weakest;
	unsigned of = 0;
	for (unsigned old = 0; old < facts.paths.size(); old++) {
		if ((facts.old & bit(old)) == 0)
			continue;
		const auto by = method(facts, old, now);
		if (!by)
			return std::nullopt;
		if (!weakest || *by > *weakest) {
			weakest = by;
			of = old;
		}
	}
	write_evidence(facts, of, *weakest);
	return FenceProof{*weakest, evidence_.data()};
}

} // namespace swpath
