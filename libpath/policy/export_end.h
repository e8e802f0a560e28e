// SPDX-License-Identifier: LGPL-2.1-or-later
/// When the checks of a direct path end what is served by it. A check can meet a moment in which
/// the path is busy; its clients would lose their disk for that, and a client of its own does not
/// either (Unit: a connection is replaced after as many). What must not wait does not: an I/O error
/// of the path ends its exports in the server at once, and a check that found another disk, other
/// rights or no device says something that the next one will not take back.
#pragma once

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

} // namespace swpath
