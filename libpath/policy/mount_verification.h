// SPDX-License-Identifier: LGPL-2.1-or-later
/// Answers the kernel's mount verification: which path is proved, which one gives up, and with what
/// proof I/O may go on.
///
/// The kernel holds the I/O, drains the path that failed, and goes on alone where a ticket is proof
/// enough. What is left for this machine: a leg that does not drain is told to give up; every path
/// that is there is verified, at once and side by side; when the old path has drained the best
/// verified path is committed. Nothing is remembered from one mount verification to the next but
/// the orders that may take a path's key, and an answer that belongs to an older one is dropped: it
/// says nothing about the disk of now.
///
/// Each step looks at the whole state and says what to do now. A lost message, an answer that never
/// comes or a daemon that was restarted in the middle therefore needs no case of its own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "libpath/base/instant.h"
#include "libpath/policy/fence.h"
#include "libpath/policy/key_watch.h"
#include "libpath/policy/path_monitor.h"
#include "libpath/unit/unit_status.h"

namespace swpath
{

struct MvPolicy {
	/// How long a verified path waits for the verification of a better one, from the moment
	/// when both could have gone on.
	Duration settle = std::chrono::milliseconds(500);
	/// Between two tries to verify one path; doubles from first to max.
	Duration retry_first = std::chrono::milliseconds(500);
	Duration retry_max = std::chrono::seconds(5);
	/// A verification without an answer counts as failed after this.
	Duration verify_limit = std::chrono::seconds(5);
	/// A leg over a network that has not drained by then loses its connection: its requests
	/// could only end by their timeout. A direct one (iSCSI) not if it is left because somebody
	/// wants so, for a disk may be slow.
	Duration give_up_connection = std::chrono::seconds(1);
	/// A direct leg that has not drained by then is reset. A reset of a logical unit ends the
	/// commands of other hosts too, so the command timeout that pathd set gets its chance
	/// first.
	Duration give_up_direct = std::chrono::seconds(8);
	FencePolicy fence;
};

/// What is known about a path beside the kernel's status.
struct MvCandidate {
	std::string_view name; /// for people: "sda"
	MonitorState monitor = MonitorState::Unknown;
	std::optional<Instant> proved_at; /// begin of the last good probe
	/// Direct: a connection carries it, which can be ended without its target.
	bool connection = false;
	FencePath fencing{}; ///< what can be done about it and through it; kind and name are filled
			     ///< in
};

struct MvAction {
	enum class Kind : std::uint8_t { Verify, GiveUp, Reject, Fence, Commit, Retry } kind;
	std::uint64_t mv = 0;
	unsigned path = 0;
	Reason reason = Reason::NONE;
	Method method = Method::NONE;
	std::string_view evidence;    ///< Commit: one word; stays until the next step()
	bool reinstate_first = false; ///< Commit: the kernel holds the path for rejected
	FenceAction fence{};          ///< Fence
};

/// A list without an allocation: this is the way from a path's failure to the kernel's answer.
class MvActions
{
public:
	void add(const MvAction &action)
	{
		if (count_ < actions_.size())
			actions_[count_++] = action;
	}
	[[nodiscard]] const MvAction *begin() const { return actions_.data(); }
	[[nodiscard]] const MvAction *end() const { return actions_.data() + count_; }
	[[nodiscard]] std::size_t size() const { return count_; }
	[[nodiscard]] bool empty() const { return count_ == 0; }

private:
	/// At most a verification and a rejection for each path, a give-up, what a fence does, and
	/// a commit.
	std::array<MvAction, 5 * SW_PATHS_MAX + 2> actions_;
	std::size_t count_ = 0;
};

class MountVerification
{
public:
	explicit MountVerification(const MvPolicy &policy) : policy_(policy), fencing_(policy.fence)
	{
	}

	void set_policy(const MvPolicy &policy)
	{
		policy_ = policy;
		fencing_.set_policy(policy.fence);
	}

	/// What to do now. `candidates` are the paths of `status`, in order.
	[[nodiscard]] MvActions step(const UnitStatus &status,
				     std::span<const MvCandidate> candidates, Instant now);

