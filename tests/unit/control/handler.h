// SPDX-License-Identifier: GPL-2.0-or-later
/// A program behind the protocol that records what it was asked and answers when told to.
#pragma once

#include <functional>
#include <vector>

#include "libpath/control/service.h"
#include "tests/unit/control/reports.h"

namespace swpath::testing
{

struct RecordingHandler : ControlHandler {
	Report state = report_of(unit_from(online_line, MonitorWord::Ok, MonitorWord::Ok));
	std::vector<std::pair<CallId, Order>> orders;
	std::vector<std::pair<CallId, bool>> reloads;
	std::function<void(CallId)> on_call = [](CallId) {};

	const Report &report() override { return state; }
	FlightReport flown;
	FlightReport flight(const std::string &unit) override
	{
		flown.name = unit;
		return flown;
	}
	ClusterReport joined;
	ClusterReport cluster() override { return joined; }
	ExportsReport served;
	ExportsReport exports() override { return served; }
	Answered<ExplainReport> explained;
	Answered<ExplainReport> explain(const std::string &disk) override
	{
		if (explained)
			explained->disk = disk;
		return explained;
	}
	HintsReport hinted;
	HintsReport hints() override { return hinted; }
	void order(CallId id, const Order &order) override
	{
		orders.emplace_back(id, order);
		on_call(id);
	}
	void reload(CallId id, bool dry_run) override
	{
		reloads.emplace_back(id, dry_run);
		on_call(id);
	}
};

} // namespace swpath::testing
