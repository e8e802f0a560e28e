// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/unit/nbd_endpoint.h"

#include <algorithm>

#include <fmt/core.h>

#include "libpath/base/text.h"

namespace swpath
{
namespace
{

/// sockaddr_un.sun_path, less its NUL.
constexpr std::size_t unix_path_bytes_max = 107;
constexpr std::size_t host_bytes_max = 253;

auto invalid(std::string_view text, std::string_view why)
{
	return fail(EINVAL, fmt::format("server '{}' {}", text, why));
}

} // namespace

std::string NbdEndpoint::text() const
{
	if (host.empty())
		return "unix:" + unix_path;
	if (host.find(':') != std::string::npos)
		return fmt::format("[{}]:{}", host, port);
	return fmt::format("{}:{}", host, port);
}

Result<NbdEndpoint> NbdEndpoint::parse(std::string_view text)
{
	NbdEndpoint endpoint;
	constexpr std::string_view unix_prefix = "unix:";
	// No host is called "unix": with its port it would be read as a socket.
	if (text == "unix" || text.starts_with(unix_prefix)) {
		endpoint.port = 0;
		endpoint.unix_path = text.substr(std::min(text.size(), unix_prefix.size()));
		if (!endpoint.unix_path.starts_with('/'))
			return invalid(text, "has no absolute socket path");
		if (endpoint.unix_path.size() > unix_path_bytes_max)
			return invalid(text, fmt::format("has a socket path of more than {} bytes",
							 unix_path_bytes_max));
		return endpoint;
	}

	auto host = text;
	std::string_view port;
	bool has_port = false;
	if (text.starts_with('[')) {
		const auto close = text.find(']');
		if (close == std::string_view::npos)
			return invalid(text, "has '[' without ']'");
		host = text.substr(1, close - 1);
		auto rest = text.substr(close + 1);
		if (!rest.empty()) {
			if (rest[0] != ':')
				return invalid(text, "has something other than a port after ']'");
			port = rest.substr(1);
			has_port = true;
		}
		if (host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
			return invalid(text, "has no IPv6 address in its brackets");
	} else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
		if (text.find(':', colon + 1) != std::string_view::npos)
			return invalid(text, "has several ':' (write an IPv6 address in [])");
		host = text.substr(0, colon);
		port = text.substr(colon + 1);
		has_port = true;
	}

	if (host.empty())
		return invalid(text, "has no host");
	if (host.size() > host_bytes_max ||
	    host.find_first_of(" \t\r\n/\\\"'[]@#?") != std::string_view::npos)
		return invalid(text, "has no valid host name");
	if (has_port) {
		const auto number = parse_number<std::uint16_t>(port);
		if (!number || *number == 0)
			return invalid(text, "has no port from 1 to 65535");
		endpoint.port = *number;
	}
	endpoint.host = host;
	return endpoint;
}

} // namespace swpath
