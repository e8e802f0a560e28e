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
		EXPECT_EQ(::bind(listener.get(), address(), sizeof(to)), 0);
		EXPECT_EQ(::listen(listener.get(), 1), 0);
		socklen_t size = sizeof(to);
		EXPECT_EQ(::getsockname(listener.get(), address(), &size), 0);
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
