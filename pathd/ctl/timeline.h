// SPDX-License-Identifier: GPL-2.0-or-later
/// A unit's past on one axis of time: the kernel's records and pathd's samples, by today's clock.
///
/// Samples know their time on the boot clock, so that a wall clock which was set since does no
/// harm. A record knows the wall clock of its moment only: a sample of the same mount verification
/// says how far that is from today's; without one it is taken at its word, unless that lies before
/// the boot or after now, where it cannot have been.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libpath/control/flight.h"
#include "libpath/control/report.h"

namespace swpath::ctl
{

/// A hold: one that the kernel recorded, or (record is null) one that goes on.
struct TimelineHold {
	const SwitchReport *record = nullptr;
	std::uint64_t mv = 0;
	std::optional<WallTime> at; ///< nothing: it cannot be told
	std::chrono::microseconds length{0};
};

/// What a unit did from one moment to the next.
enum class UnitPast : std::uint8_t { Unknown, Online, Verify, Held, Failed };
/// What a path was.
enum class PathPast : std::uint8_t { Unknown, Active, Ready, NotReady, Absent };

template <class Past>
struct Span {
	WallTime from{};
	WallTime to{};
	Past past = Past::Unknown;
	bool recorded = false; ///< by pathd; else concluded from the kernel's records
};

struct Age {
	WallTime at{};
	std::uint64_t oldest_ms = 0;
};

struct Timeline {
	WallTime from{};
	WallTime to{};
	std::vector<TimelineHold> holds;  ///< in the order in which they happened
	std::vector<Span<UnitPast>> unit; ///< in order, without gaps; holds are not in it
	struct Lane {
		std::string name;
		std::vector<Span<PathPast>> spans;
	};
	std::vector<Lane> paths;            ///< by index
	std::vector<std::vector<Age>> late; ///< stretches during which the oldest I/O was late
	bool clock_was_set = false;         ///< stamps and boot clock do not agree
	std::size_t without_time = 0;       ///< holds that have no place on the axis
};

/// `flight` and the records of `unit` must outlive what is returned.
[[nodiscard]] Timeline make_timeline(const UnitReport &unit, const FlightReport &flight);

} // namespace swpath::ctl
