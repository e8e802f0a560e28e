// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/terminal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>

#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "libpath/base/text.h"
#include "libpath/base/unique_fd.h"
#include "pathd/ctl/output.h"

namespace swpath::ctl
{

namespace
{

bool is_set(const char *name)
{
	const char *value = std::getenv(name);
	return value && *value;
}

bool wants_color(ColorChoice choice, int fd)
{
	if (choice != ColorChoice::Auto)
		return choice == ColorChoice::Always;
	if (is_set("NO_COLOR"))
		return false;
	if (is_set("FORCE_COLOR"))
		return true;
	const char *term = std::getenv("TERM");
	return ::isatty(fd) && term && std::strcmp(term, "dumb") != 0;
}

unsigned width_of(int fd)
{
	winsize size{};
	if (::isatty(fd) && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return std::max<unsigned>(size.ws_col, 40);
	const char *columns = std::getenv("COLUMNS");
	return std::max(parse_number<unsigned>(columns ? columns : "").value_or(80), 40u);
}

std::chrono::seconds local_offset(WallTime time)
{
	const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
	std::tm local{};
	return ::localtime_r(&seconds, &local) ? std::chrono::seconds(local.tm_gmtoff)
					       : std::chrono::seconds(0);
}

/// No echo, no lines, and the other screen; undone when it goes.
class LiveScreen
{
public:
	LiveScreen()
	{
		if (::tcgetattr(STDIN_FILENO, &before_) == 0) {
			raw_ = true;
			termios raw = before_;
			raw.c_lflag &= ~tcflag_t(ICANON | ECHO);
			::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
		}
		write_all(STDOUT_FILENO, "\x1b[?1049h\x1b[?25l");
	}
	~LiveScreen()
	{
		write_all(STDOUT_FILENO, "\x1b[?25h\x1b[?1049l");
		if (raw_)
			::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
	}
	LiveScreen(const LiveScreen &) = delete;
	LiveScreen &operator=(const LiveScreen &) = delete;

private:
	termios before_{};
	bool raw_ = false;
};

UniqueFd watch_signals()
{
	sigset_t set;
	::sigemptyset(&set);
	for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH})
		::sigaddset(&set, signal);
	::sigprocmask(SIG_BLOCK, &set, nullptr);
	return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// Waits for the next frame's time. False: the end was asked for.
bool wait_for_frame(const UniqueFd &signals, bool keys, std::chrono::milliseconds interval)
{
	using Clock = std::chrono::steady_clock;
	const auto next = Clock::now() + interval;
	for (;;) {
		const auto left =
			std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
		if (left <= 0)
			return true;
		std::array<pollfd, 3> fds = {pollfd{signals.get(), POLLIN, 0},
					     pollfd{STDOUT_FILENO, 0, 0},
					     pollfd{keys ? STDIN_FILENO : -1, POLLIN, 0}};
		if (::poll(fds.data(), fds.size(), int(left)) <= 0)
			continue;
		if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL))
			return false;
		if (fds[0].revents) {
			signalfd_siginfo info{};
			if (::read(signals.get(), &info, sizeof(info)) == sizeof(info) &&
			    info.ssi_signo != SIGWINCH)
				return false;
			return true; // another size: draw at once
		}
		if (fds[2].revents) {
			char key = 0;
			if (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q')
				return false;
		}
	}
}

} // namespace

Style style_for(const CommandLine &line, int fd)
{
	std::setlocale(LC_CTYPE, "");
	Style style;
	style.color = wants_color(line.color, fd);
	style.ascii = line.ascii || std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0;
	style.width = width_of(fd);
	style.utc_offset = local_offset;
	return style;
}

bool write_all(int fd, std::string_view text)
{
	while (!text.empty()) {
		const auto written = ::write(fd, text.data(), text.size());
		if (written < 0 && errno != EINTR)
			return false;
		text.remove_prefix(written > 0 ? std::size_t(written) : 0);
	}
	return true;
}

bool show_live(const CommandLine &line, std::chrono::milliseconds interval,
	       const std::function<std::string(const Style &)> &frame)
{
	const UniqueFd signals = watch_signals();
	const bool terminal = ::isatty(STDOUT_FILENO);
	const bool keys = terminal && ::isatty(STDIN_FILENO);
	std::optional<LiveScreen> screen;
	if (terminal)
		screen.emplace();
	for (;;) {
		std::string text = frame(style_for(line, STDOUT_FILENO));
		if (terminal) {
			// Every line cleared to its end and the rest of the screen after it:
			// nothing flickers, nothing of the frame before stays.
			std::string shown = "\x1b[H";
			for (const char c : text) {
				if (c == '\n')
					shown += "\x1b[K";
				shown += c;
			}
			text = shown + "\x1b[J";
		}
		if (!print(text))
			return false;
		if (!wait_for_frame(signals, keys, interval))
			return true;
	}
}

} // namespace swpath::ctl
