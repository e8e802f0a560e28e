// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/connection_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "libpath/base/text.h"
#include "libpath/sys/file.h"

namespace swpath
{
namespace
{

bool is_connected_stream(int fd)
{
	int value = 0;
	socklen_t bytes = sizeof(value);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &bytes) < 0 || value != SOCK_STREAM)
		return false;
	bytes = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &bytes) == 0 && value == 0;
}

/// Who is at the other end; nothing if that cannot be told any more.
std::optional<sockaddr_storage> peer_of(int fd)
{
	sockaddr_storage peer{};
	socklen_t bytes = sizeof(peer);
	if (getpeername(fd, reinterpret_cast<sockaddr *>(&peer), &bytes) < 0)
		return std::nullopt;
	return peer;
}

/// Duplicates of the sockets that fit. Descriptors come and go while this looks: the duplicate is
/// what is judged, so that it cannot change its meaning.
Result<std::vector<UniqueFd>> find_sockets(const std::function<bool(int)> &fits)
{
	std::vector<UniqueFd> found;
	std::vector<int> numbers;
	const auto names = names_in("/proc/self/fd");
	if (!names)
		return tl::unexpected(names.error());
	for (const auto &name : *names)
		if (const auto number = parse_number<unsigned>(name))
			numbers.push_back(static_cast<int>(*number));
	std::sort(numbers.begin(), numbers.end());
	for (const int number : numbers) {
		struct stat what {
		};
		if (::fstat(number, &what) < 0 || !S_ISSOCK(what.st_mode))
			continue;
		UniqueFd kept(::fcntl(number, F_DUPFD_CLOEXEC, 0));
		if (!kept && errno == EMFILE)
			return fail(EMFILE, "keep the connection's socket");
		if (kept && is_connected_stream(kept.get()) && fits(kept.get()))
			found.push_back(std::move(kept));
	}
	return found;
}

} // namespace

bool same_peer(const sockaddr_storage &seen, const sockaddr *peer) noexcept
{
	if (seen.ss_family != peer->sa_family)
		return false;
	if (peer->sa_family == AF_INET) {
		const auto &a = reinterpret_cast<const sockaddr_in &>(seen);
		const auto *b = reinterpret_cast<const sockaddr_in *>(peer);
		return a.sin_port == b->sin_port && a.sin_addr.s_addr == b->sin_addr.s_addr;
	}
	const auto &a = reinterpret_cast<const sockaddr_in6 &>(seen);
	const auto *b = reinterpret_cast<const sockaddr_in6 *>(peer);
	return a.sin6_port == b->sin6_port &&
	       std::memcmp(&a.sin6_addr, &b->sin6_addr, sizeof(a.sin6_addr)) == 0;
}

Result<std::vector<sockaddr_storage>> tcp_peers()
{
	std::vector<sockaddr_storage> peers;
	const auto looked = find_sockets([&](int fd) {
		const auto seen = peer_of(fd);
		if (seen && (seen->ss_family == AF_INET || seen->ss_family == AF_INET6))
			peers.push_back(*seen);
		return false; // not to be kept
	});
	if (!looked)
		return tl::unexpected(looked.error());
	return peers;
}

Result<UniqueFd> find_tcp_socket(const sockaddr *peer)
{
	auto found = find_sockets([&](int fd) {
		const auto seen = peer_of(fd);
		return seen && same_peer(*seen, peer);
	});
	if (!found)
		return tl::unexpected(std::move(found.error()));
	if (found->empty())
		return fail(ENOENT, "find the connection's socket");
	return std::move(found->front());
}

void end_tcp_connections(const std::vector<sockaddr_storage> &peers)
{
	if (peers.empty())
		return;
	(void)find_sockets([&](int fd) {
		const auto seen = peer_of(fd);
		if (seen && std::any_of(peers.begin(), peers.end(), [&](const auto &each) {
			    return same_peer(*seen, reinterpret_cast<const sockaddr *>(&each));
		    }))
			(void)::shutdown(fd, SHUT_RDWR);
		return false; // not to be kept
	});
}

Result<std::vector<UniqueFd>> find_unix_sockets(pid_t pid, const std::string &except)
{
	return find_sockets([&](int fd) {
		sockaddr_un own{};
		socklen_t bytes = sizeof(own);
		// One that was accepted has the listener's name.
		if (getsockname(fd, reinterpret_cast<sockaddr *>(&own), &bytes) < 0 ||
		    own.sun_family != AF_UNIX || bytes <= offsetof(sockaddr_un, sun_path) ||
		    own.sun_path == except)
			return false;
		ucred peer{};
		bytes = sizeof(peer);
		return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 &&
		       peer.pid == pid;
	});
}

ino_t socket_inode(const UniqueFd &socket) noexcept
{
	struct stat what {
	};
	return ::fstat(socket.get(), &what) == 0 ? what.st_ino : 0;
}

void end_connection(const UniqueFd &socket) noexcept
{
	(void)::shutdown(socket.get(), SHUT_RDWR); // ENOTCONN: it has ended already
}

} // namespace swpath
