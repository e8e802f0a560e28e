// SPDX-License-Identifier: LGPL-2.1-or-later
/// The server as a process: how it is started, found again, and heard to end. When it is started
/// again is RestartPolicy's.
///
/// The server outlives the one that started it: clients are not to lose their disk because a daemon
/// is restarted. So it has a session of its own, gets no signal when its parent dies, and a
/// later pathd finds it by its control socket.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/serve/serve_calls.h"
#include "libpath/unit/nbd_endpoint.h"

namespace swpath
{

class ControlClient;

struct ServerSetup {
	std::string nbdkit = "nbdkit";
	/// nbdkit's name of it, or a path with a slash.
	std::string plugin = "swpath";
	/// Preloaded; see hangup.cpp.
	std::string hangup_library =
		"/usr/lib/x86_64-linux-gnu/nbdkit/plugins/nbdkit-swpath-hangup.so";
	/// Where it listens: a numeric address of this host, or a unix socket.
	NbdEndpoint listen;
	/// Pre-shared keys of the cluster, "name:hex" lines (psktool(1) makes them). Empty only
	/// with `plain`.
	std::string psk_file;
	bool plain = false; ///< no TLS: loopback, the lab, or a network of its own
	std::string control_socket = std::string(serve_socket);
	std::string closed_file = "/run/swpath/serve.closed";
	unsigned threads =
		16; ///< requests of one connection that are with the disk at once, at most
	bool files = false;
};

/// What is executed.
struct ServerCommand {
	std::vector<std::string> arguments;   ///< with the program first
	std::vector<std::string> environment; ///< added to this process's own
};
/// Errors: EINVAL neither keys nor `plain`, or both; a port of 0; a host name that is no address.
[[nodiscard]] Result<ServerCommand> server_command(const ServerSetup &setup);

class ServerProcess
{
public:
	/// Starts it; standard output and error stay this process's, so that they reach the
	/// journal. Does not wait until it listens: ask on the control socket. Errors: ENOENT no
	/// nbdkit; those of server_command(); EADDRINUSE somebody listens there; EAGAIN or ENOMEM
	/// no process to be had.
	[[nodiscard]] static Result<ServerProcess> start(const ServerSetup &setup);
	/// The server whose control socket is `path`; nothing: none does. BLOCKS at most `limit`.
	/// Errors: ETIMEDOUT somebody listens there and does not answer; EPROTO what answers is no
	/// such server.
	[[nodiscard]] static Result<std::optional<ServerProcess>>
	find(const std::string &path, std::chrono::milliseconds limit = std::chrono::seconds(2));

	[[nodiscard]] pid_t pid() const noexcept { return pid_; }
	/// Readable when it has ended: for a loop.
	[[nodiscard]] int fd() const noexcept { return pidfd_.get(); }
	/// Does not block. Reaps it if it is this process's child.
	[[nodiscard]] bool ended() const noexcept;
	/// The process that listens on `path`, whether it answers or not; nothing: none does.
	/// BLOCKS at most `limit`. Errors: ETIMEDOUT it does not accept; those of pidfd_open(2).
	[[nodiscard]] static Result<std::optional<ServerProcess>>
	listening(const std::string &path,
		  std::chrono::milliseconds limit = std::chrono::seconds(2));
	/// SIGKILL: for one that answers nothing any more. What it had in the disk ends in its own
	/// time: see ServedDisk.
	void kill() const noexcept;
	/// SIGTERM: it sends its clients away, lets their requests end, and ends. To stop serving
	/// without doubt for the clients, revoke the epochs first.
	void terminate() const noexcept;

private:
	/// The process at the other end, or nothing if it has ended.
	[[nodiscard]] static Result<std::optional<ServerProcess>>
	process_of(const ControlClient &client, const std::string &path);
	ServerProcess(pid_t pid, UniqueFd pidfd) noexcept : pid_(pid), pidfd_(std::move(pidfd)) {}
	pid_t pid_;
	UniqueFd pidfd_;
};

} // namespace swpath
