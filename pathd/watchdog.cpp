// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/watchdog.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "libpath/base/unique_fd.h"
#include "pathd/thread.h"

namespace swpath
{

void notify(const char *state) noexcept
{
	// sd_notify(3) waits when systemd's socket is full; a full socket means that systemd is in
	// trouble of its own.
	const char *path = std::getenv("NOTIFY_SOCKET");
	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	if (path == nullptr || path[0] == '\0' || std::strlen(path) >= sizeof(address.sun_path))
		return;
	std::memcpy(address.sun_path, path, std::strlen(path));
	const auto length =
		static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0';
	const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (fd)
		(void)::sendto(fd.get(), state, std::strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
			       reinterpret_cast<const sockaddr *>(&address), length);
}

void *Watchdog::main(void *data)
{
	auto &self = *static_cast<Watchdog *>(data);
	std::uint64_t told = 0;
	const std::uint64_t nap_ns = self.interval_us_ * 1000 / 2;
	timespec nap{};
	nap.tv_sec = static_cast<time_t>(nap_ns / 1000000000);
	nap.tv_nsec = static_cast<long>(nap_ns % 1000000000);
	while (true) {
		const auto beats = self.beats_.load(std::memory_order_relaxed);
		if (beats != told)
			notify("WATCHDOG=1");
		told = beats;
		(void)::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
	}
	return nullptr;
}

Result<void> Watchdog::start()
{
	std::uint64_t limit_us = 0;
	if (sd_watchdog_enabled(0, &limit_us) <= 0 || limit_us == 0)
		return {};
	// Half of systemd's limit between messages, and the loop beats twice in that.
	interval_us_ = limit_us / 2;

	return start_thread("pathd-watchdog", main, this);
}

} // namespace swpath
