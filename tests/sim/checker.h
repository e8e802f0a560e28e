// SPDX-License-Identifier: GPL-2.0-or-later
/// The judge: knows every write, its fate, and what a read may return; and what is sent to which
/// disk when. It is told everything by the models and decides nothing for them.
///
/// A block's versions are ordered by submission, since the workload never has two writes of one
/// block out at once. What may be read: the latest acknowledged version, or a later one that ended
/// in an error (it may have happened). What was read is what the block is from then on.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "request.h"
#include "schedule.h"

namespace swpath::sim
{

struct Violation {
	std::string promise; ///< "P2"
	std::string text;
	Nanos at = 0;
};

class Checker
{
public:
	explicit Checker(const Schedule &schedule) : schedule_(schedule) {}

	/// Keeps the first breach. Returns `holds`.
	bool expect(bool holds, const char *promise, const char *text)
	{
		if (!holds) [[unlikely]]
			breach(promise, text);
		return holds;
	}
	[[nodiscard]] const Violation *violation() const
	{
		return violation_.promise.empty() ? nullptr : &violation_;
	}

	/// Fence policy of the unit: with `drain` a ghost write is what the administrator accepted.
	void set_proving(bool proving) { proving_ = proving; }
	void set_right_disk(unsigned identity) { right_disk_ = identity; }
	[[nodiscard]] unsigned right_disk() const { return right_disk_; }

	// The workload.
	/// When a command was submitted. If the cache was lost since, or a ghost came, its end
	/// proves little.
	struct Point {
		std::uint64_t losses = 0;
		std::uint64_t ghosts = 0;
	};
	[[nodiscard]] Point point(std::uint32_t block) const
	{
		return {losses_, blocks_[block].ghosts};
	}
	void write_begins(std::uint32_t block, Stamp stamp);
	void write_ends(std::uint32_t block, Stamp stamp, Status status, bool fua,
			const Point &since);
	void read_ends(std::uint32_t block, Stamp value, const Point &since);
	/// A server's cache has answered, and the disk has something else. No more than sampled
	/// writes can show that a server is no good, so that it is counted.
	void stale_read_ends() { stale_reads_++; }
	/// A flush makes durable what was acknowledged before it was submitted.
	struct FlushPoint {
		std::array<Stamp, block_count> acknowledged{};
		Point since;
	};
	[[nodiscard]] FlushPoint flush_begins() const;
	void flush_ends(const FlushPoint &point);
	/// The client went down with this write out.
	void write_abandoned(std::uint32_t block) { unknown(block); }

	// The unit.
	void opened(std::uint64_t opening, unsigned path, std::uint64_t device,
		    std::uint64_t epoch);
	void closed() {}
	void switched(std::uint64_t epoch, bool moved);
	/// The unit goes on with `path`; by a ticket, or by a commit of pathd.
	void proved(unsigned path, bool by_ticket);
	void client_booted(std::uint64_t boot);
	/// Nothing is broken from now on.
	void all_works() { works_since_ = schedule_.now(); }
	/// A hold that began then has ended in errors because its time was over.
	void timed_out(Nanos began);
	/// A server's path has ended a user's write in an error, or the server ended before the
	/// write; `crash`: its whole machine did.
	void server_lost(unsigned server, std::uint64_t opening, bool crash);
	/// The unit goes on because a server has closed its export. `by`: the server that it goes
	/// on through, 0: none.
	void believed_revocation(unsigned by);
	/// A person took the path out of use while this device stood behind it, or takes that back.
	void withdrawn(unsigned path, std::uint64_t device) { withdrawn_[path] = device; }
	void brought_back(unsigned path) { withdrawn_.erase(path); }
	/// A sight of `block` that the path had, or has.
	struct Sight {
		std::uint32_t block = 0;
		Stamp shown = 0;
		Nanos at = 0;
	};
	/// The unit goes on with `path` as in proved(). Its witness has had `stamp` for the block,
	/// and a check could have seen it, since `sight.at`; that is what the path shows.
	void witnessed(unsigned path, bool by_ticket, Stamp stamp, const Sight &sight);
	/// pathd has written down that the path is not coherent, because it showed this; or that it
	/// is.
	void distrusted(unsigned path, const Sight &sight) { distrusted_[path] = sight; }
	void trusted(unsigned path) { distrusted_.erase(path); }
	/// What the path was distrusted for last.
	[[nodiscard]] const Sight *distrust(unsigned path) const;
	/// The unit goes on with a path that still shows what it was distrusted for.
	void trusted_again(unsigned path, bool by_ticket);

