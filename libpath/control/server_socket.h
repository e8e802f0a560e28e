// SPDX-License-Identifier: LGPL-2.1-or-later
/// Addresses and listening sockets of the control protocol.
#pragma once

#include <string>

#include <sys/socket.h>
#include <sys/un.h>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"

namespace swpath
{

struct SocketAddress {
	sockaddr_un name{};
	socklen_t length = 0;

	[[nodiscard]] const sockaddr *get() const
	{
		return reinterpret_cast<const sockaddr *>(&name);
	}
};

/// Errors: ENAMETOOLONG; EINVAL empty, or with a NUL.
[[nodiscard]] Result<SocketAddress> socket_address(const std::string &path);

/// Takes the socket of a dead server away; nothing there is as good. Errors: EADDRINUSE a server
/// answers on it, or it is no socket; those of socket_address(); else errno.
[[nodiscard]] Result<void> remove_dead_socket(const std::string &path);

/// A nonblocking listening socket on `path` with the rights of ControlServer::open(), and its
/// errors.
[[nodiscard]] Result<UniqueFd> listen_on(const std::string &path, const std::string &group);

} // namespace swpath
