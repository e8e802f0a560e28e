// SPDX-License-Identifier: GPL-2.0-or-later
/// What brings memberships and messages to the hosts of a churn run.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "host.h"
#include "tests/sim/network.h"

namespace swpath::sim
{

/// What of the world the engines look at.
struct Fabric {
	Context &context;
	std::vector<std::unique_ptr<ClusterHost>> hosts;
	std::set<std::pair<unsigned, unsigned>> cuts; ///< from, to
	std::set<unsigned> down;                      ///< machines without power

	/// Packets go both ways.
	[[nodiscard]] bool connected(unsigned a, unsigned b) const
	{
		return !down.contains(a) && !down.contains(b) && !cuts.contains({a, b}) &&
		       !cuts.contains({b, a});
	}
};

class ClusterEngine
{
public:
	explicit ClusterEngine(Fabric &fabric) : fabric_(fabric) {}
	virtual ~ClusterEngine() = default;
	ClusterEngine(const ClusterEngine &) = delete;
	ClusterEngine &operator=(const ClusterEngine &) = delete;

	/// A process was started on the host.
	virtual void started(ClusterHost &host) = 0;
	/// The process of this member is gone.
	virtual void stopped(unsigned host, const Member &member) = 0;
	/// A cut, a mended cut, a machine without power or with it.
	virtual void fabric_changed() = 0;
	virtual void send(ClusterHost &from, const RecoveryFrame &frame) = 0;
	/// The recovery of `host` has left out a member that is silent.
	virtual void left_out(ClusterHost &, const Member &) {}

protected:
	Fabric &fabric_;
};

/// As corosync: one order of messages and changes for all in a ring; a process that died may stay
/// in the list (`ghosts`), with or without its host.
[[nodiscard]] std::unique_ptr<ClusterEngine> make_agreed_engine(Fabric &fabric, bool ghosts);
/// The engine `static`: the real one over connections, of which each is in order by itself.
[[nodiscard]] std::unique_ptr<ClusterEngine> make_static_engine(Fabric &fabric, Network &network);

} // namespace swpath::sim
