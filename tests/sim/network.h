// SPDX-License-Identifier: GPL-2.0-or-later
/// The network between the client and its servers. Each direction of each pair is in order, as TCP
/// is; loss costs a retransmission, and what is sent into a cut waits there and arrives when the
/// cut heals, even if its sender has given up meanwhile.
#pragma once

#include <map>
#include <vector>

#include "context.h"

namespace swpath::sim
{

using HostId = unsigned;

class Network
{
public:
	explicit Network(Context &context) : context_(context) {}

	void send(HostId from, HostId to, Schedule::What deliver);
	void cut(HostId from, HostId to);
	void heal(HostId from, HostId to);
	void set_loss(double loss) { loss_ = loss; }

private:
	struct Way {
		bool cut = false;
		Nanos last = 0; ///< delivery of the latest message
		std::vector<Schedule::What> waiting;
	};

	void deliver(Way &way, Schedule::What what);

	Context &context_;
	std::map<std::pair<HostId, HostId>, Way> ways_;
	double loss_ = 0;
};

} // namespace swpath::sim
