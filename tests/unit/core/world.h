// SPDX-License-Identifier: GPL-2.0-or-later
/// One unit in a small world: the real sw-core, a model of the glue around it, and two paths on
/// which bios succeed, fail or hang. Every step checks the promises that the core answers for.
///
/// The model of the glue is the contract of sw-core.h and no more: a hold closes the open path, a
/// path may open only when nothing is in flight, "drained" and sending come some time later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

extern "C" {
#include "sw-core.h"
}

namespace swpath::test
{

inline constexpr unsigned paths_max = 2;
inline constexpr unsigned bios_max = 3;

// Time in the world passes in units; these are lives in units.
inline constexpr std::uint64_t unit_ns = 1000;
inline constexpr std::uint64_t ticket_units = 2;
inline constexpr std::uint64_t mv_timeout_units = 3;
inline constexpr std::uint64_t stall_units = 5;

enum class BioState : std::uint8_t { Idle, InFlight, Retry, Held };

/// Reads and writes differ: only a write can be in doubt. The last bio is the read.
struct Bio {
	BioState state = BioState::Idle;
	bool ghost = false; ///< came back with an error: the old command may still be executed
	std::uint8_t path = 0;
	std::uint8_t tries = 0;
	bool operator==(const Bio &) const = default;
};

struct World {
	/// Only what decides: history and notices stand behind it in the struct.
	sw_core core;
	int open = SW_NO_PATH;
	int closed = SW_NO_PATH; ///< closed and not yet reported as drained
	bool flushing = false;
	bool flushed = false;      ///< in this hold, or its flush was given up
	std::uint64_t records = 0; ///< switches seen
	bool goes_on = false;      ///< a reload takes an open path over
	std::uint64_t mv = 0;      ///< the latest hold
	std::uint64_t hold_ends = 0;
	bool ghosts[paths_max] = {};
	Bio bios[bios_max];
	std::uint64_t now = 1000 * unit_ns;
	std::string broken; ///< the first promise that was broken, empty: none

	explicit World(enum sw_fence fence, bool hold = false);

	[[nodiscard]] sw_now clock() const { return {now, now, now}; }
	[[nodiscard]] bool in_flight() const;
	void expect(bool holds, const char *promise);
	void perform(unsigned actions);
	void note_hold();
	void check_record();
	[[nodiscard]] const sw_record &last_record() const;
	void complete(unsigned bio, bool ok);
	void submit(unsigned bio);
	void check();
	[[nodiscard]] static bool is_write(unsigned bio) { return bio + 1 < bios_max; }

	/// The state without its history, times relative to now: equal keys behave alike for ever.
	[[nodiscard]] std::vector<std::uint8_t> key() const;
};

/// Something that can happen. `run` is called only where `possible`.
struct Event {
	std::string name;
	std::function<bool(const World &)> possible;
	std::function<void(World &)> run;
};

/// Every event of the alphabet, stale and malformed messages included.
[[nodiscard]] const std::vector<Event> &all_events();

/// Empty if the world comes online when everything from here on goes well and pathd has a proof;
/// else what stands in the way.
[[nodiscard]] std::string why_stuck(World world);

} // namespace swpath::test
