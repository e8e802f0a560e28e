// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/event_loop.h"

#include <ctime>

#include <sys/epoll.h>
#include <sys/signalfd.h>

namespace swpath
{

namespace
{

/// sd-event counts CLOCK_BOOTTIME in microseconds, the clock of Instant.
std::uint64_t microseconds(Instant at)
{
	const auto count =
		std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch())
			.count();
	return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

} // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create()
{
	sd_event *event = nullptr;
	if (const int r = sd_event_new(&event); r < 0)
		return fail(-r, "create event loop");
	return std::unique_ptr<EventLoop>(new EventLoop(event));
}

EventLoop::~EventLoop() = default;

int EventLoop::dispatch_io(sd_event_source *, int, std::uint32_t, void *data)
{
	static_cast<Handler *>(data)->callback();
	return 0;
}

int EventLoop::dispatch_signal(sd_event_source *, const struct signalfd_siginfo *, void *data)
{
	static_cast<Handler *>(data)->callback();
	return 0;
}

int EventLoop::dispatch_time(sd_event_source *, std::uint64_t, void *data)
{
	static_cast<Handler *>(data)->callback();
	return 0;
}

Result<void> EventLoop::watch(int fd, Callback callback)
{
	auto handler = std::make_unique<Handler>();
	handler->callback = std::move(callback);
	sd_event_source *source = nullptr;
	if (const int r =
		    sd_event_add_io(event_.get(), &source, fd, EPOLLIN, dispatch_io, handler.get());
	    r < 0)
		return fail(-r, "watch descriptor");
	handler->source.reset(source);
	handlers_.push_back(std::move(handler));
	return {};
}

Result<void> EventLoop::on_signal(int signal, Callback callback)
{
	auto handler = std::make_unique<Handler>();
	handler->callback = std::move(callback);
	sd_event_source *source = nullptr;
	if (const int r = sd_event_add_signal(event_.get(), &source, signal, dispatch_signal,
					      handler.get());
	    r < 0)
		return fail(-r, "watch signal");
	handler->source.reset(source);
	handlers_.push_back(std::move(handler));
	return {};
}

Result<void> EventLoop::on_timer(Callback callback)
{
	timer_.callback = std::move(callback);
	sd_event_source *source = nullptr;
	// 1 ms: a mount verification is answered on timers as well as on events.
	if (const int r = sd_event_add_time(event_.get(), &source, CLOCK_BOOTTIME, UINT64_MAX, 1000,
					    dispatch_time, &timer_);
	    r < 0)
		return fail(-r, "create timer");
	timer_.source.reset(source);
	return {};
}

void EventLoop::wake_at(Instant at)
{
	// Neither call can fail on a source of this kind.
	(void)sd_event_source_set_time(timer_.source.get(), microseconds(at));
	(void)sd_event_source_set_enabled(timer_.source.get(), SD_EVENT_ONESHOT);
}

Result<void> EventLoop::run()
{
	while (!stopped_) {
		if (after_round_)
			after_round_();
		rounds_++;
		if (const int r = sd_event_run(event_.get(), UINT64_MAX); r < 0)
			return fail(-r, "run event loop");
	}
	return {};
}

} // namespace swpath
