// SPDX-License-Identifier: LGPL-2.1-or-later
/// The client's side of TLS with a pre-shared key, up to the point where the kernel takes over:
/// the handshake is GnuTLS's, the records are the kernel's (kTLS). So a socket comes out of it that
/// anything may use like a plain one, the kernel's nbd for one, and no process of ours stands in
/// the way of the data.
///
/// TLS 1.2 only, DHE-PSK with AES-128-GCM: in TLS 1.3 a server may send messages after the
/// handshake (tickets, new keys), which the kernel would hand to a reader that does not know them.
#pragma once

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/sys/key_file.h"

namespace swpath
{

/// Shakes hands on `fd`, a connected TCP socket that is nonblocking and on which the server expects
/// TLS now, and gives the keys to the kernel. BLOCKS, at most until `deadline`. Afterwards send(2)
/// and recv(2) carry plain data. Errors: EACCES the server knows another key, or no such user;
/// ETIMEDOUT; ENOPROTOOPT the kernel has no TLS (modprobe tls); EPROTO anything else that is wrong
/// with the handshake, with GnuTLS's words.
[[nodiscard]] Result<void> start_tls(int fd, const PresharedKey &key, Instant deadline);

} // namespace swpath
