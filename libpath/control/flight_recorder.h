// SPDX-License-Identifier: LGPL-2.1-or-later
/// Remembers how a unit came through its last hours, in memory that is taken once: recording
/// allocates nothing and waits for nothing (P10).
///
/// A look is kept if something changed, and otherwise at most once a second while I/O is held or
/// the oldest one in flight is late. While nothing changes, looks are kept ever more seldom: a hold
/// of an hour must not push out how it began.
///
/// It also remembers which proof of identity was alive when the unit went on with a path: the half
/// of a certificate that the kernel does not have.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/control/flight.h"

namespace swpath
{

/// Samples that are kept; about 120 KiB for each unit.
inline constexpr std::size_t flight_samples_max = 1024;
/// An I/O in flight for so long is late.
inline constexpr std::uint64_t flight_late_ms = 100;

class FlightRecorder
{
public:
	/// Takes all the memory that it will ever use.
	FlightRecorder();

	/// What is known of a path beside the kernel's status.
	struct Path {
		MonitorWord monitor = MonitorWord::None;
		std::optional<Instant> proved_at{}; ///< begin of the last good check
		std::string_view
			proof{}; ///< what that check rests on: one word, static; empty: none
	};

	/// A look at the unit. `paths` are those of `status`, in order; what is missing at the end
	/// counts as not watched.
	void look(const UnitStatus &status, std::span<const Path> paths, WallTime wall,
		  Instant now) noexcept;

	/// The unit is another one now, whose mount verifications count from the beginning.
	void forget_proofs() noexcept;

	/// Oldest first. Allocates.
	[[nodiscard]] std::vector<FlightSample> samples() const;

	/// Adds the proof of identity to each record whose switch was seen to happen.
	void certify(std::span<SwitchReport> history) const;

private:
	struct Proof {
		std::uint64_t mv = 0; ///< that ended with it
		unsigned path = 0;
		std::optional<WallTime> at;
		std::string_view word;
	};

	[[nodiscard]] bool worth_keeping(const FlightSample &sample, Instant now) const noexcept;
	void note_proof(const FlightSample &sample) noexcept;

	std::unique_ptr<std::array<FlightSample, flight_samples_max>> ring_;
	std::size_t kept_ = 0; ///< ever; the last flight_samples_max of them are there
	FlightSample last_{};  ///< the last that was kept
	Instant last_at_{};
	Instant changed_at_{};

	bool looked_ = false;
	bool online_ = false;                     ///< at the last look
	std::uint64_t mv_ = 0;                    ///< at the last look
	std::array<Proof, SW_PATHS_MAX> alive_{}; ///< of each path, at the last look
	std::array<Proof, SW_HISTORY_MAX> proofs_{};
	std::size_t nr_proofs_ = 0; ///< ever
};

} // namespace swpath
