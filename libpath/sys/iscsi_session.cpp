// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/iscsi_session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "libpath/base/text.h"
#include "libpath/base/unique_fd.h"
#include "libpath/sys/sysfs.h"

namespace swpath
{
namespace
{

namespace fs = std::filesystem;

/// TCP's states are numbered from 1; those without a connection are of no interest.
constexpr std::uint32_t connected_states = 0xfff & ~(1U << 7 | 1U << 10); // CLOSE, LISTEN

struct Request {
	nlmsghdr header;
	inet_diag_req_v2 body;
};

Result<UniqueFd> open_diag()
{
	UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
	if (!fd)
		return fail(errno, "sock_diag socket");
	// The kernel answers within the call; this is for a reply that is lost.
	const timeval limit{1, 0};
	(void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

Result<void> send(int fd, std::uint16_t type, std::uint16_t flags, const inet_diag_req_v2 &body)
{
	Request request{};
	request.header.nlmsg_len = sizeof(request);
	request.header.nlmsg_type = type;
	request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
	request.body = body;
	if (::send(fd, &request, sizeof(request), 0) < 0)
		return fail(errno, "ask sock_diag");
	return {};
}

/// Calls back for each socket, until the end of the dump or the acknowledgement.
template <class Each>
Result<void> receive(int fd, Each &&each)
{
	alignas(nlmsghdr) std::array<char, 16384> buffer{};
	for (;;) {
		const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(errno, "hear from sock_diag");
		auto left = static_cast<unsigned>(got);
		for (auto *header = reinterpret_cast<nlmsghdr *>(buffer.data());
		     NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
			if (header->nlmsg_type == NLMSG_DONE)
				return {};
			if (header->nlmsg_type == NLMSG_ERROR) {
				nlmsgerr error{};
				std::memcpy(&error, NLMSG_DATA(header), sizeof(error));
				if (error.error != 0)
					return fail(-error.error, "sock_diag");
				return {};
			}
			if (header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)))
				return fail(EBADMSG, "hear from sock_diag");
			inet_diag_msg message{};
			std::memcpy(&message, NLMSG_DATA(header), sizeof(message));
			each(message);
		}
	}
}

inet_diag_req_v2 request_for(std::uint8_t family)
{
	inet_diag_req_v2 request{};
	request.sdiag_family = family;
	request.sdiag_protocol = IPPROTO_TCP;
	request.idiag_states = connected_states;
	return request;
}

/// The sockets of a connection: one, or several to the target's port if the kernel does not tell
/// which is the session's.
Result<unsigned> cut(int fd, const IscsiConnection &connection)
{
	std::array<std::uint8_t, 16> address{};
	const bool six = connection.address.find(':') != std::string::npos;
	const std::uint8_t family = six ? AF_INET6 : AF_INET;
	if (::inet_pton(family, connection.address.c_str(), address.data()) != 1)
		return fail(EINVAL, fmt::format("target's address '{}'", connection.address));
	std::vector<inet_diag_sockid> found;
	if (auto sent = send(fd, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request_for(family)); !sent)
		return tl::unexpected(sent.error());
	auto listed = receive(fd, [&](const inet_diag_msg &each) {
		if (each.id.idiag_dport == htons(connection.port) &&
		    (connection.local_port == 0 ||
		     each.id.idiag_sport == htons(connection.local_port)) &&
		    std::memcmp(each.id.idiag_dst, address.data(), six ? 16 : 4) == 0)
			found.push_back(each.id);
	});
	if (!listed)
		return tl::unexpected(listed.error());
	unsigned cut = 0;
	for (const auto &id : found) {
		auto request = request_for(family);
		request.id = id;
		auto done = send(fd, SOCK_DESTROY, NLM_F_ACK, request);
		if (done)
			done = receive(fd, [](const inet_diag_msg &) {});
		// It has ended by itself meanwhile.
		if (!done && done.error().code != std::errc::no_such_file_or_directory)
			return tl::unexpected(done.error());
		cut++;
	}
	return cut;
}

} // namespace

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
	for (const auto &entry : fs::directory_iterator(up, error)) {
		const auto name = entry.path().filename().string();
		if (!name.starts_with("connection"))
			continue;
		const auto attribute = [&](const char *called) {
			const auto read = read_attribute(
				(entry.path() / "iscsi_connection" / name / called).string());
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
	const auto fd = open_diag();
	if (!fd)
		return tl::unexpected(fd.error());
	unsigned sockets = 0;
	for (const auto &connection : connections) {
		const auto done = cut(fd->get(), connection);
		if (!done)
			return tl::unexpected(done.error());
		sockets += *done;
	}
	if (sockets == 0)
		return fail(ENOTCONN, "the iSCSI session has no connection");
	return {};
}

void prepare_iscsi_cut()
{
	const auto fd = open_diag();
	if (fd && send(fd->get(), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request_for(AF_INET)))
		(void)receive(fd->get(), [](const inet_diag_msg &) {});
}

} // namespace swpath
