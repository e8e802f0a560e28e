// SPDX-License-Identifier: GPL-2.0-or-later
/// The medium and its target: one set of blocks behind a volatile cache, a task set for each I_T
/// nexus, and persistent reservations. Commands are executed some time after they arrived, in any
/// order.
///
/// SAM-5 7.6 and SPC-4 5.12 are what is modelled: ABORT TASK and LOGICAL UNIT RESET remove
/// commands, loss of an I_T nexus removes that nexus' commands, PREEMPT AND ABORT a key and its
/// nexus' commands; a write by a nexus that is not registered conflicts with a reservation of type
/// Write Exclusive, Registrants Only, which ends when its holder's key goes, and which whoever
/// preempts that key has from then on.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "context.h"
#include "request.h"

namespace swpath::sim
{

using NexusId = unsigned;
using Key = std::uint64_t;

/// With `reservations`, of the nexus of a machine that serves.
[[nodiscard]] constexpr Key server_key(NexusId nexus)
{
	return 0x5000 + nexus;
}

class Disk
{
public:
	Disk(Context &context, unsigned identity) : context_(context), identity_(identity) {}

	[[nodiscard]] unsigned identity() const { return identity_; }

	/// A command arrived over `nexus`. Returns its tag for abort().
	std::uint64_t arrive(NexusId nexus, const Request &request, Done reply);
	/// Removes one command, all of a nexus, all of all: none of them is executed any more.
	void abort(std::uint64_t tag);
	void lose_nexus(NexusId nexus);
	/// Commands of other nexuses end with TASK ABORTED.
	void reset(NexusId by);
	/// The port of this nexus executes nothing before `until`: what arrived stays in the task
	/// set.
	void stall(NexusId nexus, Nanos until);
	[[nodiscard]] bool stalls(NexusId nexus) const;
	/// The cache is lost.
	void power_loss();

	/// Persistent reservations. Keys survive resets and power losses (APTPL).
	void register_key(NexusId nexus, Key key) { keys_[nexus] = key; }
	/// PERSISTENT RESERVE OUT CLEAR, of somebody else: no command is aborted by it.
	void clear_keys();
	[[nodiscard]] const std::map<NexusId, Key> &keys() const { return keys_; }
	void unregister(NexusId nexus);
	[[nodiscard]] std::optional<Key> key(NexusId nexus) const;
	/// By a nexus that is registered. Where the disk is reserved already, nothing changes.
	void reserve(NexusId nexus);
	/// Without effect if another nexus holds it.
	void release(NexusId nexus);
	[[nodiscard]] bool reserved() const { return holder_.has_value(); }
	[[nodiscard]] std::optional<NexusId> holder() const { return holder_; }
	/// libpath/sys/nexus_look.h, in one step; false: no other nexus has the key.
	bool copy_key(NexusId nexus, const NexusChange &change);
	[[nodiscard]] NexusView view(NexusId nexus) const;
	/// PREEMPT AND ABORT of `victim` by a nexus that has `own`. False: RESERVATION CONFLICT.
	bool preempt_abort(NexusId via, Key own, Key victim);

	/// Commands that could still change the medium, for the judge and for an operator who
	/// looks.
	[[nodiscard]] bool holds_writes(NexusId nexus) const;
	[[nodiscard]] Stamp shown(std::uint32_t block) const { return blocks_[block].cached; }
	/// Is there a medium error on the block? One read finds it, then it is remapped.
	void spoil(std::uint32_t block) { blocks_[block].spoiled = true; }

private:
	struct Task {
		std::uint64_t tag;
		NexusId nexus;
		Request request;
		Done reply;
	};
	struct Block {
		Stamp cached = 0;
		Stamp durable = 0;
		bool spoiled = false;
	};

	void execute(std::uint64_t tag);
	void hold(std::optional<NexusId> nexus);
	Answer perform(NexusId nexus, const Request &request);
	[[nodiscard]] bool conflicts(NexusId nexus, const Request &request) const;
	template <class Which>
	void drop(Which which);

	Context &context_;
	unsigned identity_;
	std::array<Block, block_count> blocks_{};
	std::vector<Task> tasks_;
	std::uint64_t next_tag_ = 1;
	std::map<NexusId, Nanos> stalled_until_;
	std::map<NexusId, Key> keys_;
	std::optional<NexusId> holder_; ///< of the reservation; none: not reserved
};

} // namespace swpath::sim
