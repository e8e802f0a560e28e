// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/bus_sharing.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "libpath/base/earlier.h"

namespace swpath
{

bool BusSharing::on(const Direct &leg, BusName bus) const
{
	const auto port = ports_.find(leg.port);
	return port != ports_.end() && port->second == bus;
}

bool BusSharing::sees(BusName bus, std::uint64_t disk) const
{
	return std::any_of(directs_.begin(), directs_.end(), [&](const auto &each) {
		return each.second.disk == disk && on(each.second, bus);
	});
}

bool BusSharing::foreign_key(BusName bus) const
{
	return std::any_of(directs_.begin(), directs_.end(), [&](const auto &each) {
		return each.second.foreign_key && on(each.second, bus);
	});
}

bool BusSharing::bus_shared(BusName bus) const
{
	const auto found = buses_.find(bus);
	return found != buses_.end() && (found->second.met || foreign_key(bus));
}

bool BusSharing::may_share() const
{
	return !ports_known_ || std::any_of(buses_.begin(), buses_.end(), [&](const auto &each) {
		const auto &[name, bus] = each;
		const bool marked = bus.mark && bus.mark->server != host_;
		return !bus.told || !bus.why.empty() || marked || bus_shared(name);
	});
}

void BusSharing::decide(BusName name, std::vector<BusOrder> &out)
{
	auto &bus = buses_.at(name);
	const bool others = bus.mark && bus.mark->server != host_;
	// One of this host's own that says so, and was there already, was an answer before pathd
	// was restarted.
	if (bus.mark && (others || bus.answered) && sees(name, bus.mark->disk))
		bus.met = true;
	bus.met = bus.met || std::any_of(others_.begin(), others_.end(),
					 [&](std::uint64_t disk) { return sees(name, disk); });
	if (!bus.told || bus.publishing)
		return;
	// The smallest, so that the order in which disks came makes no other mark.
	std::optional<std::uint64_t> disk;
	for (const auto &[leg, direct] : directs_)
		if (on(direct, name))
			disk = disk ? std::min(*disk, direct.disk) : direct.disk;
	if (!disk)
		return;
	const bool shared = bus_shared(name);
	// The other host may not have all the disks of this one: the answer names what both have.
	if (bus.mark && sees(name, bus.mark->disk))
		disk = bus.mark->disk;
	if (bus.mark) {
		const bool seen = *disk == bus.mark->disk;
		// Its owner may be right, on another bus.
		if (others && !seen)
			return;
		if (seen && (bus.mark->shared || !shared) && !bus.ask_again)
			return;
	}
	bus.publishing = true;
	bus.ask_again = false;
	out.push_back({BusOrder::Kind::Publish, name,
		       HintValue{name, shared, serves_, host_, bus.epoch + 1, *disk}});
}

std::vector<BusOrder> BusSharing::decide_all()
{
	std::vector<BusOrder> out;
	for (auto &[name, bus] : buses_)
		decide(name, out);
	return out;
}

std::vector<BusOrder> BusSharing::port_appears(const std::string &port, BusName bus)
{
	std::vector<BusOrder> out;
	if (const auto known = ports_.find(port); known != ports_.end()) {
		if (known->second == bus)
			return out;
		out = port_goes(port);
	}
	ports_.emplace(port, bus);
	if (buses_.try_emplace(bus).second)
		out.push_back({BusOrder::Kind::Hold, bus, {}});
	decide(bus, out);
	return out;
}

std::vector<BusOrder> BusSharing::port_goes(const std::string &port)
{
	const auto known = ports_.find(port);
	if (known == ports_.end())
		return {};
	const auto bus = known->second;
	ports_.erase(known);
	if (std::any_of(ports_.begin(), ports_.end(),
			[&](const auto &each) { return each.second == bus; }))
		return {};
	buses_.erase(bus);
	return {{BusOrder::Kind::Release, bus, {}}};
}

std::vector<BusOrder> BusSharing::direct_appears(DevNumber leg, const std::string &port,
						 std::uint64_t disk)
{
	const auto known = directs_.find(leg);
	if (known != directs_.end() && known->second.port == port && known->second.disk == disk)
		return {};
	directs_.insert_or_assign(leg, Direct{port, disk, false});
	return decide_all();
}

std::vector<BusOrder> BusSharing::direct_goes(DevNumber leg)
{
	directs_.erase(leg);
	return decide_all();
}

std::vector<BusOrder> BusSharing::keys_seen(DevNumber leg, std::uint64_t own,
					    std::span<const std::uint64_t> registered)
{
	const auto known = directs_.find(leg);
	if (known == directs_.end())
		return {};
	known->second.foreign_key =
		std::any_of(registered.begin(), registered.end(),
			    [&](std::uint64_t key) { return key != own && key != 0; });
	return decide_all();
}

std::vector<BusOrder> BusSharing::mark_told(BusName name, std::optional<HintValue> mark,
					    std::string why)
{
	const auto known = buses_.find(name);
	if (known == buses_.end())
		return {};
	auto &bus = known->second;
	const bool first = !std::exchange(bus.told, true);
	bus.publishing = false;
	// A mark of another bus under this name is damage, whatever its sum says.
	if (mark && mark->bus != name) {
		why = fmt::format("its mark is of bus {}", mark->bus.text());
		mark.reset();
	}
	bus.mark = mark;
	bus.answered = mark && mark->server == host_ && mark->shared && (first || bus.answered);
	bus.ask_again = mark && mark->disputed && (first || bus.ask_again);
	bus.why = std::move(why);
	if (mark)
		bus.epoch = std::max(bus.epoch, mark->epoch);
	std::vector<BusOrder> out;
	decide(name, out);
	return out;
}

std::vector<BusOrder> BusSharing::order_failed(BusName name)
{
	const auto known = buses_.find(name);
	if (known == buses_.end())
		return {};
	known->second.publishing = false;
	std::vector<BusOrder> out;
	decide(name, out);
	return out;
}

std::vector<BusOrder> BusSharing::dispute(const std::string &port)
{
	const auto known = ports_.find(port);
	if (known == ports_.end() || !bus_strange(known->second))
		return {};
	auto &bus = buses_.at(known->second);
	if (bus.mark->disputed || bus.publishing)
		return {};
	auto mark = *bus.mark;
	mark.disputed = true;
	mark.epoch = bus.epoch + 1;
	bus.publishing = true;
	return {{BusOrder::Kind::Publish, known->second, mark}};
}

std::vector<BusOrder> BusSharing::members_see(DiskHashes disks)
{
	if (disks == others_)
		return {};
	others_ = std::move(disks);
	return decide_all();
}

void BusSharing::image_appears(DevNumber leg, Instant now)
{
	images_.try_emplace(leg, now);
}

SeenWorld BusSharing::admit(SeenWorld world) const
{
	// To a unit that exists, a path more adds no disk.
	if (world.unit || !may_share())
		return world;
	// Only a verdict ends the wait: a direct path that is still being checked is about to come.
	if (std::any_of(world.legs.begin(), world.legs.end(), [](const SeenLeg &leg) {
		    return leg.kind == PathKind::DIRECT && leg.alive && leg.settled;
	    }))
		return world;
	for (auto &leg : world.legs) {
		if (leg.kind != PathKind::SERVED)
			continue;
		const auto image = images_.find(leg.number);
		if (image != images_.end() && world.now >= image->second + direct_wait)
			continue;
		leg.proved = false;
		leg.settled = false;
	}
	return world;
}

std::optional<Instant> BusSharing::next(Instant now) const
{
	std::optional<Instant> at;
	for (const auto &[leg, since] : images_)
		if (const auto end = since + direct_wait; end > now)
			at = earlier(at, end);
	return at;
}

bool BusSharing::shared(const std::string &port) const
{
	const auto known = ports_.find(port);
	return known != ports_.end() && bus_shared(known->second);
}

bool BusSharing::bus_strange(BusName name) const
{
	const auto found = buses_.find(name);
	return found != buses_.end() && found->second.mark && found->second.mark->server != host_ &&
	       !sees(name, found->second.mark->disk);
}

bool BusSharing::bus_disputed(BusName name) const
{
	const auto found = buses_.find(name);
	return found != buses_.end() && found->second.mark && found->second.mark->disputed &&
	       sees(name, found->second.mark->disk);
}

bool BusSharing::strange(const std::string &port) const
{
	const auto known = ports_.find(port);
	return known != ports_.end() && (bus_strange(known->second) || bus_disputed(known->second));
}

bool BusSharing::disputed(const std::string &port) const
{
	const auto known = ports_.find(port);
	return known != ports_.end() && bus_disputed(known->second);
}

std::string BusSharing::explain(const std::string &port) const
{
	const auto known = ports_.find(port);
	if (known == ports_.end())
		return {};
	const auto name = known->second;
	const auto &bus = buses_.at(name);
	const auto start = fmt::format("{} is on bus {}: ", port, name.text());
	const auto *remedy = name.derived() ? "give the bus an allocation class"
					    : "give each bus an allocation class of its own";
	if (bus_strange(name))
		return start +
		       fmt::format("host {} has marked it with a disk that this host does not see "
				   "there: two buses have this name, or the disk is not presented "
				   "to this host; {}",
				   bus.mark->server, remedy);
	if (bus_disputed(name))
		return start +
		       fmt::format("{}a host on a bus of this name does not see the disk there "
				   "with which host {} has marked it: two buses have this name, or "
				   "the disk is not presented to that host, which says so in "
				   "`pathctl hints`; {}, and restart pathd here when that is done",
				   bus.met ? "shared, but " : "", bus.mark->server, remedy);
	if (bus.met)
		return start + "shared, another host has told of a disk there that is here too";
	if (foreign_key(name))
		return start + "shared, a reservation key that is not this host's is registered on "
			       "a disk; nobody else's mark can be read: is that host in the same "
			       "cluster, with the same key?";
	if (!bus.told)
		return start + "not known to be shared, the lock space has not told its mark yet";
	if (!bus.mark && !bus.why.empty())
		return start + fmt::format("not known to be shared, {}", bus.why);
	return start + "not known to be shared, nobody else has marked it";
}

} // namespace swpath
