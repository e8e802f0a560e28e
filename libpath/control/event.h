// SPDX-License-Identifier: LGPL-2.1-or-later
/// The event stream: a dump of what exists, an end mark, then every change old to new, each with a
/// number, so that a reader can tell that it missed nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libpath/control/report.h"

namespace swpath
{

#define SW_EVENT_KINDS(X)                                                                          \
	X(Exists, "exists") /* part of a dump: `changes` hold the present values as `now` */       \
	X(End, "end")       /* the dump is complete */                                             \
	X(Change, "change") /* `changes` hold before and now */                                    \
	X(Switch,                                                                                  \
	  "switch")     /* the kernel recorded a switch, or a mount verification that failed */    \
	X(Gone, "gone") /* the unit, or the path of it, exists no more */                          \
	X(Gap, "gap")   /* the reader was too slow: events were dropped, a new dump follows */

SWPATH_WORDS(EventKind, SW_EVENT_KINDS)

struct FieldChange {
	std::string field;  ///< name as in the report's JSON: "state", "active", "epoch"
	std::string before; ///< empty in Exists and where there was no value
	std::string now;

	bool operator==(const FieldChange &) const = default;
};

struct Event {
	/// Change, Switch and Gone: one more than that of the event before. Exists and End: the
	/// number of the latest change that the dump already contains. Gap: of the first event that
	/// was lost.
	std::uint64_t seq = 0;
	WallTime at{};
	EventKind kind = EventKind::End;
	std::string unit;             ///< empty: End, Gap
	std::optional<unsigned> path; ///< set: the event is about this path of the unit
	std::string path_name;        ///< path_name() of it
	std::vector<FieldChange> changes;
	std::optional<SwitchReport> switched; ///< set if and only if kind is Switch

	bool operator==(const Event &) const = default;
};

/// The dump of a report: Exists for each unit and each of its paths, then End.
[[nodiscard]] std::vector<Event> dump_events(const Report &report, std::uint64_t seq);

/// What changed from `before` to `after`, numbered from `seq` + 1, at `after.generated`. Counters
/// and ages are not changes. A unit that is new appears as Change from nothing.
[[nodiscard]] std::vector<Event> diff_events(const Report &before, const Report &after,
					     std::uint64_t seq);

} // namespace swpath
