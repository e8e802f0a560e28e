// SPDX-License-Identifier: LGPL-2.1-or-later
/// Proves that nothing sent down the paths that a unit left can change the disk any more.
///
/// It is asked only when a mount verification has drained the old path, writes are in doubt, and
/// neither the kernel's own rule (the same direct path again) nor fence=drain is an answer.
/// Methods, strongest first, and what each takes as evidence:
///
/// - export-revoked (old path served): its server says that the epoch of the export is closed,
///   and that every request it had taken has ended, none of them in an error of the server's own
///   path. One that did may live on in the disk, as it may after a server that was killed and knows
///   of no errors: then a reset or an abort through another nexus has to follow, unless I/O goes on
///   through the same nexus of the same server, whose SCSI layer ended each command before it gave
///   its error.
/// - preempt-abort: PREEMPT AND ABORT of the old nexus's key through another I_T nexus was done
///   while a persistent reservation was in place, so that a command of the old nexus that is still
///   on its way is rejected (SPC-4 5.12); READ KEYS after it shows the reservation and does not
///   show the key; and the old nexus, where it can still be asked, was seen to be rejected.
/// - lu-reset: LOGICAL UNIT RESET through another nexus ended all commands in the logical unit
///   (SAM-5 7.7). For a served old path it counts only if a reservation shuts the server out as
///   shown above: a server that was frozen, or its kernel, sends again what the reset ended. Or if
///   every request of the export had ended before.
/// - node-fenced (old path served): the cluster's fence agent confirmed that the server is off; a
///   reset or an abort follows where it can, because the disk may still work on what it was given.
/// - operator: a person confirmed, for this mount verification.
///
/// A weaker method is begun only when the stronger one is not possible, failed, or does not come to
/// an end; a late success of the stronger one is still taken.
///
/// Nothing is remembered beyond one mount verification. Every action can be repeated: a daemon that
/// died in the middle starts over. Where that leaves the old key unregistered and no abort on
/// record, a reset of the logical unit takes the place of the abort, because the absence of a key
/// says nothing about the commands that it once let in.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/unit/kinds.h"
#include "libpath/unit/reservation.h"

