// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the flight recorder has of a unit: its state at the moments that mattered. Plain data;
/// report_json.h has its form on the wire, flight_recorder.h fills it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "libpath/control/report.h"

namespace swpath
{

struct FlightPath {
	PathState state = PathState::ABSENT;
	MonitorWord monitor = MonitorWord::None;

	bool operator==(const FlightPath &) const = default;
};

/// A unit at one moment.
struct FlightSample {
	WallTime at{}; ///< by the wall clock of that moment, which may have been set since
	std::uint64_t uptime_ms = 0; ///< the same on CLOCK_BOOTTIME, which nobody sets
	UnitState state = UnitState::ONLINE;
	Phase phase = Phase::NONE;
	Reason reason = Reason::NONE; ///< of the last hold
	std::uint64_t mv = 0;
	std::uint64_t epoch = 0;
	std::optional<unsigned> active;
	std::uint64_t held_bios = 0;
	std::uint64_t held_bytes = 0;
	std::uint64_t oldest_ms = 0; ///< age of the oldest bio in flight; 0: none
	std::uint64_t doubt = 0;     ///< writes in doubt
	unsigned nr_paths = 0;       ///< of `paths`, those that exist; at most SW_PATHS_MAX
	std::array<FlightPath, SW_PATHS_MAX> paths{};
	std::uint64_t since_ms = 0; ///< in `state` for so long

	bool operator==(const FlightSample &) const = default;
};
// To keep one is to copy bytes to a place that is there already (P10).
static_assert(std::is_trivially_copyable_v<FlightSample>);

/// The samples of one unit.
struct FlightReport {
	WallTime generated{};
	Source source = Source::Kernel; ///< Kernel: nobody recorded, there are no samples
	std::string version;            ///< of the program that made it
	std::string name;               ///< "sw0"
	std::uint64_t uptime_ms = 0;    ///< on CLOCK_BOOTTIME, at `generated`
	std::vector<std::string> path_names;
	std::vector<FlightSample> samples; ///< oldest first

	bool operator==(const FlightReport &) const = default;
};

} // namespace swpath
