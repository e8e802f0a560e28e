// SPDX-License-Identifier: GPL-2.0-or-later
/// Tells systemd that the loop is alive, from a thread of its own: sd_notify may block, and the
/// loop may not. Nothing is sent while the loop's heartbeat stands still.
#pragma once

#include <atomic>
#include <cstdint>

#include "libpath/base/result.h"

namespace swpath
{

class Watchdog
{
public:
	/// Starts the thread if systemd asked for a watchdog (WatchdogSec=). Errors: no thread.
	[[nodiscard]] Result<void> start();
	/// The loop made a round.
	void beat() noexcept { beats_.fetch_add(1, std::memory_order_relaxed); }
	/// How long the loop may sleep so that its heart beats often enough; zero: for ever.
	[[nodiscard]] std::uint64_t interval_us() const noexcept { return interval_us_; }

private:
	static void *main(void *self);
	std::atomic<std::uint64_t> beats_{0};
	std::uint64_t interval_us_ = 0;
};

/// Tells systemd something ("READY=1"), without waiting for it; ignored if systemd did not start
/// us.
void notify(const char *state) noexcept;

} // namespace swpath
