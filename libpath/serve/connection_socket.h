// SPDX-License-Identifier: LGPL-2.1-or-later
/// Finding a connection's socket among this process's descriptors, to be able to end it.
///
/// nbdkit 1.32 tells a plugin who the peer is, not through which descriptor, and has no call to
/// end one connection. So the descriptor is looked up by the peer's address, and kept as a
/// duplicate: the number cannot come to mean something else before it is used.
#pragma once

#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/types.h>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"

namespace swpath
{

/// The one stream socket of this process whose peer is `peer` (TCP: address and port).
/// Errors: ENOENT none; EMFILE it cannot be kept.
[[nodiscard]] Result<UniqueFd> find_tcp_socket(const sockaddr *peer);

/// Address and port are the same.
[[nodiscard]] bool same_peer(const sockaddr_storage &seen, const sockaddr *peer) noexcept;

/// The peers of all connected TCP sockets of this process. Errors: EMFILE.
[[nodiscard]] Result<std::vector<sockaddr_storage>> tcp_peers();

/// The stream sockets that were accepted from process `pid` on a unix socket other than `except`
/// (the control socket's path): their peer has no name to tell them apart by.
[[nodiscard]] Result<std::vector<UniqueFd>> find_unix_sockets(pid_t pid, const std::string &except);

/// Inode of a socket.
[[nodiscard]] ino_t socket_inode(const UniqueFd &socket) noexcept;

/// Ends all connections of this process whose peer is one of these.
void end_tcp_connections(const std::vector<sockaddr_storage> &peers);

/// Ends the connection, in both directions, for every descriptor of it: a thread that waits in it
/// for bytes or for room wakes up. Does not block.
void end_connection(const UniqueFd &socket) noexcept;

} // namespace swpath
