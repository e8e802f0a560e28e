// SPDX-License-Identifier: GPL-2.0-or-later
/// Histories and samples for the tests of the picture: now is noon, the host is up for four days.
#pragma once

#include "libpath/control/flight.h"
#include "tests/unit/control/reports.h"

namespace swpath::testing
{

inline SwitchReport switch_at(std::uint64_t mv, WallTime at, std::optional<unsigned> from,
			      std::optional<unsigned> to)
{
	constexpr const char *names[] = {"direct sda", "served beta"};
	SwitchReport report{timeout_switch(), from ? names[*from] : "", to ? names[*to] : ""};
	report.record.mv = mv;
	report.record.epoch = mv + 3;
	report.record.at_ms = std::uint64_t(at.time_since_epoch().count());
	report.record.from = from;
	report.record.to = to;
	if (!to)
		report.record.method = Method::NONE;
	return report;
}

inline FlightReport flight_of(std::vector<FlightSample> samples)
{
	FlightReport flight;
	flight.generated = noon;
	flight.source = Source::Pathd;
	flight.name = "sw0";
	flight.uptime_ms = 4 * 86'400'000ULL;
	flight.path_names = {"direct sda", "served beta"};
	flight.samples = std::move(samples);
	return flight;
}

/// `ago` before noon; the wall clock said so too.
inline FlightSample sample_at(std::chrono::milliseconds ago, UnitState state,
			      std::optional<unsigned> active, std::uint64_t mv)
{
	FlightSample sample;
	sample.at = noon - ago;
	sample.uptime_ms = 4 * 86'400'000ULL - std::uint64_t(ago.count());
	sample.state = state;
	sample.active = active;
	sample.mv = mv;
	sample.nr_paths = 2;
	sample.paths = {FlightPath{PathState::READY, MonitorWord::Ok},
			FlightPath{PathState::READY, MonitorWord::Ok}};
	return sample;
}

inline UnitReport unit_with(std::vector<SwitchReport> history)
{
	UnitReport unit;
	unit.name = "sw0";
	unit.history = std::move(history);
	return unit;
}

} // namespace swpath::testing
