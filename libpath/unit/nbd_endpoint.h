// SPDX-License-Identifier: LGPL-2.1-or-later
/// How an NBD server is named.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "libpath/base/result.h"

namespace swpath
{

/// Where a server listens: a TCP host and port, or a unix socket.
struct NbdEndpoint {
	std::string host; ///< name or address; empty: unix
	std::uint16_t port = 10809;
	std::string unix_path;

	bool operator==(const NbdEndpoint &) const = default;

	/// "beta:10809", "[fe80::1]:10809" or "unix:/run/x.sock".
	[[nodiscard]] std::string text() const;
	/// Reads the same; a port may be left out. Pure. Errors: EINVAL with what is wrong.
	[[nodiscard]] static Result<NbdEndpoint> parse(std::string_view text);
};

} // namespace swpath