	/// Path `path` was proved by a verification that MvVerify asked for. `evidence`: one word,
	/// static.
	void verified(std::uint64_t mv, unsigned path, Instant at, std::string_view evidence);
	/// The verification failed; a reason for which refuses() holds is proof against the path.
	void refuted(std::uint64_t mv, unsigned path, Instant at, Reason reason);
	/// The kernel refused a commit; `error_number` is its errno.
	void commit_refused(std::uint64_t mv, unsigned path, int error_number, Instant at);
	/// An action of kind Fence went well, or did not; as Fencing::done() and failed().
	void fence_done(std::uint64_t token, const FenceAnswer &answer, Instant at);
	void fence_failed(std::uint64_t token, int error_number, Instant at);
	/// A person is sure that the old paths can write no more. False: there is no such mount
	/// verification.
	bool fence_confirmed(std::uint64_t mv);
	/// With `reservations`: a look that began then found this key, of the path or of a nexus of
	/// its server, on the disk, or put it there; or it found these keys.
	void key_seen(unsigned path, std::uint64_t key, Instant began);
	void keys_seen(std::span<const std::uint64_t> keys, Instant began);
	/// The paths are others now, or need no keys any more.
	void forget_keys_of_paths() { keys_.forget_paths(); }
	/// May a check give the path its key back? Not while the path is being shut out, or it
	/// could write again; but if there is nowhere else to go.
	[[nodiscard]] bool may_register(const UnitStatus &status, unsigned path) const;
	/// The path may be without its key, because a fence of ours has taken it: no proof of it
	/// counts.
	[[nodiscard]] bool may_lack_key(unsigned path) const { return keys_.may_lack(path, false); }
	/// Another device stands behind this path now: what was found out about it is void.
	void replaced(unsigned path);
	/// Whether the path that is left may be none of those of the status, or another one than
	/// its number says: others were configured meanwhile. Then a person's word alone ends a
	/// doubt.
	void set_untraced(bool untraced) { untraced_ = untraced; }
	/// The unit is another one: mount verifications are counted anew.
	void forget();

	/// Is `path` the one that this mount verification leaves, as far as anybody knows? After a
	/// reload in the middle the kernel has forgotten, and this remembers.
	[[nodiscard]] bool may_have_left(const UnitStatus &status, unsigned path) const;

	/// When step() has something to do even if nothing else happens.
	[[nodiscard]] std::optional<Instant> deadline() const { return deadline_; }

	/// What the unit waits for, as one sentence for people; empty if it does not wait.
	/// Not for the hot way: allocates.
	[[nodiscard]] std::string waiting_for(const UnitStatus &status,
					      std::span<const MvCandidate> candidates,
					      Instant now) const;

private:
	enum class Try : std::uint8_t { None, Running, Good, Bad };
	struct Attempt {
		Try state = Try::None;
		Instant at{};   /// began (Running) or ended
		Instant next{}; /// when to try again (Bad)
		unsigned failures = 0;
		Reason reason = Reason::NONE;
		std::string_view evidence;
		bool rejected = false; /// the kernel was told
		int commit_error = 0;
		Instant commit_next{};
	};

	void reset(std::uint64_t mv, Instant now);
	void wake(Instant at);
	void look_after_drain(const UnitStatus &status, std::span<const MvCandidate> candidates,
			      Instant now, MvActions &actions);
	void verify_paths(const UnitStatus &status, Instant now, MvActions &actions);
	void choose(const UnitStatus &status, std::span<const MvCandidate> candidates, Instant now,
		    MvActions &actions);
	void bad(Attempt &attempt, Instant at, Reason reason);
	void fence(const UnitStatus &status, std::span<const MvCandidate> candidates,
		   std::optional<unsigned> target, Instant now, MvActions &actions);
	void commit(const UnitStatus &status, unsigned path, Method method,
		    std::string_view evidence, Instant now, MvActions &actions);
	[[nodiscard]] std::uint32_t doubtful(const UnitStatus &status) const;
	[[nodiscard]] FenceFacts facts(const UnitStatus &status, std::span<const FencePath> paths,
				       std::optional<unsigned> target) const;
	void watch_keys(const UnitStatus &status, std::span<const MvCandidate> candidates,
			Instant now);

	MvPolicy policy_;
	std::uint64_t mv_ = 0;
	bool going_ = false;
	Instant began_{};                      /// when this MV was first seen
	std::optional<Instant> proving_since_; /// when the prove phase was first seen
	std::optional<Instant> gave_up_;       /// last give-up of this MV
	std::optional<std::uint64_t> retried_; /// the failed MV that was ended by a retry
	std::optional<Instant> deadline_;
	std::array<Attempt, SW_PATHS_MAX> attempts_{};
	Fencing fencing_;
	KeyWatch keys_;
	std::uint32_t left_in_doubt_ = 0; ///< a bit for the path that this one left; 0: not known
	bool untraced_ = false;
	std::optional<unsigned> target_; ///< the path that the fence is for
};

/// The path that a hold leaves: the one that carried I/O last.
[[nodiscard]] std::optional<unsigned> left_path(const UnitStatus &status);

/// The proof that is enough to go on with `path` now, or nothing: writes are in doubt and the
/// unit's fence policy asks for a fence.
[[nodiscard]] std::optional<Method> method_for(const UnitStatus &status, unsigned path);

} // namespace swpath
