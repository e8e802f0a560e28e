// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/ticket.h"

#include <algorithm>

#include "dm-target/sw-uapi.h"

namespace swpath
{

Duration ticket_life(Duration check_interval)
{
	return std::min<Duration>(3 * check_interval,
				  std::chrono::milliseconds(SW_TICKET_TTL_MS_MAX));
}

std::optional<TicketOrder> order_ticket(const TicketView &view, Duration check_interval,
					Instant now)
{
	using std::chrono::milliseconds;

	const bool held = view.left > Duration::zero();
	if (!view.proved_at)
		return held ? std::optional(TicketOrder{0}) : std::nullopt;

	const Duration left = *view.proved_at + ticket_life(check_interval) - now;
	// The kernel counts in whole milliseconds; less than one is nothing.
	const auto left_ms = std::chrono::duration_cast<milliseconds>(left).count();
	if (left_ms <= 0)
		return held ? std::optional(TicketOrder{0}) : std::nullopt;

	// Status rounds and the message takes time: a renewal is worth sending only if it adds a
	// good part of an interval.
	if (held && left - view.left < check_interval / 4)
		return std::nullopt;
	return TicketOrder{
		static_cast<std::uint32_t>(std::min<std::int64_t>(left_ms, SW_TICKET_TTL_MS_MAX))};
}

} // namespace swpath
