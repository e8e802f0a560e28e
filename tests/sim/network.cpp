// SPDX-License-Identifier: GPL-2.0-or-later
#include "network.h"

#include <algorithm>
#include <utility>

namespace swpath::sim
{

void Network::deliver(Way &way, Schedule::What what)
{
	Nanos delay = context_.random.between(50 * us, 500 * us);
	if (loss_ > 0 && context_.random.chance(loss_))
		delay += context_.random.between(200 * ms, 800 * ms); // retransmission, RFC 6298
	way.last = std::max(way.last + 1, context_.schedule.now() + delay);
	context_.schedule.at(way.last, std::move(what));
}

void Network::send(HostId from, HostId to, Schedule::What what)
{
	auto &way = ways_[{from, to}];
	if (way.cut)
		way.waiting.push_back(std::move(what));
	else
		deliver(way, std::move(what));
}

void Network::cut(HostId from, HostId to)
{
	context_.trace.say("network", "{} to {} is cut", from, to);
	ways_[{from, to}].cut = true;
}

void Network::heal(HostId from, HostId to)
{
	auto &way = ways_[{from, to}];
	if (!way.cut)
		return;
	context_.trace.say("network", "{} to {} heals, {} messages arrive late", from, to,
			   way.waiting.size());
	way.cut = false;
	for (auto &what : std::exchange(way.waiting, {}))
		deliver(way, std::move(what));
}

} // namespace swpath::sim
