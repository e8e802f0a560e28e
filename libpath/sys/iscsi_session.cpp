// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/iscsi_session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include "libpath/base/text.h"
#include "libpath/sys/file.h"
#include "libpath/sys/sysfs.h"
#include "libpath/sys/tcp_sockets.h"

namespace swpath
{
namespace fs = std::filesystem;

bool is_iscsi(std::string_view syspath)
{
	return syspath.find("/session") != std::string_view::npos;
}

std::vector<IscsiConnection> iscsi_connections(std::string_view sysname, const std::string &sys)
{
	std::error_code error;
	auto up = fs::canonical(fmt::format("{}/block/{}/device", sys, sysname), error);
	while (!error && up.has_relative_path() && !up.filename().string().starts_with("session"))
		up = up.parent_path();
	std::vector<IscsiConnection> connections;
	if (error || !up.has_relative_path())
		return connections;
	for (const auto &name : names_or_none(up.string())) {
		if (!name.starts_with("connection"))
			continue;
		const auto attribute = [&](const char *called) {
			const auto read = read_attribute(
				(up / name / "iscsi_connection" / name / called).string());
			return read.value_or("");
		};
		IscsiConnection connection;
		connection.address = attribute("address");
		connection.port = parse_number<std::uint16_t>(attribute("port")).value_or(0);
		connection.local_port =
			parse_number<std::uint16_t>(attribute("local_port")).value_or(0);
		if (!connection.address.empty() && connection.port != 0)
			connections.push_back(std::move(connection));
	}
	return connections;
}

Result<void> cut_iscsi_session(const std::vector<IscsiConnection> &connections)
{
	unsigned sockets = 0;
	for (const auto &connection : connections) {
		std::array<std::uint8_t, 16> address{};
		const bool six = connection.address.find(':') != std::string::npos;
		const int family = six ? AF_INET6 : AF_INET;
		if (::inet_pton(family, connection.address.c_str(), address.data()) != 1)
			return fail(EINVAL,
				    fmt::format("target's address '{}'", connection.address));
		// One, or several to the target's port if the kernel does not tell which is the
		// session's.
		const auto ended = end_tcp_sockets([&](const TcpSocket &each) {
			return !each.listens && each.family == family &&
			       each.peer_port == connection.port &&
			       (connection.local_port == 0 ||
				each.local_port == connection.local_port) &&
			       std::equal(address.begin(), address.begin() + (six ? 16 : 4),
					  each.peer.begin());
		});
		if (!ended)
			return tl::unexpected(ended.error());
		sockets += *ended;
	}
	if (sockets == 0)
		return fail(ENOTCONN, "the iSCSI session has no connection");
	return {};
}

} // namespace swpath
