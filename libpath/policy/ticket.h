// SPDX-License-Identifier: LGPL-2.1-or-later
/// Decides when a path's ticket is deposited in the kernel, renewed or withdrawn.
///
/// A ticket is a loan on a proof: it lives for `life` from the moment the proof *began*, however
/// late it is deposited. So a ticket never says more than the last probe said, and a daemon that
/// stops probing stops lending.
#pragma once

#include <cstdint>
#include <optional>

#include "libpath/base/instant.h"

namespace swpath
{

struct TicketView {
	std::optional<Instant> proved_at; /// begin of the last good probe of a usable path, or none
	/// What the kernel holds for this path; zero: none, expired, or of an older epoch.
	Duration left{};
};

struct TicketOrder {
	std::uint32_t ttl_ms; /// 0 withdraws
};

/// The life of a ticket for a path that is probed every `check_interval`: the next two probes may
/// be late or lost before it ends.
[[nodiscard]] Duration ticket_life(Duration check_interval);

/// What to deposit now, or nothing if the kernel's ticket is as good as the proof.
[[nodiscard]] std::optional<TicketOrder> order_ticket(const TicketView &view,
						      Duration check_interval, Instant now);

} // namespace swpath
