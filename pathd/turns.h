// SPDX-License-Identifier: GPL-2.0-or-later
/// When each unit is to be stepped next, so that a round of the loop looks only at those whose turn
/// it is and not at a thousand others.
#pragma once

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "libpath/base/instant.h"

namespace swpath
{

/// `Unit` has a name() of its own that stays.
template <class Unit>
class Turns
{
public:
	/// `note` is the unit's note of its turn, which nothing else writes.
	void put(Unit &unit, std::optional<Instant> &note, Instant at)
	{
		if (note == at)
			return;
		if (note) {
			// The same node: what is done every second allocates nothing.
			auto turn = turns_.extract({*note, &unit});
			turn.value().first = at;
			turns_.insert(std::move(turn));
		} else {
			turns_.emplace(at, &unit);
		}
		note = at;
	}
	void drop(Unit &unit, std::optional<Instant> &note)
	{
		if (note)
			turns_.erase({*note, &unit});
		note.reset();
	}

	/// Those whose turn it is at `now`, the earliest first, equals by name. They keep it until
	/// they put another. Valid until the next call.
	[[nodiscard]] const std::vector<Unit *> &due(Instant now)
	{
		due_.clear();
		for (auto turn = turns_.begin(); turn != turns_.end() && turn->first <= now; ++turn)
			due_.push_back(turn->second);
		return due_;
	}
	/// The earliest turn; nothing: there is no unit.
	[[nodiscard]] std::optional<Instant> next() const
	{
		return turns_.empty() ? std::nullopt : std::optional(turns_.begin()->first);
	}

private:
	using Turn = std::pair<Instant, Unit *>;
	struct Earlier {
		bool operator()(const Turn &a, const Turn &b) const
		{
			return a.first != b.first ? a.first < b.first
						  : a.second->name() < b.second->name();
		}
	};
	std::set<Turn, Earlier> turns_;
	std::vector<Unit *> due_; ///< kept for its memory
};

} // namespace swpath
