// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/bus_ports.h"

#include <algorithm>
#include <tuple>

#include "libpath/hints/fnv.h"
#include "libpath/policy/unit_builder.h"

namespace swpath
{

std::uint16_t host_number(std::string_view machine_id)
{
	return static_cast<std::uint16_t>(1 + fnv1a(machine_id) % UINT16_MAX);
}

std::optional<BusName> derived_bus(const Identity &identity)
{
	std::optional<std::string> port;
	for (const auto &each : identity.designators) {
		const bool of_world = each.type == DesignatorType::Naa ||
				      each.type == DesignatorType::Eui64 ||
				      each.type == DesignatorType::ScsiName;
		if (each.association != Association::TargetPort || !of_world)
			continue;
		auto text = each.text();
		port = port ? std::min(*port, text) : std::move(text);
	}
	if (!port)
		return std::nullopt;
	const auto bus = BusName::derive(*port);
	return bus ? std::optional(*bus) : std::nullopt;
}

void BusPorts::leg_seen(DevNumber leg, const std::string &port, std::string_view by_path,
			const Identity &identity)
{
	for (const auto &each : given_)
		if (matches(each.port, by_path) || matches(each.port, port)) {
			legs_.insert_or_assign(leg, Leg{port, {each.name, true}});
			return;
		}
	if (const auto bus = derived_bus(identity))
		legs_.insert_or_assign(leg, Leg{port, {*bus, false}});
	else
		legs_.erase(leg);
}

BusPorts::Ports BusPorts::ports() const
{
	const auto rank = [](const Port &port) { return std::tuple(!port.given, port.bus); };
	Ports ports;
	for (const auto &[number, leg] : legs_) {
		const auto [known, added] = ports.try_emplace(leg.port, leg.leads_to);
		if (!added && rank(leg.leads_to) < rank(known->second))
			known->second = leg.leads_to;
	}
	return ports;
}

std::string port_of(std::string_view hctl)
{
	const auto host = hctl.substr(0, hctl.find(':'));
	return host.empty() ? std::string() : "host" + std::string(host);
}

} // namespace swpath
