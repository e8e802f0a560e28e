// SPDX-License-Identifier: LGPL-2.1-or-later
/// Who is at the other end of a connection, and the list of who may be.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <sys/types.h>

#include "libpath/base/result.h"

namespace swpath
{

/// An address without a port, or a user of this host behind a unix socket.
struct ClientAddress {
	enum class Kind : std::uint8_t { Inet, Inet6, Unix };
	Kind kind = Kind::Unix;
	std::array<std::uint8_t, 16> bytes{}; ///< network order; the first 4 for Inet
	uid_t uid = 0;                        ///< Unix

	bool operator==(const ClientAddress &) const = default;

	/// "10.0.0.2", "fe80::1" or "unix:0".
	[[nodiscard]] std::string text() const;
	/// An IPv4 address that a dual-stack listener shows as ::ffff:10.0.0.2 becomes IPv4.
	/// `uid` is used for AF_UNIX. Errors: EAFNOSUPPORT any other family, or cut short.
	[[nodiscard]] static Result<ClientAddress> from(const sockaddr *address, socklen_t bytes,
							uid_t uid);
};

/// One entry of a list: "10.0.0.2", "10.0.0.0/24", "fe80::/10", "unix" (anybody on this host),
/// "unix:0" or "any". "::ffff:10.0.0.2" is 10.0.0.2, and the scope of "fe80::1%eth0" is passed
/// over: a client has none. Names are for whoever writes the list to look up: a server that asks a
/// name service while it lets clients in can hang in it.
class ClientPattern
{
public:
	/// Errors: EINVAL with what is wrong and what is allowed.
	[[nodiscard]] static Result<ClientPattern> parse(std::string_view text);
	[[nodiscard]] bool matches(const ClientAddress &client) const noexcept;
	/// The one way to write it.
	[[nodiscard]] const std::string &text() const noexcept { return text_; }
	bool operator==(const ClientPattern &other) const { return text_ == other.text_; }

private:
	std::string text_;
	bool any_ = false;
	bool any_uid_ = false;
	ClientAddress address_;
	unsigned prefix_bits_ = 0;
};

} // namespace swpath
