// SPDX-License-Identifier: GPL-2.0-or-later
/// `pathctl history UNIT --svg FILE`: how a unit came through its last switches, in one picture.
#pragma once

#include <string>
#include <string_view>

#include "libpath/control/flight.h"
#include "libpath/control/report.h"

namespace swpath::ctl
{

/// A whole SVG document, without scripts and without anything from elsewhere: held time and the
/// age of the oldest I/O over time, what the unit and each path were, and every switch with its
/// phases, its reason and its proofs. `unit` gives name and history, `flight` the samples, the
/// names of the paths and the moment that counts as now. Pure: the same in, the same out.
/// `missing` says why there are no samples; empty: there are.
[[nodiscard]] std::string render_picture(const UnitReport &unit, const FlightReport &flight,
					 std::string_view missing);

} // namespace swpath::ctl
