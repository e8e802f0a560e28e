// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/tcp_sockets.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "libpath/base/text.h"
#include "libpath/base/unique_fd.h"
#include "libpath/sys/file.h"

namespace swpath
{
namespace
{

/// States are numbered from 1; what is closed already is of no interest.
constexpr std::uint32_t live_states = 0xfff & ~(1U << TCP_CLOSE);

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
	request.idiag_states = live_states;
	return request;
}

TcpSocket socket_of(const inet_diag_msg &message)
{
	TcpSocket socket;
	socket.family = message.idiag_family;
	socket.listens = message.idiag_state == TCP_LISTEN;
	socket.local_port = ntohs(message.id.idiag_sport);
	socket.peer_port = ntohs(message.id.idiag_dport);
	std::memcpy(socket.peer.data(), message.id.idiag_dst, socket.peer.size());
	socket.inode = message.idiag_inode;
	return socket;
}

/// The sockets that a process holds, whichever of its threads still does.
std::set<std::uint64_t> socket_inodes_of(pid_t pid)
{
	constexpr std::string_view kind = "socket:[";
	std::set<std::uint64_t> inodes;
	const auto tasks = fmt::format("/proc/{}/task", pid);
	for (const auto &task : names_or_none(tasks)) {
		const auto fds = fmt::format("{}/{}/fd", tasks, task);
		for (const auto &fd : names_or_none(fds)) {
			std::error_code error;
			const auto to =
				std::filesystem::read_symlink(fds + "/" + fd, error).string();
			if (!to.starts_with(kind) || !to.ends_with(']'))
				continue;
			if (const auto inode =
				    parse_number<std::uint64_t>(std::string_view(to).substr(
					    kind.size(), to.size() - kind.size() - 1)))
				inodes.insert(*inode);
		}
	}
	return inodes;
}

} // namespace

Result<unsigned> end_tcp_sockets(const std::function<bool(const TcpSocket &)> &is_meant)
{
	const auto fd = open_diag();
	if (!fd)
		return tl::unexpected(fd.error());
	unsigned ended = 0;
	for (const std::uint8_t family : {AF_INET, AF_INET6}) {
		std::vector<inet_diag_sockid> meant;
		auto done = send(fd->get(), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request_for(family));
		if (done)
			done = receive(fd->get(), [&](const inet_diag_msg &each) {
				if (is_meant(socket_of(each)))
					meant.push_back(each.id);
			});
		if (!done)
			return tl::unexpected(done.error());
		for (const auto &id : meant) {
			auto request = request_for(family);
			request.id = id;
			done = send(fd->get(), SOCK_DESTROY, NLM_F_ACK, request);
			if (done)
				done = receive(fd->get(), [](const inet_diag_msg &) {});
			// It has ended by itself meanwhile.
			if (!done && done.error().code != std::errc::no_such_file_or_directory)
				return tl::unexpected(done.error());
			ended++;
		}
	}
	return ended;
}

Result<unsigned> end_tcp_sockets_of(pid_t pid)
{
	const auto inodes = socket_inodes_of(pid);
	return end_tcp_sockets([&](const TcpSocket &each) { return inodes.contains(each.inode); });
}

void prepare_to_end_tcp_sockets()
{
	(void)end_tcp_sockets([](const TcpSocket &) { return false; });
}

} // namespace swpath
