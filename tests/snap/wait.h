// SPDX-License-Identifier: GPL-2.0-or-later
/// Waiting in the guest's own time, of which idle moments cost nothing.
#pragma once

#include <chrono>
#include <thread>

#include "libpath/sys/clock.h"

namespace swpath::snap
{

/// Asks every `step` until `is_so` says yes: true. False after `limit`.
template <class Condition>
[[nodiscard]] bool wait_until(Duration limit, Condition &&is_so,
			      Duration step = std::chrono::milliseconds(20))
{
	const Instant end = now() + limit;
	while (!is_so()) {
		if (now() >= end)
			return false;
		std::this_thread::sleep_for(step);
	}
	return true;
}

} // namespace swpath::snap
