// SPDX-License-Identifier: GPL-2.0-or-later
/// A machine that serves the disk: the machine, its pathd, its server's process, its nexus.
#pragma once

#include <string>

#include "client_rights.h"

namespace swpath::sim
{

struct Peer {
	Peer(Context &context, HostId id, Disk &disk, Nanos command_limit)
		: machine(context, "server " + std::to_string(id)),
		  pathd(context, "pathd " + std::to_string(id)),
		  process(context, "nbd " + std::to_string(id)),
		  nexus(context, machine, id, disk, command_limit), server(context, process, nexus),
		  rights(context, pathd, nexus, server)
	{
	}

	/// Off, at once; the target may not notice before the machine is back.
	void power_off()
	{
		process.crash();
		pathd.crash();
		machine.crash();
		server.died(true);
		rights.machine_went_down();
		nexus.host_went_down();
	}
	void power_on()
	{
		if (!machine.up()) {
			machine.start();
			nexus.host_came_up();
		}
		process.start();
		start_pathd();
	}
	void start_pathd()
	{
		if (pathd.up())
			return;
		pathd.start();
		if (carries)
			rights.start();
	}
	/// It carries the key of its client's users, from now on.
	void carry()
	{
		carries = true;
		rights.start();
	}
	void thaw()
	{
		machine.thaw();
		pathd.thaw();
		process.thaw();
	}

	Host machine;
	Host pathd;
	Host process;
	Nexus nexus;
	Server server;
	ClientRights rights;
	bool carries = false;
};

} // namespace swpath::sim
