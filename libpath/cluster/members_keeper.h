// SPDX-License-Identifier: LGPL-2.1-or-later
/// When swpath-members is started, asked and killed, and what this host is meanwhile. Pure: what
/// became of the process, and what it told, come in with their time.
///
/// It waits for its corosync, for as long as that stands still, and may be stopped itself. Either
/// shows as an answer that does not come. Then it is killed, and started again when it has ended;
/// from the moment that it is given up this host has left its cluster.
#pragma once

#include <optional>
#include <string>

#include "libpath/base/backoff.h"
#include "libpath/cluster/members_message.h"

namespace swpath
{

struct MembersActions {
	bool start = false;
	bool ping = false; ///< may be lost: it is said again
	bool kill = false;
	std::optional<ClusterEvent> event;
};

class MembersKeeper
{
public:
	static constexpr Duration ping_interval = std::chrono::seconds(1);
	/// Who does not answer for so long is given up, on both sides.
	static constexpr Duration silence_limit = std::chrono::seconds(5);
	/// Between the end of one process and the start of the next.
	static constexpr Duration restart_first = std::chrono::milliseconds(100);
	static constexpr Duration restart_most = std::chrono::seconds(5);

	/// Does what is due. started() or not_started() follows a start, ended() a kill.
	[[nodiscard]] MembersActions tick(Instant now);
	void started(Instant now);
	void not_started(Error why, Instant now);
	/// `how`: "was killed by signal 9".
	[[nodiscard]] MembersActions ended(const std::string &how, Instant now);
	[[nodiscard]] MembersActions told(const MembersNews &news);
	/// What it told is nothing to be understood.
	[[nodiscard]] MembersActions failed(Error why);

	[[nodiscard]] std::optional<Instant> deadline() const;
	/// It can be told something.
	[[nodiscard]] bool running() const { return state_ == State::Running; }
	[[nodiscard]] const std::optional<Error> &trouble() const { return trouble_; }

private:
	enum class State {
		Absent,   ///< to be started when restart_ is due
		Starting, ///< somebody does that
		Running,
		Ending ///< killed, and not gone yet
	};
	[[nodiscard]] MembersActions leave();
	[[nodiscard]] MembersActions give_up(Error why);

	State state_ = State::Absent;
	Backoff restart_{restart_first, restart_most};
	std::optional<Instant> asked_; ///< since then nothing came
	Instant ping_at_{};
	bool member_ = false; ///< the last membership has members
	std::optional<Error> trouble_;
};

} // namespace swpath
