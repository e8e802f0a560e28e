// SPDX-License-Identifier: GPL-2.0-or-later
/// swpath-lockspace: a lock space behind a pipe. It is a process of its own because the kernel's
/// lock manager may keep it waiting, uninterruptibly, for as long as the cluster recovers.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <getopt.h>
#include <poll.h>
#include <unistd.h>

#include <fmt/core.h>

#include "libpath/hints/dlm/dlm_lock_space.h"
#include "libpath/hints/local_lock_space.h"
#include "libpath/hints/lock_line.h"
#include "libpath/sys/clock.h"

namespace
{

using namespace swpath;

constexpr const char *usage =
	"usage: swpath-lockspace [--engine local|dlm] [--directory DIR] [--lockspace NAME]\n"
	"\n"
	"Holds names in a lock space: orders on standard input, one a line, events on standard "
	"output.\n"
	"Ends, and lets go of all of them, with its input.\n"
	"\n"
	"  --engine ENGINE   dlm: the kernel's lock manager (default); local: this host alone\n"
	"  --directory DIR   of local: instead of /run/swpath/locks\n"
	"  --lockspace NAME  of dlm: instead of swpath\n"
	"  --help\n";

constexpr std::size_t line_bytes_max = 4096;

void say(const std::string &line)
{
	fmt::print("{}\n", line);
	std::fflush(stdout);
}

int complain(const std::string &text)
{
	fmt::print(stderr, "swpath-lockspace: {}\n", text);
	return 1;
}

/// Of the lock space as a whole: also for who reads the lines.
int complain(const Error &error)
{
	say(lock_line({LockEventKind::Failed, "?", {}, error}));
	return complain(error.message());
}

template <class T>
Result<std::unique_ptr<LockSpace>> as_lock_space(Result<std::unique_ptr<T>> opened)
{
	if (!opened)
		return tl::unexpected(opened.error());
	return std::unique_ptr<LockSpace>(std::move(*opened));
}

void obey(LockSpace &space, std::string_view line)
{
	const auto order = LockOrder::parse(line);
	if (!order)
		return say(lock_line({LockEventKind::Failed, "?", {}, order.error()}));
	Result<void> begun;
	switch (order->kind) {
	case LockOrderKind::Hold:
		begun = space.hold(order->name);
		break;
	case LockOrderKind::Release:
		space.release(order->name);
		break;
	case LockOrderKind::Publish:
		begun = space.publish(order->name, order->bytes, now() + order->limit);
		break;
	case LockOrderKind::Value:
		if (const auto value = space.value(order->name))
			say(lock_line(order->name, *value));
		else
			begun = fail(ENOENT, fmt::format("lock '{}' is not held", order->name));
		break;
	}
	if (!begun)
		say(lock_line({LockEventKind::Failed, order->name, {}, begun.error()}));
}

/// Obeys the whole lines that have come. False: the input is over, or is no text of orders.
bool read_orders(LockSpace &space, std::string &pending)
{
	char piece[1024];
	const auto got = ::read(STDIN_FILENO, piece, sizeof(piece));
	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	if (got == 0)
		return false;
	pending.append(piece, static_cast<std::size_t>(got));
	for (;;) {
		const auto end = pending.find('\n');
		if (end == pending.npos)
			return pending.size() <= line_bytes_max;
		obey(space, std::string_view(pending).substr(0, end));
		pending.erase(0, end + 1);
	}
}

int wait_ms(const std::optional<Instant> &until)
{
	if (!until)
		return -1;
	const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - now()).count();
	return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60000));
}

int run(LockSpace &space)
{
	std::string pending;
	say("ready");
	for (;;) {
		const auto events = space.step(now());
		if (!events)
			return complain(events.error());
		for (const auto &event : *events)
			say(lock_line(event));
		pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {space.fd(), POLLIN, 0}};
		if (::poll(watched, 2, wait_ms(space.next())) < 0 && errno != EINTR)
			return complain(fmt::format("poll: {}", std::strerror(errno)));
		if (watched[0].revents != 0 && !read_orders(space, pending))
			return 0;
	}
}

} // namespace

int main(int count, char **arguments)
{
	std::string engine = "dlm";
	std::string directory(LocalLockSpace::default_directory);
	std::string lockspace(DlmLockSpace::default_name);
	const option options[] = {
		{"engine", required_argument, nullptr, 'e'},
		{"directory", required_argument, nullptr, 'd'},
		{"lockspace", required_argument, nullptr, 'l'},
		{"help", no_argument, nullptr, 'h'},
		{nullptr, 0, nullptr, 0},
	};
	for (int letter; (letter = getopt_long(count, arguments, "", options, nullptr)) != -1;) {
		switch (letter) {
		case 'e':
			engine = optarg;
			break;
		case 'd':
			directory = optarg;
			break;
		case 'l':
			lockspace = optarg;
			break;
		case 'h':
			fmt::print("{}", usage);
			return 0;
		default:
			fmt::print(stderr, "{}", usage);
			return 2;
		}
	}
	if (optind != count || (engine != "local" && engine != "dlm")) {
		fmt::print(stderr, "{}", usage);
		return 2;
	}
	(void)std::signal(SIGPIPE, SIG_IGN);
	const auto space = engine == "dlm" ? as_lock_space(DlmLockSpace::open(lockspace))
					   : as_lock_space(LocalLockSpace::open(directory));
	if (!space)
		return complain(space.error());
	return run(**space);
}
