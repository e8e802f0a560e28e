// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the pathds of two hosts say to each other, as bytes and back. docs/protocol.md has the
/// layout byte by byte. Pure and bounded: a frame is at most peer_frame_bytes_max, whatever it
/// claims.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/base/words.h"
#include "libpath/unit/reservation.h"

namespace swpath
{

inline constexpr std::uint32_t peer_magic = 0x53575050; ///< "SWPP"
inline constexpr std::uint16_t peer_version = 1;
inline constexpr std::size_t peer_header_bytes = 20;
inline constexpr std::size_t peer_body_bytes_max = 16384;
inline constexpr std::size_t peer_frame_bytes_max = peer_header_bytes + peer_body_bytes_max;
inline constexpr std::size_t peer_text_bytes_max = 1024;
inline constexpr std::size_t peer_cast_bytes_max = 12288;

/// What is asked for. The values are the order here, from 0.
#define SWPATH_PEER_VERBS(X)                                                                       \
	X(Hello, "hello")       /* who speaks; the first request of either side */                 \
	X(Attest, "attest")     /* what the host sees of a disk */                                 \
	X(Export, "export")     /* serve a disk in an epoch */                                     \
	X(Revoke, "revoke")     /* close an epoch and all before it, and drain */                  \
	X(Register, "register") /* the host's own key on its nexus */                              \
	X(Keys, "keys")         /* READ KEYS and READ RESERVATION */                               \
	X(Reserve, "reserve")                                                                      \
	X(PreemptAbort, "preempt-abort")                                                           \
	X(LuReset, "lu-reset")                                                                     \
	X(Status, "status")                                                                        \
	X(Carry, "carry") /* the client's users' key, and: are its rights those that it has? */    \
	X(Cast, "cast")   /* what the engine of the cluster says to this member's */
SWPATH_WORDS(PeerVerb, SWPATH_PEER_VERBS)

/// How it went. Numbers of our own: those of errno differ between architectures.
#define SWPATH_PEER_STATUSES(X)                                                                    \
	X(Ok, "ok")                                                                                \
	X(InProgress, "in progress")       /* revoke: closed, requests have not ended */           \
	X(NotRegistered, "not registered") /* preempt-abort: no nexus has the victim's key */      \
	X(Conflict, "reservation conflict")                                                        \
	X(Unsupported, "not supported")                                                            \
	X(Refused, "refused")          /* this client may not */                                   \
	X(UnknownDisk, "unknown disk") /* or no direct path to it */                               \
	X(Timeout, "timeout")          /* the request's deadline is over */                        \
	X(Failed, "failed")                                                                        \
	X(Busy, "busy") /* ask again later */                                                      \
	X(BadRequest, "bad request")
SWPATH_WORDS(PeerStatus, SWPATH_PEER_STATUSES)

/// As the edges' errno; the meaning is that of Fencing::failed().
[[nodiscard]] int errno_of(PeerStatus status) noexcept;

using PeerId = std::array<std::uint8_t, 16>;

struct PeerHello {
	std::uint16_t version_min = peer_version;
	std::uint16_t version_max = peer_version;
	PeerId host{};                 ///< /etc/machine-id
	PeerId boot{};                 ///< /proc/sys/kernel/random/boot_id
	std::uint64_t incarnation = 0; ///< random, of this process
	std::string name;              ///< for people

	bool operator==(const PeerHello &) const = default;
};

/// What counts of it depends on the verb.
struct PeerRequest {
	PeerVerb verb = PeerVerb::Status;
	std::uint64_t id = 0; ///< of the client's choice; the answer has the same
	/// When it was sent, by the clock of the host that is asked, as the one that asks knows
	/// that from the newest answer; PeerSession's affair. What was on its way for long, or
	/// waited for a host that stood still, is not done any more.
	std::uint64_t clock = 0;
	std::uint32_t deadline_ms = 0; ///< from then
	PeerHello hello;               ///< Hello
	std::string wwid;              ///< all but Hello, Status and Cast
	std::uint64_t epoch = 0;       ///< Export, Revoke
	bool read_only = false;        ///< Export
	/// Register, Reserve, PreemptAbort: the asked host's. Carry: the client's; 0: none
	std::uint64_t key = 0;
	std::uint64_t victim = 0; ///< PreemptAbort
	std::uint64_t mv = 0;     ///< PreemptAbort: the client's mount verification
	ReservationType type = ReservationType::None; ///< Reserve, PreemptAbort
	std::string cast;                             ///< Cast: at most peer_cast_bytes_max bytes

	bool operator==(const PeerRequest &) const = default;
};

struct PeerAnswer {
	PeerVerb verb = PeerVerb::Status;
	std::uint64_t id = 0;
	std::uint64_t clock = 0; ///< when it was sent: CLOCK_BOOTTIME in ns; PeerSession's affair
	PeerStatus status = PeerStatus::Ok;
	std::string text; ///< for people: the evidence, or what went wrong
	// Only with Ok:
	PeerHello hello; ///< Hello
	// Attest
	bool direct = false; ///< the host has a proved direct path to the disk
	bool write_protected = false;
	bool reservations = false;
	bool lu_reset = false;
	std::uint64_t capacity_bytes = 0;
	std::uint32_t logical_block_bytes = 0;
	std::uint32_t physical_block_bytes = 0;
	std::uint64_t epoch = 0; ///< Attest: the newest that was exported or revoked; 0: none
	/// Attest: of the nexus that an export would be on now. Export: of the one that it is on.
	std::uint64_t key = 0;
	PeerId boot{}; ///< Attest
	/// Attest: those of the logical unit, as Designator::text() writes them, sorted.
	std::vector<std::string> designators;
	// Export
	std::string export_name;
	std::uint16_t port = 0;
	/// Export: number of the device of the host that the export is on, so of its I_T nexus. No
	/// other device has it before the host boots; 0: not known.
	std::uint64_t nexus = 0;
	std::uint64_t ended = 0; ///< Revoke: requests that had gone to the disk
	/// Revoke: of them, those that ended in an error of the server's own path, so that the disk
	/// may still work on them; at least 1 if the server cannot know.
	std::uint64_t lost = 0;
	// Keys
	std::uint32_t generation = 0;
	ReservationType type = ReservationType::None;
	/// Keys: all that are registered. Attest: those that any nexus of the host may have.
	std::vector<std::uint64_t> keys;
	std::uint32_t uptime_s = 0; ///< Status: of the process

	bool operator==(const PeerAnswer &) const = default;
};

[[nodiscard]] std::string encode(const PeerRequest &request);
[[nodiscard]] std::string encode(const PeerAnswer &answer);

struct PeerFrame {
	std::optional<PeerRequest> request; ///< one of the two
	std::optional<PeerAnswer> answer;
	std::size_t bytes = 0; ///< of the frame
};

/// Reads the frame at the head of `bytes`; nothing: more bytes are needed.
/// Errors: EPROTONOSUPPORT another version (a Hello of any version is read: it says which there
/// are); EMSGSIZE longer than peer_frame_bytes_max; EBADMSG anything else. After any of them the
/// stream cannot be read any further.
[[nodiscard]] Result<std::optional<PeerFrame>> decode_peer_frame(std::string_view bytes);

} // namespace swpath
