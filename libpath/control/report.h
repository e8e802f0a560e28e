// SPDX-License-Identifier: LGPL-2.1-or-later
/// Everything that is told about units: what pathd publishes, what the control protocol carries and
/// what pathctl shows. Plain data; report_json.h is its form on the wire, derive.h makes it from
/// what the kernel says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/dev_number.h"
#include "libpath/control/wall_time.h"
#include "libpath/unit/kinds.h"
#include "libpath/unit/reservation.h"
#include "libpath/unit/unit_status.h"

namespace swpath
{

/// Version of swpath, as in every report.
[[nodiscard]] std::string_view program_version();

/// The one word about a unit.
#define SW_HEALTHS(X)                                                                              \
	X(Online, "online")       /* I/O flows, every path is usable */                            \
	X(Degraded, "degraded")   /* I/O flows, a path is not usable */                            \
	X(Verifying, "verifying") /* mount verification: I/O waits */                              \
	X(Held, "held")           /* an operator holds the I/O */                                  \
	X(Failed, "failed")       /* I/O gets errors */                                            \
	X(Suspended, "suspended") /* device-mapper holds the I/O: a table is being changed */      \
	X(Waiting, "waiting")     /* configured, but the kernel has no such unit yet */            \
	X(Serving, "serving")     /* of a unit that is only to be served: its disk is proved */

/// The one word about a path.
#define SW_PATH_HEALTHS(X)                                                                         \
	X(Ok, "ok")             /* usable: proved, or carrying I/O */                              \
	X(Unproved, "unproved") /* the kernel would try it, but no proof is alive */               \
	X(Checking, "checking") /* answers again, not yet for the stable period */                 \
	X(Damped, "damped")     /* answers, but failed too often of late */                        \
	X(Failed, "failed")     /* does not answer, or failed in use */                            \
	X(Rejected, "rejected") /* leads to the wrong disk, or one that cannot be used */          \
	X(Absent, "absent")     /* no device */

/// What pathd's monitor says about a path; None: no pathd is watching it.
#define SW_MONITOR_WORDS(X)                                                                        \
	X(None, "none")                                                                            \
	X(Unknown, "unknown")                                                                      \
	X(Checking, "checking")                                                                    \
	X(Ok, "ok")                                                                                \
	X(Failed, "failed")                                                                        \
	X(Rejected, "rejected")                                                                    \
	X(Damped, "damped")

/// Who made a report.
#define SW_SOURCES(X)                                                                              \
	X(Pathd, "pathd")                                                                          \
	X(Kernel, "kernel") /* read without a daemon: nothing about checks, failback, names */

SWPATH_WORDS(Health, SW_HEALTHS)
SWPATH_WORDS(PathHealth, SW_PATH_HEALTHS)
SWPATH_WORDS(MonitorWord, SW_MONITOR_WORDS)
SWPATH_WORDS(Source, SW_SOURCES)

struct PathReport {
	unsigned index = 0; ///< place in the table, by preference from 0
	PathKind kind = PathKind::DIRECT;
	std::string label;  ///< name from the configuration ("beta"); may be empty
	std::string device; ///< "sda"; empty: absent
	std::optional<DevNumber> number;
	std::string endpoint; ///< "beta:10809", "iscsi 2:0:0:0"; empty: not known
	bool active = false;
	PathHealth health = PathHealth::Absent;
	PathState kernel_state = PathState::ABSENT;
	Reason reason = Reason::NONE; ///< why the kernel does not use it
	MonitorWord monitor = MonitorWord::None;
	std::string
		text; ///< pathd's sentence: "no answer for 2 s, checking every 5 s"; may be empty
	std::optional<WallTime> since; ///< of `health`
	std::uint64_t inflight_bios = 0;
	std::uint64_t errors = 0;         ///< bios that came back with a path error, ever
	std::uint64_t switches = 0;       ///< times that it became active
	std::uint64_t ticket_left_ms = 0; ///< life left in its ticket; 0: none
	std::optional<WallTime> last_probe;
	std::optional<WallTime> next_probe;

	bool operator==(const PathReport &) const = default;
};

/// One record of the kernel's history, with the names that the paths have now.
struct SwitchReport {
	SwitchRecord record;
	std::string from; ///< path_name() of record.from; empty if none
	std::string to;
	/// What the identity of `to` rests on, as one word; empty: no pathd saw the switch.
	std::string identity{};
	std::optional<WallTime> proved{}; ///< when that was found out; may be within the hold