namespace swpath
{

struct FencePolicy {
	/// A step without an answer counts as failed after this. PREEMPT AND ABORT and a reset
	/// answer when the last command has ended.
	Duration step_limit = std::chrono::seconds(5);
	/// Between two tries of one step; doubles from first to max.
	Duration retry_first = std::chrono::milliseconds(500);
	Duration retry_max = std::chrono::seconds(5);
	/// A server that does not answer a revoke for so long is shut out of the disk.
	Duration revoke_silent = std::chrono::seconds(1);
	/// The same, for one that closed the epoch and whose requests do not end.
	Duration revoke_draining = std::chrono::seconds(5);
	/// The cluster is asked to fence the node after this, from the beginning of the fence.
	Duration agent_after = std::chrono::seconds(10);
	/// For so long the disk's keys are believed to be as they were read.
	Duration keys_life = std::chrono::seconds(5);
	/// An order without an answer may still be carried out for so long: it is begun within its
	/// limit or never, and its command has a limit as well.
	Duration order_life = std::chrono::seconds(10);
};

/// What can be done about one path, and through it.
struct FencePath {
	PathKind kind = PathKind::DIRECT;
	/// The nexus that it reaches the disk by: 0 for one that belongs to this path alone, else
	/// a number that all paths through one server share.
	unsigned server = 0;
	/// Direct: the disk answers commands on it. Served: the server's pathd answers us. Without
	/// a direct path of its own it can revoke, and has no `reservations` and no `lu_reset`.
	bool reachable = false;
	/// Through this nexus: the disk does PERSISTENT RESERVE IN and OUT.
	bool reservations = false;
	/// Through this nexus: a LOGICAL UNIT RESET is possible and allowed.
	bool lu_reset = false;
	/// Served: a fence agent of the cluster can switch the server off.
	bool agent = false;
	/// Reservation key of the nexus, registered or to be registered; 0: not known.
	std::uint64_t key = 0;
	/// Served: the key of the nexus that the present export is on, which need not be the one
	/// that another export would be on; 0: not known.
	std::uint64_t export_key = 0;
	/// Served: the epoch of the export that I/O was sent to; 0: it has none.
	std::uint64_t export_epoch = 0;
	/// Served: the server exports by another nexus now than the one, or all of those, that
	/// writes in doubt may have gone through.
	bool moved = false;
	/// Served: every key that a nexus of the server may have, which all have to go to shut it
	/// out; and those of the nexuses that writes in doubt may have gone through, of which a
	/// missing one is no proof. Empty: `key` alone. 0 among them: not all are known.
	std::vector<std::uint64_t> keys{}, doubt_keys{};
	std::string_view name{}; ///< for people and for the evidence: "sda", "beta"
};

struct FenceFacts {
	std::uint64_t mv = 0;
	/// A bit for each path on which writes are in doubt.
	std::uint32_t old = 0;
	/// They may be on a path that is none of `paths`: a person's word alone is proof then.
	bool elsewhere = false;
	/// The device that has them is in the table no more, and what stands in its place now is
	/// another one: all commands of the former have come back to this host, or were given up.
	bool device_gone = false;
	/// The verified path that I/O is to go on with; nothing: none yet.
	std::optional<unsigned> target;
	std::span<const FencePath> paths{}; ///< in the table's order
};

struct FenceAction {
	enum class Kind : std::uint8_t {
		Revoke,          ///< of `path`: close export `epoch` and every older one; drain
		ReadKeys,        ///< through `path`: READ KEYS and READ RESERVATION
		RegisterKey,     ///< of `path`: REGISTER AND IGNORE EXISTING KEY `key`
		PreemptAbort,    ///< through `path`: PREEMPT AND ABORT of `victim`, with `key` and
				 ///< `type`
		Reserve,         ///< through `path`: RESERVE of `type`, with `key`
		LuReset,         ///< through `path`
		ProveRejected,   ///< of `path`: would a write on it be rejected? Changes nothing
		AskClusterFence, ///< of the server of `path`
	} kind = Kind::ReadKeys;
	std::uint64_t token = 0; ///< to answer by
	std::uint64_t mv = 0;
	unsigned path = 0;
	std::uint64_t key = 0;
	std::uint64_t victim = 0;
	ReservationType type = ReservationType::None;
	std::uint64_t epoch = 0;
	Duration limit{}; ///< an answer after this is ignored
};

/// What READ KEYS and READ RESERVATION showed, or how another step went well.
struct FenceAnswer {
	std::vector<std::uint64_t> keys; ///< ReadKeys
	ReservationType type = ReservationType::None;
	std::uint32_t generation = 0;
	std::uint64_t ended = 0; ///< Revoke: requests that had been taken, all of which have ended
	/// Revoke: of them, those that the disk may still work on, because they ended in an error
	/// of the server's path or nobody knows how they ended.
	std::uint64_t lost = 0;
	/// Revoke: the server's host has booted since it took them, so its SCSI layer has not seen
	/// all of them end.
	bool rebooted = false;
	bool rejected = false; ///< ProveRejected: RESERVATION CONFLICT was the answer
};

struct FenceProof {
	Method method = Method::NONE;
	std::string_view
		evidence; ///< one word of less than SW_WORD_MAX bytes; stays until the next proof()
};

/// At most a revoke, a step through another nexus and a request to the cluster for each old path.
class FenceActions
{
public:
	void add(const FenceAction &action)
	{
		if (count_ < actions_.size())
			actions_[count_++] = action;
	}
	[[nodiscard]] const FenceAction *begin() const { return actions_.data(); }
	[[nodiscard]] const FenceAction *end() const { return actions_.data() + count_; }
	[[nodiscard]] bool empty() const { return count_ == 0; }

private:
	std::array<FenceAction, 3 * SW_PATHS_MAX> actions_;
	std::size_t count_ = 0;
};

class Fencing
{
public:
	explicit Fencing(const FencePolicy &policy) : policy_(policy) {}

