// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/hint_keeper.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include "libpath/base/earlier.h"

namespace swpath
{

void HintKeeper::obey(const std::vector<BusOrder> &orders)
{
	for (const auto &order : orders) {
		const auto name = order.bus.lock_name();
		switch (order.kind) {
		case BusOrder::Kind::Hold:
			buses_.try_emplace(order.bus);
			if (ready_)
				orders_.push_back({LockOrderKind::Hold, name, {}, {}});
			break;
		case BusOrder::Kind::Release:
			buses_.erase(order.bus);
			if (ready_)
				orders_.push_back({LockOrderKind::Release, name, {}, {}});
			break;
		case BusOrder::Kind::Publish: {
			// Not held: when it is, its mark is told, and this is decided anew.
			const auto bytes = order.mark->encode();
			if (bytes && ready_ && buses_.at(order.bus).held)
				orders_.push_back(
					{LockOrderKind::Publish, name, *bytes, publish_limit});
			break;
		}
		}
	}
	note_sharing();
}

void HintKeeper::note_sharing()
{
	for (const auto &[port, leads_to] : known_)
		if (const bool shared = sharing_.shared(port);
		    std::exchange(shared_told_[port], shared) != shared)
			news_.push_back(sharing_.explain(port));
}

void HintKeeper::follow_ports()
{
	const auto ports = ports_.ports();
	for (const auto &[port, leads_to] : std::exchange(known_, ports))
		if (!ports.contains(port)) {
			shared_told_.erase(port);
			obey(sharing_.port_goes(port));
		}
	for (const auto &[port, leads_to] : ports)
		obey(sharing_.port_appears(port, leads_to.bus));
}

void HintKeeper::direct_proved(DevNumber leg, const std::string &port, std::string_view by_path,
			       const Identity &identity)
{
	ports_.leg_seen(leg, port, by_path, identity);
	follow_ports();
	obey(sharing_.direct_appears(leg, port, disk_hash(identity)));
}

void HintKeeper::direct_goes(DevNumber leg)
{
	ports_.leg_goes(leg);
	obey(sharing_.direct_goes(leg));
	follow_ports();
}

void HintKeeper::keys_seen(DevNumber leg, std::span<const std::uint64_t> own,
			   std::vector<std::uint64_t> registered)
{
	std::erase_if(registered, [&](std::uint64_t key) {
		return std::find(own.begin(), own.end(), key) != own.end();
	});
	obey(sharing_.keys_seen(leg, 0, registered));
}

void HintKeeper::members_see(DiskHashes disks)
{
	obey(sharing_.members_see(std::move(disks)));
}

void HintKeeper::space_ready()
{
	ready_ = true;
	orders_.clear();
	for (const auto &[name, bus] : buses_)
		orders_.push_back({LockOrderKind::Hold, name.lock_name(), {}, {}});
}

void HintKeeper::space_gone()
{
	ready_ = false;
	orders_.clear();
	for (auto &[name, bus] : buses_) {
		bus.held = false;
		bus.retry.reset();
	}
}

void HintKeeper::take(const LockEvent &event, Instant now)
{
	const auto found = std::find_if(buses_.begin(), buses_.end(), [&](const auto &each) {
		return each.first.lock_name() == event.name;
	});
	if (found == buses_.end())
		return; // released meanwhile
	auto &[name, bus] = *found;
	if (event.kind == LockEventKind::Failed) {
		// One that could not be held is tried again by the lock space, as is its way.
		if (!std::exchange(bus.retry, now + pause))
			news_.push_back(fmt::format("bus {}: {}", name.text(),
						    event.error ? event.error->context : ""));
		return;
	}
	bus.held = true;
	bus.retry.reset();
	bus.why.clear();
	auto mark = event.value.valid
			    ? HintValue::decode(event.value.bytes)
			    : Result<HintValue>(fail(EBADMSG, "it was left half-written"));
	if (!mark && mark.error().code.value() != ENODATA) {
		bus.why = fmt::format("its mark is not valid: {}", mark.error().context);
		news_.push_back(fmt::format("bus {}: {}", name.text(), bus.why));
	}
	bus.mark = mark ? std::optional(*mark) : std::nullopt;
	obey(sharing_.mark_told(name, bus.mark, bus.why));
}

/// A disk that has not come yet looks the same, so it is given the time that an image gives it.
void HintKeeper::note_strange(Instant now)
{
	std::erase_if(strange_, [&](const auto &each) { return !sharing_.strange(each.first); });
	for (const auto &[port, leads_to] : known_) {
		if (!sharing_.strange(port))
			continue;
		const auto wait = sharing_.disputed(port) ? Duration::zero() // of the other host
							  : BusSharing::direct_wait;
		auto &strange = strange_.try_emplace(port, Strange{now + wait}).first->second;
		if (strange.due && *strange.due > now)
			continue;
		if (!std::exchange(strange.told, true))
			news_.push_back(sharing_.explain(port));
		strange.due.reset();
		// Whoever takes the note away each time is not followed faster than that.
		if (const auto orders = sharing_.dispute(port); !orders.empty()) {
			strange.due = now + BusSharing::direct_wait;
			obey(orders);
		}
	}
}

void HintKeeper::tick(Instant now)
{
	note_strange(now);
	std::vector<BusName> due;
	for (auto &[name, bus] : buses_)
		if (bus.retry && *bus.retry <= now) {
			bus.retry.reset();
			if (bus.held)
				due.push_back(name);
		}
	for (const auto &name : due)
		obey(sharing_.order_failed(name));
}

std::optional<Instant> HintKeeper::next() const
{
	std::optional<Instant> at;
	for (const auto &[name, bus] : buses_)
		at = earlier(at, bus.retry);
	for (const auto &[port, strange] : strange_)
		at = earlier(at, strange.due);
	return at;
}

std::vector<LockOrder> HintKeeper::take_orders()
{
	return std::exchange(orders_, {});
}

std::vector<std::string> HintKeeper::take_news()
{
	return std::exchange(news_, {});
}

void HintKeeper::report(HintsReport &into) const
{
	for (const auto &[port, leads_to] : known_)
		into.ports.push_back({port, leads_to.bus.text(), leads_to.given,
				      sharing_.shared(port), sharing_.explain(port)});
	for (const auto &[name, bus] : buses_) {
		BusReport each;
		each.bus = name.text();
		each.lock = name.lock_name();
		each.held = bus.held;
		each.marked = bus.mark.has_value();
		each.text = bus.why;
		if (bus.mark) {
			each.shared = bus.mark->shared;
			each.serves = bus.mark->serves;
			each.server = bus.mark->server;
			each.own = bus.mark->server == host_;
			each.epoch = bus.mark->epoch;
			each.disk = fmt::format("{:016x}", bus.mark->disk);
		}
		into.buses.push_back(std::move(each));
	}
}

} // namespace swpath
