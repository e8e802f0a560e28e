// SPDX-License-Identifier: GPL-2.0-or-later
/// A disk with a queue and registrations for each I_T nexus, and servers that keep requests to
/// themselves: what a fence is about, and what it must not be wrong about.
#pragma once

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <vector>

#include "libpath/policy/fence.h"

namespace swpath::test
{

class FenceWorld
{
public:
	/// One way to the disk: our own nexus, or a server's.
	struct Nexus {
		std::uint64_t key = 0; ///< the key that it registers
		bool parked = false;   ///< a write that has not reached the disk yet
		bool queued = false;   ///< one that the disk works on
		bool served = false;
		bool on = true;      ///< served: the host runs
		bool closed = false; ///< served: the export takes nothing new
		/// Served: its own path gave errors, so it has given up what the disk still has.
		bool gave_up = false;
	};

	std::vector<Nexus> nexuses;
	std::map<unsigned, std::uint64_t> registered; ///< by nexus
	ReservationType type = ReservationType::None;
	std::optional<unsigned> holder;
	std::uint32_t generation = 0;
	bool reservations = true;
	bool enforces = true;

	[[nodiscard]] bool may_write(unsigned nexus) const
	{
		if (type == ReservationType::None || !enforces)
			return true;
		const bool exclusive = type == ReservationType::WriteExclusive ||
				       type == ReservationType::ExclusiveAccess;
		return exclusive ? holder == nexus : registered.contains(nexus);
	}

	/// A parked write goes on to the disk, which takes it or rejects it.
	void arrive(unsigned nexus)
	{
		auto &of = nexuses[nexus];
		if (!of.parked || !of.on)
			return;
		of.parked = false;
		of.queued = may_write(nexus);
	}
	void execute(unsigned nexus) { nexuses[nexus].queued = false; }

	/// Carries an action out. Returns 0 or an errno.
	int carry_out(const FenceAction &action, FenceAnswer &answer)
	{
		using Kind = FenceAction::Kind;
		auto &through = nexuses[action.path];
		if (through.served && !through.on && action.kind != Kind::AskClusterFence)
			return EHOSTUNREACH;
		switch (action.kind) {
		case Kind::Revoke:
			through.closed = true;
			if (through.gave_up) {
				through.parked = false;
				answer.lost = 1;
				return 0;
			}
			if (through.parked || through.queued)
				return EINPROGRESS;
			return 0;
		case Kind::ReadKeys:
			if (!reservations)
				return EOPNOTSUPP;
			for (const auto &[nexus, key] : registered)
				answer.keys.push_back(key);
			answer.type = type;
			answer.generation = generation;
			return 0;
		case Kind::RegisterKey:
			if (!reservations)
				return EOPNOTSUPP;
			registered[action.path] = action.key;
			generation++;
			return 0;
		case Kind::PreemptAbort:
			return preempt_abort(action);
		case Kind::Reserve:
			if (!registered.contains(action.path))
				return EBADE;
			if (type != ReservationType::None)
				return holder == action.path ? 0 : EBADE;
			type = action.type;
			holder = action.path;
			return 0;
		case Kind::LuReset:
			for (auto &each : nexuses)
				end_command(each);
			return 0;
		case Kind::ProveRejected:
			answer.rejected = !may_write(action.path);
			return 0;
		case Kind::AskClusterFence:
			// A host that loses its power loses its nexus, and with it what it had
			// queued.
			through.on = false;
			through.parked = false;
			through.queued = false;
			return 0;
		}
		return EINVAL;
	}

	/// A write of this nexus can still change the disk.
	[[nodiscard]] bool ghost_possible(unsigned nexus) const
	{
		const auto &of = nexuses[nexus];
		return of.queued || (of.parked && of.on && may_write(nexus));
	}

private:
	/// The disk forgets a command. Our own host was told before that it ended; a server's
	/// kernel was not, and sends it again.
	static void end_command(Nexus &of)
	{
		if (of.queued && of.served && !(of.gave_up && of.closed))
			of.parked = true;
		of.queued = false;
	}

	int preempt_abort(const FenceAction &action)
	{
		if (!registered.contains(action.path) || registered[action.path] != action.key)
			return EBADE;
		const auto victims = std::erase_if(registered, [&](const auto &entry) {
			if (entry.second != action.victim || entry.first == action.path)
				return false;
			end_command(nexuses[entry.first]);
			if (holder == entry.first) {
				holder = action.path;
				type = action.type;
			}
			return true;
		});
		generation++;
		return victims == 0 ? ENOENT : 0;
	}
};

} // namespace swpath::test