	void set_policy(const FencePolicy &policy) { policy_ = policy; }

	/// What to do now. A change of facts.mv forgets everything.
	[[nodiscard]] FenceActions step(const FenceFacts &facts, Instant now);

	/// The action went well. An answer to a token that is not waited for any more (another
	/// mount verification, a step that ran out of time) changes nothing.
	void done(std::uint64_t token, const FenceAnswer &answer, Instant at);
	/// It did not; `error_number` is positive. Meant as they say:
	/// EINPROGRESS (Revoke) the epoch is closed, requests have not ended yet;
	/// ENOENT (PreemptAbort) the victim's key is not registered, so nothing was aborted;
	/// EBADE our key is not registered, or another holder's reservation is in the way;
	/// EOPNOTSUPP the disk or the peer cannot do it: not tried again in this mount
	/// verification. Any other: tried again, through another nexus if there is one.
	void failed(std::uint64_t token, int error_number, Instant at);
	/// The path may have its key again, whatever was done before: keys are read anew.
	void key_is_back(unsigned path);
	/// A person is sure that nothing can reach the disk by the old paths of this mount
	/// verification. False: it is over, or another one.
	bool confirmed(std::uint64_t mv);

	/// Everything that was found out is void, and an answer that is still to come.
	void forget() { going_ = false; }

	/// The proof for going on with facts.target, or nothing.
	[[nodiscard]] std::optional<FenceProof> proof(const FenceFacts &facts, Instant now);

	/// At the last step there was nothing that could be done at the disk about this old path.
	[[nodiscard]] bool is_stuck(unsigned old) const
	{
		return going_ && old < cases_.size() && cases_[old].stuck;
	}

	/// When step() has something to do even if nothing else happens.
	[[nodiscard]] std::optional<Instant> deadline() const { return deadline_; }

	/// What is missing for each old path, and what to do next, for people. Allocates.
	[[nodiscard]] std::string missing(const FenceFacts &facts) const;

private:
	/// One thing that is tried until it works.
	struct Step {
		std::uint64_t token = 0; ///< of the action that runs; 0: none does
		FenceAction::Kind kind = FenceAction::Kind::ReadKeys;
		std::uint64_t victim = 0; ///< PreemptAbort
		bool shut = false;        ///< the old nexus was shut out when it began
		bool ended = false;       ///< the server had ended all its requests when it began
		Instant began{};
		Instant next{}; ///< not before this
		unsigned failures = 0;
		int error = 0; ///< of the last try
	};
	/// What is known about one old path.
	struct Case {
		Step revoke, nexus, agent; ///< nexus: whatever is done through another one
		std::optional<Instant> revoke_began;
		bool closed = false;    ///< the server takes no request of the epoch any more
		bool ended_all = false; ///< and has none
		bool revoked = false;   ///< and none of them was lost on its way to the disk
		bool rebooted = false;  ///< since it had them
		std::uint64_t ended = 0, lost = 0;
		std::optional<unsigned> via; ///< the other nexus
		std::uint32_t tried = 0;     ///< a bit for each that failed since all had
		std::uint32_t no_keys = 0;   ///< a bit for each without reservations
		std::uint32_t no_reset = 0;  ///< and without a reset
		std::optional<FenceAnswer>
			seen; ///< keys, read through `via` after what changed them last
		Instant seen_at{};
		std::vector<std::uint64_t> victims;         ///< the old nexus's keys
		std::map<std::uint64_t, unsigned> preempts; ///< of each
		std::set<std::uint64_t> aborted; ///< PREEMPT AND ABORT of the key was done
		bool reset = false;              ///< LOGICAL UNIT RESET was done
		bool reset_failed = false;
		bool shut_reset = false; ///< while the old nexus was shut out
		bool rejected = false;   ///< the old nexus was seen to be rejected
		bool silent = false;     ///< it could not be asked
		bool accepted = false;   ///< it was seen not to be: the disk does not enforce
		bool node_fenced = false;
		bool stuck = false; ///< no nexus can do any more about it now
	};

