// SPDX-License-Identifier: GPL-2.0-or-later
/// One sd-event loop, dull on purpose: descriptors, timers and signals become calls.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <systemd/sd-event.h>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"

namespace swpath
{

class EventLoop
{
public:
	using Callback = std::function<void()>;

	/// Errors: those of sd_event_new().
	[[nodiscard]] static Result<std::unique_ptr<EventLoop>> create();
	EventLoop(const EventLoop &) = delete;
	EventLoop &operator=(const EventLoop &) = delete;
	~EventLoop();

	/// Calls `callback` whenever `fd` is readable (or in error), as long as the loop lives.
	[[nodiscard]] Result<void> watch(int fd, Callback callback);
	/// The signal must be blocked in every thread.
	[[nodiscard]] Result<void> on_signal(int signal, Callback callback);
	/// Called after each round, before the loop sleeps: the place for what many events share.
	void after_each_round(Callback callback) { after_round_ = std::move(callback); }

	/// The one timer: its callback runs once at or after `at`; a later call replaces it.
	[[nodiscard]] Result<void> on_timer(Callback callback);
	void wake_at(Instant at);

	/// Runs until stop(). Errors: the loop itself failed.
	[[nodiscard]] Result<void> run();
	void stop() { stopped_ = true; }

	/// Rounds made: what the watchdog watches.
	[[nodiscard]] std::uint64_t rounds() const { return rounds_; }

private:
	struct Handler {
		Callback callback;
		UniquePtr<sd_event_source, &sd_event_source_unref> source;
	};
	explicit EventLoop(sd_event *event) : event_(event) {}
	static int dispatch_io(sd_event_source *, int, std::uint32_t, void *data);
	static int dispatch_signal(sd_event_source *, const struct signalfd_siginfo *, void *data);
	static int dispatch_time(sd_event_source *, std::uint64_t, void *data);

	UniquePtr<sd_event, &sd_event_unref> event_;
	std::vector<std::unique_ptr<Handler>> handlers_;
	Handler timer_;
	Callback after_round_;
	bool stopped_ = false;
	std::uint64_t rounds_ = 0;
};

} // namespace swpath
