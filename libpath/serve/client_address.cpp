// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/client_address.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>

#include "libpath/base/text.h"

namespace swpath
{
namespace
{

constexpr unsigned inet_bits = 32;
constexpr unsigned inet6_bits = 128;

constexpr unsigned mapped_bits = inet6_bits - inet_bits;

/// ::ffff:10.0.0.2 is 10.0.0.2 to a dual-stack socket.
bool is_mapped(const std::uint8_t *bytes)
{
	in6_addr address{};
	std::memcpy(&address, bytes, sizeof(address));
	return IN6_IS_ADDR_V4MAPPED(&address);
}

bool same_prefix(const std::uint8_t *a, const std::uint8_t *b, unsigned bits)
{
	const unsigned whole = bits / 8, rest = bits % 8;
	if (!std::equal(a, a + whole, b))
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

} // namespace

std::string ClientAddress::text() const
{
	if (kind == Kind::Unix)
		return fmt::format("unix:{}", uid);
	char buffer[INET6_ADDRSTRLEN] = {};
	inet_ntop(kind == Kind::Inet ? AF_INET : AF_INET6, bytes.data(), buffer, sizeof(buffer));
	return buffer;
}

Result<ClientAddress> ClientAddress::from(const sockaddr *address, socklen_t length, uid_t uid)
{
	ClientAddress client;
	if (length >= sizeof(sa_family_t) && address->sa_family == AF_UNIX) {
		client.uid = uid;
		return client;
	}
	if (length >= sizeof(sockaddr_in) && address->sa_family == AF_INET) {
		const auto *inet = reinterpret_cast<const sockaddr_in *>(address);
		client.kind = Kind::Inet;
		std::memcpy(client.bytes.data(), &inet->sin_addr, 4);
		return client;
	}
	if (length >= sizeof(sockaddr_in6) && address->sa_family == AF_INET6) {
		const auto *inet6 = reinterpret_cast<const sockaddr_in6 *>(address);
		const bool mapped = is_mapped(inet6->sin6_addr.s6_addr);
		client.kind = mapped ? Kind::Inet : Kind::Inet6;
		if (mapped)
			std::memcpy(client.bytes.data(), inet6->sin6_addr.s6_addr + 12, 4);
		else
			std::memcpy(client.bytes.data(), inet6->sin6_addr.s6_addr, 16);
		return client;
	}
	return fail(EAFNOSUPPORT, "a client that is neither on TCP nor on a unix socket");
}

Result<ClientPattern> ClientPattern::parse(std::string_view text)
{
	const auto wrong = [&](std::string_view why) {
		return fail(EINVAL, fmt::format("client '{}': {}; write an address (10.0.0.2), a "
						"network (10.0.0.0/24), unix, unix:UID or any",
						text, why));
	};
	ClientPattern pattern;
	pattern.text_ = text;
	if (text == "any") {
		pattern.any_ = true;
		return pattern;
	}
	if (text == "unix") {
		pattern.any_uid_ = true;
		return pattern;
	}
	if (text.starts_with("unix:")) {
		const auto uid = parse_number<uid_t>(text.substr(5));
		if (!uid)
			return wrong("that is no user id");
		pattern.address_.uid = *uid;
		return pattern;
	}

	const auto slash = text.find('/');
	const auto address = text.substr(0, slash);
	const auto scope = address.find('%');
	const std::string digits(address.substr(0, scope));
	auto &to = pattern.address_;
	if (scope == text.npos && inet_pton(AF_INET, digits.c_str(), to.bytes.data()) == 1)
		to.kind = ClientAddress::Kind::Inet;
	else if (scope != address.size() - 1 &&
		 inet_pton(AF_INET6, digits.c_str(), to.bytes.data()) == 1)
		to.kind = ClientAddress::Kind::Inet6;
	else
		return wrong("that is no numeric address");
	const unsigned most = to.kind == ClientAddress::Kind::Inet ? inet_bits : inet6_bits;
	pattern.prefix_bits_ = most;
	if (slash != text.npos) {
		const auto bits = parse_number<unsigned>(text.substr(slash + 1));
		if (!bits || *bits > most)
			return wrong(fmt::format("the prefix is not 0 to {} bits", most));
		pattern.prefix_bits_ = *bits;
	}
	if (to.kind == ClientAddress::Kind::Inet6 && pattern.prefix_bits_ >= mapped_bits &&
	    is_mapped(to.bytes.data())) {
		to.kind = ClientAddress::Kind::Inet;
		std::copy_n(to.bytes.begin() + 12, 4, to.bytes.begin());
		std::fill(to.bytes.begin() + 4, to.bytes.end(), std::uint8_t{0});
		pattern.prefix_bits_ -= mapped_bits;
	}
	pattern.text_ = to.text();
	if (slash != text.npos)
		pattern.text_ += fmt::format("/{}", pattern.prefix_bits_);
	return pattern;
}

bool ClientPattern::matches(const ClientAddress &client) const noexcept
{
	if (any_)
		return true;
	if (client.kind != address_.kind)
		return false;
	if (client.kind == ClientAddress::Kind::Unix)
		return any_uid_ || client.uid == address_.uid;
	return same_prefix(client.bytes.data(), address_.bytes.data(), prefix_bits_);
}

} // namespace swpath
