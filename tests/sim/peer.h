// SPDX-License-Identifier: GPL-2.0-or-later
/// A machine that serves the disk: the machine, its pathd, its server's process, its nexus, or two.
#pragma once

#include <memory>
#include <string>

#include "client_rights.h"
#include "server_key.h"

namespace swpath::sim
{

struct Peer {
	/// From a machine's first nexus to its second.
	static constexpr NexusId second_way = 50;

	Peer(Context &context, HostId id, Disk &disk, Nanos command_limit, bool two_ways)
		: machine(context, "server " + std::to_string(id)),
		  pathd(context, "pathd " + std::to_string(id)),
		  process(context, "nbd " + std::to_string(id)),
		  nexus(context, machine, id, disk, command_limit),
		  second(two_ways ? std::make_unique<Nexus>(context, machine, id + second_way, disk,
							    command_limit)
				  : nullptr),
		  server(context, process, ways()), rights(context, pathd, nexus, server),
		  own_key(context, pathd, ways(), server)
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
		for (auto *way : ways())
			way->host_went_down();
	}
	void power_on()
	{
		if (!machine.up()) {
			machine.start();
			for (auto *way : ways())
				way->host_came_up();
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
		if (check_interval != 0)
			own_key.start(check_interval);
	}
	/// It carries the key of its client's users, from now on.
	void carry()
	{
		carries = true;
		rights.start();
	}
	/// Each nexus has a key of its own, by its own checks, from now on.
	void keep_keys(Nanos interval)
	{
		check_interval = interval;
		server.set_proving([this](const Nexus &way) { return own_key.proved(way); });
		own_key.start(check_interval);
	}
	/// What its pathd attests: it has a path of its own that is proved.
	[[nodiscard]] bool proved() const { return server.proved(server.nexus()); }
	void thaw()
	{
		machine.thaw();
		pathd.thaw();
		process.thaw();
	}

	/// In the order in which it prefers them.
	[[nodiscard]] std::vector<Nexus *> ways()
	{
		std::vector<Nexus *> all{&nexus};
		if (second)
			all.push_back(second.get());
		return all;
	}

	Host machine;
	Host pathd;
	Host process;
	Nexus nexus;
	std::unique_ptr<Nexus> second;
	Server server;
	ClientRights rights;
	ServerKey own_key;
	bool carries = false;
	Nanos check_interval = 0; ///< of its nexuses; 0: it keeps no keys
};

} // namespace swpath::sim
