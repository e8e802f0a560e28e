// SPDX-License-Identifier: GPL-2.0-or-later
/// One command as it travels: from the unit or a check, over a leg, maybe over a server, to a disk.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "libpath/policy/medium_compare.h"
#include "libpath/unit/reservation.h"

namespace swpath::sim
{

inline constexpr std::uint32_t block_count = 16;
inline constexpr std::uint64_t block_bytes = 4096;
inline constexpr std::uint64_t block_sectors = block_bytes / 512;

/// Contents of a block: the number of the write that it was given, 0: none.
using Stamp = std::uint64_t;

enum class Op : std::uint8_t { Read, Write, Flush, Probe };

/// How a command ended for whoever sent it.
enum class Status : std::uint8_t {
	Ok,
	Timeout, ///< path errors from here: another path may do better
	Transport,
	Offline,
	Error,
	Medium, ///< not the path's fault from here: goes up unchanged
	Conflict,
};

[[nodiscard]] constexpr bool path_error(Status status)
{
	return status >= Status::Timeout && status <= Status::Error;
}

[[nodiscard]] constexpr const char *status_word(Status status)
{
	constexpr const char *words[] = {"ok",    "timeout", "transport", "offline",
					 "error", "medium",  "conflict"};
	return words[static_cast<unsigned>(status)];
}

struct Request {
	Op op = Op::Read;
	std::uint32_t block = 0;
	Stamp stamp = 0; ///< Write
	bool fua = false;
	bool user = false; ///< sent by the unit, as opposed to a check by pathd
	/// For the judge: which opening of a path let it through, and which boot of the client.
	std::uint64_t opening = 0;
	std::uint64_t boot = 0;
	unsigned path = 0;
	std::uint64_t device = 0;          ///< that it was sent to, as Leg::device()
	bool look = false;                 ///< Probe: at the disk's registrations,
	std::optional<NexusChange> copy{}; ///< when this one has been copied, as copy_key() does
	std::uint64_t key = 0;             ///< Probe: the nexus is to have it; 0: nobody looks
	bool may_register = false;         ///< and gets it if it is missing
	std::uint32_t places = 0; ///< Probe: blocks to be read beside the landmarks, a bit for each
};

struct Answer {
	Status status = Status::Ok;
	Stamp stamp = 0;    ///< Read
	bool stale = false; ///< Read, for the judge: a server's cache said it, and the disk did not
	bool conflicted = false; ///< for the judge: the server met a reservation
	/// Probe: which disk it is and what it shows.
	unsigned identity = 0;
	bool unregistered = false;         ///< the nexus has not got Request::key
	std::vector<std::uint64_t> keys{}; ///< with Request::key, all that were on the disk
	std::array<std::optional<std::uint64_t>, landmark_count> landmarks{};
	std::vector<std::pair<std::uint32_t, Stamp>> places{};
	std::shared_ptr<const NexusView> nexus{};
	std::optional<std::uint64_t> copied{};
};

using Done = std::function<void(const Answer &)>;

} // namespace swpath::sim