	// The users' reservations.
	void key_registered(std::uint64_t key); ///< 0: taken away
	[[nodiscard]] std::uint64_t users_key() const { return users_key_; }
	void key_preempted(std::uint64_t key);
	/// pathd knows the key: from now on no proof of a path is one without it.
	void key_known(std::uint64_t key);
	void key_copied(std::uint64_t key);
	/// By us, off a nexus that has it.
	void key_taken_off(std::uint64_t key, bool holder);
	/// The disk is reserved, or is so no more.
	void reserved(bool now);
	/// People have changed who holds the reservation.
	void people_changed() { peoples_changes_++; }
	/// A user's write was refused.
	void conflicted();
	/// The unit goes on with a path whose nexus has the key `own`, and the disk is reserved for
	/// registrants. A server may have another key than ours: the rights are the same.
	void opened_reserved(unsigned path, std::optional<std::uint64_t> own, bool served,
			     bool by_ticket);
	/// The kernel gets a ticket for a path whose nexus has `own`, for a check that began then.
	void vouched(unsigned path, std::optional<std::uint64_t> own, Nanos began);
	/// The same, and the path's peer was told this key last.
	void vouched_by_peer(unsigned path, std::optional<std::uint64_t> told, Nanos began);
	/// A server passes a request of the unit on, whose pathd has told it this key. Its own
	/// could see all the time since then which keys the disk has.
	void served(std::uint64_t told, Nanos watched_since);
	/// Who holds the reservation when a hold begins, and when it ends.
	void held(std::optional<unsigned> holder);
	void went_on(std::optional<unsigned> holder);
	void set_users_reserve() { users_reserve_ = true; }

	// Disks and paths.
	void written(const Request &request, unsigned identity);
	void cache_lost();
	/// The path leads to another disk from now on, or to the right one again.
	void path_leads_to(unsigned path, unsigned identity, Nanos since);
	/// How old a proof may be when it is used.
	void set_proof_lives(Nanos ticket, Nanos verified)
	{
		ticket_life_ = ticket;
		verified_life_ = verified;
	}

	/// Ghost writes that no promise forbids: fence=drain, or from before a crash of the client.
	[[nodiscard]] std::uint64_t ghosts_by_policy() const { return ghosts_by_policy_; }
	[[nodiscard]] std::uint64_t ghosts_of_crash() const { return ghosts_of_crash_; }
	[[nodiscard]] std::uint64_t stale_reads() const { return stale_reads_; }

private:
	struct Version {
		Stamp stamp;
		bool acknowledged;
	};
	struct Block {
		/// From the oldest that a read may return to the newest submitted. The first one is
		/// acknowledged, or the state at the begin.
		std::vector<Version> versions{{0, true}};
		/// What a loss of the cache may bring back: a durable version and all after it.
		std::vector<Stamp> since_durable{0};
		bool known = true; ///< false: the next read tells
		std::uint64_t ghosts = 0;
	};

	void breach(const char *promise, std::string text);
	void unknown(std::uint32_t block);
	void ghost(const Request &request);
	[[nodiscard]] bool outlived(Nanos since, bool by_ticket) const;
	void settle(Block &block, Stamp value);

	const Schedule &schedule_;
	Violation violation_;
	bool proving_ = true;
	unsigned right_disk_ = 0;
	std::array<Block, block_count> blocks_{};
	std::uint64_t losses_ = 0; ///< of the cache
	std::optional<Nanos> works_since_;
	std::uint64_t boot_ = 0;
	std::uint64_t opening_ = 0;
	std::uint64_t epoch_ = 0;
	unsigned open_path_ = 0; ///< the latest one
	std::uint64_t open_device_ = 0;
	/// Whose writes of the latest opening the disk may still work on, and whether the machine
	/// has crashed since.
	std::map<unsigned, bool> lost_at_;
	std::map<unsigned, Nanos> wrong_since_;       ///< by path
	std::map<unsigned, std::uint64_t> withdrawn_; ///< devices, by path
	std::map<unsigned, Sight> distrusted_;        ///< by path
	std::uint64_t stale_reads_ = 0;
	bool users_reserve_ = false;
	std::uint64_t users_key_ = 0;
	std::uint64_t known_key_ = 0;
	Nanos known_since_ = 0;
	/// By then a pathd has given the key to a path that is in use without it.
	static constexpr unsigned early_looks_max = 20;
	/// How often pathd has looked at a path since one without the users' new key was opened.
	unsigned opened_early_ = early_looks_max;
	std::map<std::uint64_t, Nanos> preempted_; ///< keys, and when
	Nanos reserved_since_ = 0;                 ///< 0: the disk is not reserved
	std::uint64_t peoples_changes_ = 0;
	struct Held {
		std::optional<unsigned> holder;
		std::uint64_t peoples_changes = 0;
	} held_;
	Nanos ticket_life_ = 0;
	Nanos verified_life_ = 0;
	std::uint64_t ghosts_ = 0;
	std::uint64_t ghosts_by_policy_ = 0;
	std::uint64_t ghosts_of_crash_ = 0;
};

} // namespace swpath::sim
