// SPDX-License-Identifier: LGPL-2.1-or-later
/// The iSCSI session of a disk, when the kernel's own initiator (iscsi_tcp) carries it: how to end
/// what it has in flight without its target.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"

namespace swpath
{

struct IscsiConnection {
	std::string address; ///< of the target, numeric
	std::uint16_t port = 0;
	std::uint16_t local_port = 0; ///< 0: this kernel does not tell

	bool operator==(const IscsiConnection &) const = default;
};

/// The connections of the session that SCSI disk `sysname` ("sda") hangs on, as they are now;
/// empty: it is not connected, or not over TCP. Reads sysfs, which may wait for a connection that
/// is being closed.
[[nodiscard]] std::vector<IscsiConnection> iscsi_connections(std::string_view sysname,
							     const std::string &sys = "/sys");

/// Whether the disk's device hangs on an iSCSI session, by its path in sysfs.
[[nodiscard]] bool is_iscsi(std::string_view syspath);

/// Ends TCP connections of a session. What was in flight fails when the session's recovery_tmo is
/// over (ScsiLimits::cut). The session is connected again by iscsid when the target can be reached,
/// as after any error of the network. Other disks of the session fail with it. What the target was
/// given it may still do: this drains a path, and fences nothing. The kernel aborts the sockets
/// itself (SOCK_DESTROY, sock_diag(7)), so no answer of anybody is waited for. Errors: ENOTCONN no
/// such connection (it is being connected anew); EOPNOTSUPP the kernel is without
/// CONFIG_INET_DIAG_DESTROY; EPERM not root; else errno of netlink.
[[nodiscard]] Result<void> cut_iscsi_session(const std::vector<IscsiConnection> &connections);

} // namespace swpath
