// SPDX-License-Identifier: GPL-2.0-or-later
/// A TCP connection over the loopback.
#pragma once

#include <cstdint>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "libpath/base/unique_fd.h"

namespace swpath::test
{

struct LoopbackConnection {
	LoopbackConnection()
	{
		socklen_t size = sizeof(to);
		{
			const UniqueFd first(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
			EXPECT_EQ(::bind(first.get(), address(), sizeof(to)), 0);
			EXPECT_EQ(::getsockname(first.get(), address(), &size), 0);
		}
		// As a server has it: the port is asked for by its number, so the kernel keeps it
		// bound when the socket is aborted (SOCK_BINDPORT_LOCK).
		const int yes = 1;
		(void)::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
		EXPECT_EQ(::bind(listener.get(), address(), sizeof(to)), 0);
		EXPECT_EQ(::listen(listener.get(), 1), 0);
		EXPECT_EQ(::connect(client.get(), address(), sizeof(to)), 0);
		sockaddr_in own{};
		EXPECT_EQ(::getsockname(client.get(), reinterpret_cast<sockaddr *>(&own), &size),
			  0);
		local_port = ntohs(own.sin_port);
	}
	sockaddr *address() { return reinterpret_cast<sockaddr *>(&to); }
	[[nodiscard]] bool is_connected() const
	{
		return ::send(client.get(), "x", 1, MSG_NOSIGNAL) == 1;
	}

	UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	sockaddr_in to{.sin_family = AF_INET,
		       .sin_port = 0,
		       .sin_addr = {htonl(INADDR_LOOPBACK)},
		       .sin_zero = {}};
	std::uint16_t local_port = 0;
};

} // namespace swpath::test