	[[nodiscard]] WallTime at() const
	{
		return WallTime(std::chrono::milliseconds(record.at_ms));
	}
	bool operator==(const SwitchReport &) const = default;
};

struct FailbackReport {
	bool automatic = false;
	std::string verdict;          ///< failback_verdict_word(): "preferred", "settling", …
	std::optional<unsigned> to;   ///< the path that it would go to
	std::optional<WallTime> next; ///< not before

	bool operator==(const FailbackReport &) const = default;
};

/// What users reserved through the unit, and is carried over its paths.
struct ReservationReport {
	std::string key;                              ///< theirs, reservation_key_text()
	ReservationType type = ReservationType::None; ///< of the disk's reservation
	std::vector<unsigned> paths; ///< this host's direct paths that have the key, by index

	bool operator==(const ReservationReport &) const = default;
};

/// A host that can serve the unit's disk, as it has told in advance.
struct ServerReport {
	std::string host;
	std::string address;        ///< "10.0.0.2:10809"
	std::uint16_t priority = 0; ///< the lowest is asked first

	bool operator==(const ServerReport &) const = default;
};

/// Somebody who has a leg open past the unit.
struct LegUser {
	std::optional<std::uint32_t> pid; ///< nothing: the kernel itself
	std::string command;              ///< "sleep"; "dm-3 (vg0-root)", "mount at /mnt", "swap"
	std::string device;               ///< "sda", or a partition of it
	WallTime since{};                 ///< when it was first seen
	bool write = false;

	bool operator==(const LegUser &) const = default;
};

struct UnitReport {
	std::string name; ///< "sw0"
	std::optional<DevNumber>
		number; ///< of its device-mapper device "dm-<minor>"; nothing: Waiting
	std::string wwid;
	std::uint64_t size_bytes = 0;

	Health health = Health::Waiting;
	std::string reason_text; ///< why, one clause without a full stop: "direct sda: timeout"
	std::optional<WallTime> since; ///< of the kernel's state
	std::string missing; ///< what a mount verification waits for; empty: nothing, or not known

	UnitState kernel_state = UnitState::ONLINE;
	Phase phase = Phase::NONE;
	Reason reason = Reason::NONE; ///< of the last hold
	std::uint64_t mv = 0;
	std::uint64_t epoch = 0;
	std::optional<unsigned> active; ///< index into paths; nothing unless I/O flows
	std::optional<unsigned>
		left; ///< the path that is being left in a hold, or was left before `active`
	std::uint64_t held_bios = 0;
	std::uint64_t held_bytes = 0;
	std::uint64_t oldest_ms = 0;             ///< oldest bio in flight; 0: none
	std::uint64_t doubt = 0;                 ///< writes in doubt
	std::optional<std::uint64_t> mv_left_ms; ///< until held I/O fails
	std::optional<std::uint32_t> mv_timeout_s;
	std::optional<std::uint32_t> stall_ms; ///< 0: never
	Fence fence = Fence::PROVE;
	bool suspended = false;
	bool only_served = false; ///< it is not built here, by the configuration; not on the wire
	bool pinned = false;      ///< an operator chose the active path: no failback

	std::optional<FailbackReport> failback; ///< nothing: no pathd
	std::optional<ReservationReport>
		reservation;               ///< nothing: its users have no key, or no pathd
	std::vector<ServerReport> servers; ///< other hosts, the primary first
	std::vector<PathReport> paths;     ///< by index
	std::vector<LegUser> opened_by;    ///< at the last look, spare legs too; no pathd: empty
	std::vector<SwitchReport> history; ///< oldest first, at most SW_HISTORY_MAX

	bool operator==(const UnitReport &) const = default;
};

struct Report {
	WallTime generated{};
	Source source = Source::Kernel;
	std::string version;           ///< of the program that made it
	std::vector<UnitReport> units; ///< by name

	bool operator==(const Report &) const = default;
};

/// What a path is called in one or two words: "direct sda", "served beta", "served nbd0",
/// "direct #0" when nothing better is known.
[[nodiscard]] std::string path_name(const PathReport &path);

/// The same for an index of a unit; "#7" if the unit has no such path.
[[nodiscard]] std::string path_name(const UnitReport &unit, unsigned index);

} // namespace swpath
