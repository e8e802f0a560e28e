// SPDX-License-Identifier: LGPL-2.1-or-later
/// When the checks of a direct path end what is served by it. A check can meet a moment in which
/// the path is busy; its clients would lose their disk for that, and a client of its own does not
/// either (Unit: a connection is replaced after as many). What must not wait does not: an I/O error
/// of the path ends its exports in the server at once, and a check that found another disk, other
/// rights or no device says something that the next one will not take back.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "libpath/unit/reason.h"

namespace swpath
{

/// Failed checks in a row after which a path is no use for whoever has it.
inline constexpr unsigned failed_checks_max = 2;

/// `last`: what the last check said, NONE if it was good; `failures`: failed ones in a row.
[[nodiscard]] constexpr bool ends_exports(Reason last, unsigned failures)
{
	switch (last) {
	case Reason::NONE:
		return false;
	case Reason::ERROR:
	case Reason::TIMEOUT:
	case Reason::TRANSPORT:
	case Reason::UNREADABLE:
		return failures >= failed_checks_max;
	default:
		return true;
	}
}

/// A direct path of this host, as its last check left it.
struct ServingPath {
	std::string device;          ///< "/dev/sda"
	bool settled = false;        ///< a check of it has had an answer
	Reason fault = Reason::NONE; ///< of the last one
	unsigned failures = 0;       ///< failed ones in a row
	bool wants_key = false;      ///< it is to have a reservation key, and no fence keeps it out
};

/// Why an export by `device` (empty: not known) is to end, in words that follow "serving ... no
/// more:"; empty: it goes on. `looped`: this host uses the disk through another one. `proved`: it
/// has a path that new exports could be by. A fence takes the keys of all paths, and each comes
/// back in its own time: only what is served by the one without its key ends for that.
[[nodiscard]] std::string_view why_export_ends(std::span<const ServingPath> paths,
					       std::string_view device, bool looped, bool proved);

} // namespace swpath
