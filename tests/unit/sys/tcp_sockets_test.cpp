// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/tcp_sockets.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "tests/unit/sys/half_dead_process.h"
#include "tests/unit/sys/loopback_connection.h"

namespace swpath
{
namespace
{

/// A listening socket on the port, as nbdkit makes one: SO_REUSEADDR passes over what is closed,
/// not over a listener.
int listen_on_port(const sockaddr_in &to)
{
	const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	const int yes = 1;
	(void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (::bind(fd.get(), reinterpret_cast<const sockaddr *>(&to), sizeof(to)) != 0)
		return errno;
	return ::listen(fd.get(), 1) != 0 ? errno : 0;
}

TEST(TcpSockets, OfAProcessThatDoesNotEndAreTakenFromItWithItsPort)
{
	test::LoopbackConnection its;
	const test::HalfDeadProcess stuck([] { return true; });
	its.listener = UniqueFd(); // the process has it
	const test::LoopbackConnection other;
	EXPECT_EQ(listen_on_port(its.to), EADDRINUSE);
	const auto ended = end_tcp_sockets_of(stuck.pid());
	if (!ended)
		GTEST_SKIP() << "this kernel, or this user, cannot: " << ended.error().message();
	EXPECT_GE(*ended, 2U);
	EXPECT_FALSE(its.is_connected());
	EXPECT_EQ(listen_on_port(its.to), 0);
	EXPECT_TRUE(other.is_connected());
	EXPECT_EQ(end_tcp_sockets_of(stuck.pid()), 0U);
	EXPECT_EQ(listen_on_port(other.to), EADDRINUSE);
}

} // namespace
} // namespace swpath
