// SPDX-License-Identifier: LGPL-2.1-or-later
/// What has to be brought to the same state on all members after a change of membership. The five
/// calls are those of the cluster managers' synchronization engine (openais, corosync).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/cluster/member.h"

namespace swpath
{

/// Services recover in the order of their numbers, on every member.
enum class ServiceId : std::uint16_t {
	DiskSightings = 20,
	ServerDirectory = 30,
};

/// What a round is about; a copy is given to every service.
struct SyncRound {
	SyncTag tag;
	std::vector<Member> members;      ///< that recover together, this one too
	std::vector<Member> transitional; ///< of them, those that were in its last complete round

	bool operator==(const SyncRound &) const = default;
};

struct SyncOutput {
	std::vector<std::string> messages; ///< at most sync_data_bytes_max bytes each
	bool done = true;                  ///< false: it is to be called again
};

class SyncService
{
public:
	SyncService() = default;
	SyncService(const SyncService &) = delete;
	SyncService &operator=(const SyncService &) = delete;
	virtual ~SyncService() = default;

	[[nodiscard]] virtual ServiceId id() const = 0;
	/// A round begins; whatever an earlier one left is dropped. Comes for all services before
	/// the first of them processes, and may come twice for a round.
	virtual void sync_init(const SyncRound &round) = 0;
	/// Says what the members have to know. Called until done.
	[[nodiscard]] virtual SyncOutput sync_process() = 0;
	/// What a member said, this one too: in the order of its saying, each once. Between two
	/// members there is no order, and another one on each host: the result must not depend on
	/// it. Comes between sync_init() and sync_activate(), also before sync_process().
	virtual void sync_receive(const Member &from, std::string_view message) = 0;
	/// All members have said everything and it has been received: what was gathered is now the
	/// state.
	virtual void sync_activate() = 0;
	/// The round is over before its end, in whatever phase. What was gathered is dropped; what
	/// was activated stays.
	virtual void sync_abort() = 0;
	/// What has changed since it was last said, in a round or here; at most sync_data_bytes_max
	/// bytes each. Asked for between rounds only, and said to the members of the last one: it
	/// comes to them after they have activated it, and not at all if a new one has begun, which
	/// says everything anew.
	[[nodiscard]] virtual std::vector<std::string> sync_news() { return {}; }
	/// What another member had to say since the last round.
	virtual void sync_hear(const Member &, std::string_view) {}
};

} // namespace swpath
