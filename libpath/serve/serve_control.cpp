// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/serve_control.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include <fmt/core.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpath/control/frame_reader.h"
#include "libpath/control/server_socket.h"
#include "libpath/control/wire.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

// As docs/protocol.md says of the daemon's socket.
constexpr auto call_limit = 5s;   ///< from a call's first byte to its last
constexpr auto idle_limit = 300s; ///< between calls

using Clock = std::chrono::steady_clock;

enum class Woken : std::uint8_t { Ready, Timeout, Stop };

Woken wait(int fd, short events, int stop, Clock::time_point deadline)
{
	for (;;) {
		const auto left =
			std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
		if (left.count() <= 0)
			return Woken::Timeout;
		std::array<pollfd, 2> watched{{{fd, events, 0}, {stop, POLLIN, 0}}};
		const int ready =
			::poll(watched.data(), watched.size(), static_cast<int>(left.count()));
		if (ready > 0)
			return watched[1].revents ? Woken::Stop : Woken::Ready;
	}
}

bool send_all(int fd, std::string_view bytes, int stop)
{
	const auto deadline = Clock::now() + call_limit;
	while (!bytes.empty()) {
		const auto put =
			::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put > 0)
			bytes.remove_prefix(static_cast<std::size_t>(put));
		else if ((put < 0 && errno != EAGAIN && errno != EINTR) ||
			 wait(fd, POLLOUT, stop, deadline) != Woken::Ready)
			return false;
	}
	return true;
}

} // namespace

ServeControl::ServeControl(std::string path, UniqueFd listener, UniqueFd stop,
			   ServeHandler &handler, std::function<void(const std::string &)> complain)
	: path_(std::move(path)), listener_(std::move(listener)), stop_(std::move(stop)),
	  handler_(handler), complain_(std::move(complain))
{
}

Result<std::unique_ptr<ServeControl>>
ServeControl::listen(const std::string &path, ServeHandler &handler,
		     std::function<void(const std::string &)> complain)
{
	UniqueFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (!stop)
		return fail(errno, "eventfd");
	auto listener = listen_on(path, {});
	if (!listener)
		return tl::unexpected(std::move(listener.error()));
	auto control = std::unique_ptr<ServeControl>(new ServeControl(
		path, std::move(*listener), std::move(stop), handler, std::move(complain)));
	try {
		control->thread_ = std::thread([here = control.get()] { here->accept_callers(); });
	} catch (const std::system_error &error) {
		return fail(error.code().value(), "start a thread for " + path);
	}
	return control;
}

ServeControl::~ServeControl()
{
	(void)::eventfd_write(stop_.get(), 1);
	if (thread_.joinable())
		thread_.join();
	for (auto &caller : callers_)
		caller.thread.join();
	(void)::unlink(path_.c_str());
}

void ServeControl::accept_callers()
{
	for (;;) {
		const auto woken =
			wait(listener_.get(), POLLIN, stop_.get(), Clock::now() + idle_limit);
		if (woken == Woken::Stop)
			return;
		for (auto each = callers_.begin(); each != callers_.end();) {
			if (each->done) {
				each->thread.join();
				each = callers_.erase(each);
			} else {
				++each;
			}
		}
		if (woken == Woken::Ready)
			admit(UniqueFd(::accept4(listener_.get(), nullptr, nullptr,
						 SOCK_CLOEXEC | SOCK_NONBLOCK)));
	}
}

void ServeControl::admit(UniqueFd socket)
{
	if (!socket) {
		// Out of descriptors: the caller stays in the queue, and this thread must not spin.
		if (errno == EMFILE || errno == ENFILE)
			(void)wait(stop_.get(), POLLIN, stop_.get(), Clock::now() + 1s);
		return;
	}
	ucred peer{};
	socklen_t bytes = sizeof(peer);
	if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0 ||
	    (peer.uid != 0 && peer.uid != ::geteuid()))
		return;
	if (callers_.size() >= callers_max)
		return turn_away(socket, "too many callers");
	auto &caller = callers_.emplace_back();
	const auto kept = std::make_shared<UniqueFd>(std::move(socket));
	try {
		caller.thread = std::thread([this, &caller, kept] {
			converse(*kept);
			kept->reset();
			caller.done = true;
		});
		short_of_threads_ = false;
	} catch (const std::system_error &error) {
		callers_.pop_back();
		const auto why = fmt::format("no thread for a caller: {}", error.code().message());
		if (!std::exchange(short_of_threads_, true))
			complain_(why);
		turn_away(*kept, why);
	}
}

void ServeControl::turn_away(const UniqueFd &socket, const std::string &why)
{
	const auto busy =
		encode_reply(reply_of(Refusal{RefusalKind::Failed, why, "try again in a moment"}));
	(void)send_all(socket.get(), busy, stop_.get());
}

void ServeControl::converse(const UniqueFd &socket)
{
	FrameReader reader(request_limits);
	std::array<char, 4096> piece; // NOLINT: filled by recv
	auto deadline = Clock::now() + idle_limit;
	bool begun = false;
	for (;;) {
		if (wait(socket.get(), POLLIN, stop_.get(), deadline) != Woken::Ready)
			return;
		const auto got = ::recv(socket.get(), piece.data(), piece.size(), 0);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0 || !reader.feed({piece.data(), static_cast<std::size_t>(got)}))
			return;
		for (;;) {
			const auto message = reader.next();
			if (!message)
				return;
			if (!*message)
				break;
			const auto call = parse_call(**message);
			if (!call)
				return;
			const auto reply = answer_serve_call(*call, handler_);
			if (!call->oneway &&
			    !send_all(socket.get(), encode_reply(reply), stop_.get()))
				return;
		}
		if (!reader.partial() || !begun)
			deadline = Clock::now() + (reader.partial() ? Clock::duration(call_limit)
								    : Clock::duration(idle_limit));
		begun = reader.partial();
	}
}

} // namespace swpath
