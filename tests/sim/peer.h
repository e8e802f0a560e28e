// SPDX-License-Identifier: GPL-2.0-or-later
/// A machine that serves the disk: the machine, its server's process, its nexus.
#pragma once

#include <string>

#include "server.h"

namespace swpath::sim
{

struct Peer {
	Peer(Context &context, HostId id, Disk &disk, Nanos command_limit)
		: machine(context, "server " + std::to_string(id)),
		  process(context, "nbd " + std::to_string(id)),
		  nexus(context, machine, id, disk, command_limit), server(context, process, nexus)
	{
	}

	/// Off, at once; the target may not notice before the machine is back.
	void power_off()
	{
		process.crash();
		machine.crash();
		server.died(true);
		nexus.host_went_down();
	}
	void power_on()
	{
		if (!machine.up()) {
			machine.start();
			nexus.host_came_up();
		}
		process.start();
	}

	Host machine;
	Host process;
	Nexus nexus;
	Server server;
};

} // namespace swpath::sim