	/// The action that a token stands for.
	struct Running {
		Case &of;
		Step &step;
	};

	static constexpr std::uint32_t bit(unsigned path) { return 1U << path; }
	[[nodiscard]] static bool has(const FenceAnswer &seen, std::uint64_t key);
	[[nodiscard]] static std::vector<std::uint64_t> keys_of(const FencePath &path);
	/// One of them, if any.
	[[nodiscard]] static std::optional<std::uint64_t>
	registered(const FenceAnswer &seen, const std::vector<std::uint64_t> &keys);
	/// Every key that may have let in a write in doubt was aborted.
	[[nodiscard]] static bool all_aborted(const Case &of, const FencePath &path);
	[[nodiscard]] static bool same_server(std::span<const FencePath> paths, unsigned a,
					      unsigned b);
	/// Two paths through one server are one way to the disk, as long as it is the one that the
	/// old one went.
	[[nodiscard]] static bool same_nexus(std::span<const FencePath> paths, unsigned old,
					     unsigned other);

	[[nodiscard]] std::optional<Running> find(std::uint64_t token);
	void reset(std::uint64_t mv, Instant now);
	void wake(Instant at);
	[[nodiscard]] bool ready(Case &of, Step &step, Instant now);
	void begin(Step &step, FenceAction action, Instant now, FenceActions &actions);
	void went_wrong(Case &of, Step &step, int error_number, Instant at);
	void went_well(Case &of, const Step &step, const FenceAnswer &answer, Instant at);

	void revoke(const FenceFacts &facts, unsigned old, Instant now, FenceActions &actions);
	void work_on_disk(const FenceFacts &facts, unsigned old, Instant now,
			  FenceActions &actions);
	void ask_cluster(const FenceFacts &facts, unsigned old, Instant now, FenceActions &actions);
	[[nodiscard]] std::optional<FenceAction> next_on_disk(const FenceFacts &facts, unsigned old,
							      unsigned via, Instant now) const;
	[[nodiscard]] bool revoke_had_its_time(const FenceFacts &facts, unsigned old, Instant now);
	[[nodiscard]] bool keys_usable(const FenceFacts &facts, unsigned old, unsigned via) const;
	[[nodiscard]] bool reset_usable(const FenceFacts &facts, unsigned old, unsigned via) const;
	/// Who had the writes is not there any more and can send nothing again, so that what it has
	/// left at the disk can be ended by who has its place now.
	[[nodiscard]] bool is_past(const FenceFacts &facts, unsigned old) const;
	[[nodiscard]] bool via_possible(const FenceFacts &facts, unsigned old, unsigned via) const;
	[[nodiscard]] std::optional<unsigned> choose_via(const FenceFacts &facts,
							 unsigned old) const;
	/// The old host has no key, a reservation is in place, and the target has a key.
	[[nodiscard]] bool is_shut_out(const FenceFacts &facts, unsigned old, Instant now) const;
	[[nodiscard]] std::optional<Method> method(const FenceFacts &facts, unsigned old,
						   Instant now) const;

	// fence_text.cpp
	void write_evidence(const FenceFacts &facts, unsigned old, Method method);
	[[nodiscard]] std::string missing_for(const FenceFacts &facts, unsigned old) const;

	FencePolicy policy_;
	std::uint64_t mv_ = 0;
	bool going_ = false;
	bool confirmed_ = false;
	Instant began_{};
	std::uint64_t last_token_ = 0;
	std::optional<Instant> deadline_;
	std::array<Case, SW_PATHS_MAX> cases_{};
	std::array<char, SW_WORD_MAX> evidence_{};
};

} // namespace swpath
