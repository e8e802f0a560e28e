// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include <netinet/in.h>
#include <sys/socket.h>

#include "libpath/control/peer_link.h"

namespace swpath
{

/// Of 127.0.0.1: nobody listens at it now.
inline std::uint16_t free_port()
{
	const auto socket = listen_for_peers("127.0.0.1", 0);
	sockaddr_in address{};
	socklen_t bytes = sizeof(address);
	getsockname(socket->get(), reinterpret_cast<sockaddr *>(&address), &bytes);
	return ntohs(address.sin_port);
}

} // namespace swpath
