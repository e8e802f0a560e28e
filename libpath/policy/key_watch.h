// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which of a unit's paths may be without the unit's own reservation key because a fence of ours
/// has taken it away, or is about to.
///
/// PREEMPT AND ABORT takes a path's key off the disk through another nexus, and in its own time. A
/// check that saw the key before says nothing about the moment after it: a path that is gone on
/// with then meets the unit's own reservation (P7). So from the order on the path is not to be
/// used until the order is over and a look that began later has found the key. An order without an
/// answer is over when nobody can carry it out any more.
///
/// A server has a key for each of its nexuses, and a fence takes them all, one after the other. Its
/// path needs the one of the nexus that its export is on; that another is back says nothing of it.
///
/// This outlives a mount verification: what was ordered in one may be carried out in the next.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "libpath/base/instant.h"
#include "libpath/policy/fence.h"

namespace swpath
{

class KeyWatch
{
public:
	/// The unit is looked at, with these keys of its paths. At the first time an earlier daemon
	/// may have sent orders until now.
	void look(std::span<const FencePath> paths, Instant now, Duration order_life);
	/// The paths are others now, or need no keys any more. What was ordered may still be done.
	void forget_paths();
	/// The order is sent.
	void ordered(const FenceAction &action, Instant now, Duration order_life);
	/// It went well, or ended with this error. One that does not say that the order is over
	/// leaves it to its time.
	void done(std::uint64_t token, const FenceAnswer &answer, Instant at);
	void failed(std::uint64_t token, int error_number, Instant at);
	/// A look that began then found this key on the disk, or put it there.
	void seen(std::uint64_t key, Instant began);
	/// One that began then found these keys.
	void seen_keys(std::span<const std::uint64_t> keys, Instant began);

	/// True if the path may be without its key when it is used. `fencing`: writes are in doubt,
	/// so that an earlier daemon may have begun a fence as well.
	[[nodiscard]] bool may_lack(unsigned path, bool fencing) const;
	/// When no order can take the path's key any more; nothing: there was none.
	[[nodiscard]] std::optional<Instant> over(unsigned path, bool fencing) const;

private:
	struct Order {
		std::uint64_t token = 0; ///< 0: none
		FenceAction::Kind kind = FenceAction::Kind::ReadKeys;
		std::uint64_t key = 0;    ///< of RegisterKey
		std::uint64_t victim = 0; ///< the key that it takes; 0: none
		Instant sent{};
		Instant over{};
	};
	struct Known {
		std::optional<Instant> over; ///< of the orders that are not in orders_ any more
		std::optional<Instant> seen; ///< begin of the last look that found it
	};

	[[nodiscard]] Order *find(std::uint64_t token);
	void forget(Order &order);
	void note(std::uint64_t key);

	std::array<Order, 32> orders_{};      ///< the latest ones
	std::size_t next_ = 0;                ///< of them, which is replaced by the next
	std::map<std::uint64_t, Known> keys_; ///< of all nexuses that the paths have
	/// Key of the nexus that each path goes by now; 0: not known.
	std::array<std::uint64_t, SW_PATHS_MAX> needed_{};
	std::uint32_t reserving_ = 0; ///< a bit for each path by which the disk does reservations
	std::optional<Instant> earlier_; ///< what an earlier daemon has sent is over then
};

} // namespace swpath
