// SPDX-License-Identifier: LGPL-2.1-or-later
/// Preloaded into nbdkit: a client that hangs up is an end of input, never a failed call.
///
/// nbdkit 1.32 (Debian 12) aborts with "raw_send_socket: Assertion `sock >= 0' failed" if one of a
/// connection's threads fails to send or to receive while another waits to send a reply: the first
/// one takes the socket away. One client that dies, or one revocation, would end the serving of all
/// disks. Seen here with sixteen writers; only without TLS, whose functions do not take the socket
/// away. So a reply to a client that is gone is dropped, and a connection that broke reads as one
/// that ended: nbdkit then closes it in the orderly way.
///
/// And: nbdkit asks the kernel to be ended with the thread that started it. A server outlives the
/// pathd that started it, or the clients would lose their disks whenever that is restarted.
#include <cerrno>
#include <cstdarg>

#include <linux/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace
{

bool is_hangup(int error) noexcept
{
	switch (error) {
	case EPIPE:
	case ECONNRESET:
	case ECONNABORTED:
	case ENOTCONN:
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
		return true;
	default:
		return false;
	}
}

} // namespace

extern "C" {

/// The plugin looks for this to know that the library is there.
__attribute__((visibility("default"))) extern const int swpath_hangup = 1;

__attribute__((visibility("default"))) ssize_t send(int fd, const void *bytes, size_t count,
						    int flags)
{
	const auto sent = ::syscall(SYS_sendto, fd, bytes, count, flags | MSG_NOSIGNAL, nullptr, 0);
	return sent < 0 && is_hangup(errno) ? static_cast<ssize_t>(count) : sent;
}

/// What nbdkit receives with. Only a socket's read fails like this.
__attribute__((visibility("default"))) ssize_t read(int fd, void *bytes, size_t count)
{
	const auto got = ::syscall(SYS_read, fd, bytes, count);
	return got < 0 && is_hangup(errno) ? 0 : got;
}

__attribute__((visibility("default"))) int prctl(int option, ...)
{
	if (option == PR_SET_PDEATHSIG)
		return 0;
	va_list list;
	va_start(list, option);
	unsigned long value[4];
	for (auto &each : value)
		each = va_arg(list, unsigned long);
	va_end(list);
	return static_cast<int>(
		::syscall(SYS_prctl, option, value[0], value[1], value[2], value[3]));
}
}
