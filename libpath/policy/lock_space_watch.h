// SPDX-License-Identifier: LGPL-2.1-or-later
/// When a lock manager stands still: in a lock space that changes, it lets nobody lock until the
/// cluster has quorum and who failed has been fenced. For a moment that is its way. Pure: what was
/// seen, with its time, goes in.
#pragma once

#include <optional>

#include "libpath/base/instant.h"

namespace swpath
{

class LockSpaceWatch
{
public:
	/// How often the lock manager is looked at.
	static constexpr Duration look_every = std::chrono::seconds(2);
	/// A change of the lock space is over by then, if nothing is missing.
	static constexpr Duration usual_change = std::chrono::seconds(10);

	/// `runs`: the lock manager lets others lock. True: stands_still() has changed with it.
	bool seen(bool runs, Instant now)
	{
		const bool before = still_;
		since_ = runs ? std::nullopt : since_ ? since_ : std::optional(now);
		still_ = since_ && now - *since_ >= usual_change;
		return still_ != before;
	}
	[[nodiscard]] bool stands_still() const { return still_; }

private:
	std::optional<Instant> since_; ///< it does not run
	bool still_ = false;
};

} // namespace swpath
