// SPDX-License-Identifier: LGPL-2.1-or-later
/// TCP sockets of this network namespace, as the kernel lists them, and how to end them from
/// outside (sock_diag(7)).
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include <sys/types.h>

#include "libpath/base/result.h"

namespace swpath
{

struct TcpSocket {
	int family = 0;       ///< AF_INET or AF_INET6
	bool listens = false; ///< has no peer
	std::uint16_t local_port = 0;
	std::uint16_t peer_port = 0;
	std::array<std::uint8_t, 16> peer{}; ///< as in a packet; IPv4: the first four
	std::uint64_t inode = 0;             ///< of its descriptors; 0: no process has it any more
};

/// Ends each socket that `is_meant`: the kernel aborts it (SOCK_DESTROY), with a reset to its peer,
/// whoever holds it and in whatever that one waits. Returns their number, with those that ended by
/// themselves meanwhile. Waits for no answer of anybody. Errors: EOPNOTSUPP the kernel is without
/// CONFIG_INET_DIAG_DESTROY; EPERM not root; else errno of netlink.
[[nodiscard]] Result<unsigned>
end_tcp_sockets(const std::function<bool(const TcpSocket &)> &is_meant);

/// All that any thread of process `pid` holds, listening ones too. For one that was killed and does
/// not end, because a thread of it waits in the kernel: its files stay open that long, so its peers
/// would hear nothing and its port would be taken. Errors: as above.
[[nodiscard]] Result<unsigned> end_tcp_sockets_of(pid_t pid);

/// Has the kernel load what the above need (inet_diag, tcp_diag), now and not when a disk hangs
/// that modprobe lies on.
void prepare_to_end_tcp_sockets();

} // namespace swpath
