// SPDX-License-Identifier: LGPL-2.1-or-later
/// The listening side of the control protocol, driven by somebody else's event loop.
///
/// It never blocks, never touches a device and holds no thread. Everything that is asked often
/// (Status, History, Events) it answers itself from the Handler's report; orders go to the Handler,
/// which may answer at once or later.
///
/// What a client can cost is bounded by ServerLimits: number of clients, bytes of a request, time
/// for one to arrive, bytes that wait to be read. A client that does not read its stream loses
/// events (and is told which: Event::Gap and a new dump), then its connection; nobody waits for it.
/// When all places are taken, uid 0 gets the place of the unprivileged client that was silent for
/// longest.
///
/// Rights: whoever may connect (the socket's mode) may read. Orders are for uid 0 only, by
/// SO_PEERCRED at the moment of connect(2).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/control/control_handler.h"

namespace swpath
{

struct ServerLimits {
	unsigned clients_max = 32;
	std::size_t queued_bytes_max = 1024 * 1024;      ///< per client, of events and replies
	Duration request_time = std::chrono::seconds(5); ///< from its first byte to its NUL
	Duration write_time = std::chrono::seconds(10);  ///< without progress of a blocked reader
	Duration idle_time = std::chrono::minutes(5);    ///< without a call and without a stream
};

class ControlServer
{
public:
	/// Listens on `path` (a stale socket of a dead server is replaced) with mode 0660 and
	/// `group`; if there is no such group, or it may not be given (not root), the mode is 0600.
	/// Errors: EADDRINUSE a server answers there, or what is there is no socket; ENAMETOOLONG;
	/// those of socket(2), bind(2), chmod(2).
	[[nodiscard]] static Result<std::unique_ptr<ControlServer>>
	open(const std::string &path, const std::string &group, ControlHandler &handler,
	     const ServerLimits &limits = {});
	~ControlServer(); ///< closes every client and removes the socket
	ControlServer(const ControlServer &) = delete;
	ControlServer &operator=(const ControlServer &) = delete;

	/// A group was named, and the socket is not open to it: there is no such group, or this
	/// process may not give it the socket.
	[[nodiscard]] bool closed_to_group() const noexcept;

	/// Readable when step() has something to do. An epoll descriptor: watch it for input only.
	[[nodiscard]] int fd() const noexcept;
	/// Does whatever is ready and whatever is due at `now`.
	void step(Instant now);
	/// When step() is due even if fd() stays silent.
	[[nodiscard]] std::optional<Instant> deadline() const;

	/// The report has changed: tells the streams what. Cheap if nothing did or nobody listens.
	void changed(Instant now);

	/// Ends the call `id`; ignored if its client is gone. May be called inside order().
	void answer(CallId id, const Answered<Done> &done);
	/// The same for reload(): a line per change.
	void answer(CallId id, const Answered<std::vector<std::string>> &changes);
	void answer(CallId id, const Refusal &refusal);

	[[nodiscard]] std::size_t clients() const noexcept;

private:
	struct State;
	explicit ControlServer(std::unique_ptr<State> state);
	std::unique_ptr<State> state_;
};

} // namespace swpath
