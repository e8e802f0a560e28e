// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/server_socket.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "libpath/sys/process_state.h"

namespace swpath
{

Result<SocketAddress> socket_address(const std::string &path)
{
	SocketAddress address;
	if (path.empty() || path.find('\0') != path.npos)
		return fail(EINVAL, "name of socket");
	if (path.size() >= sizeof(address.name.sun_path))
		return fail(ENAMETOOLONG, fmt::format("socket '{}'", path));
	address.name.sun_family = AF_UNIX;
	std::memcpy(address.name.sun_path, path.c_str(), path.size() + 1);
	address.length = socklen_t(offsetof(sockaddr_un, sun_path) + path.size() + 1);
	return address;
}

namespace
{

/// The kernel takes connections for a process that was killed until it is gone.
bool server_has_ended(const UniqueFd &connection)
{
	struct ucred peer {
	};
	socklen_t length = sizeof(peer);
	return ::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
	       process_has_ended(peer.pid);
}

} // namespace

Result<void> remove_dead_socket(const std::string &path)
{
	const auto address = socket_address(path);
	if (!address)
		return tl::unexpected(address.error());
	struct stat what {
	};
	if (::lstat(path.c_str(), &what) < 0)
		return errno == ENOENT ? Result<void>()
				       : fail(errno, fmt::format("stat '{}'", path));
	if (!S_ISSOCK(what.st_mode))
		return fail(EADDRINUSE, fmt::format("'{}' is not a socket", path));
	const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (!probe)
		return fail(errno, "socket");
	const bool connected = ::connect(probe.get(), address->get(), address->length) == 0;
	if (!connected && errno != EAGAIN && errno != ECONNREFUSED)
		return fail(errno, fmt::format("connect to '{}'", path));
	if ((connected && !server_has_ended(probe)) || (!connected && errno == EAGAIN))
		return fail(EADDRINUSE, fmt::format("another server answers on '{}'", path));
	if (::unlink(path.c_str()) < 0 && errno != ENOENT)
		return fail(errno, fmt::format("remove '{}'", path));
	return {};
}

namespace
{

/// Before listen(2), so that nobody connects with other rights than these.
Result<void> set_rights(const std::string &path, const std::string &group)
{
	const struct group *entry = group.empty() ? nullptr : ::getgrnam(group.c_str());
	const bool given =
		entry && ::lchown(path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) == 0;
	if (::chmod(path.c_str(), given ? 0660 : 0600) < 0)
		return fail(errno, fmt::format("chmod '{}'", path));
	return {};
}

} // namespace

Result<UniqueFd> listen_on(const std::string &path, const std::string &group)
{
	const auto address = socket_address(path);
	if (!address)
		return tl::unexpected(address.error());
	if (auto room = remove_dead_socket(path); !room)
		return tl::unexpected(std::move(room.error()));
	UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (!fd)
		return fail(errno, "socket");
	if (::bind(fd.get(), address->get(), address->length) < 0)
		return fail(errno, fmt::format("bind '{}'", path));
	if (auto rights = set_rights(path, group); !rights)
		return tl::unexpected(std::move(rights.error()));
	if (::listen(fd.get(), 16) < 0)
		return fail(errno, fmt::format("listen on '{}'", path));
	return fd;
}

} // namespace swpath
