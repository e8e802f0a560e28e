// SPDX-License-Identifier: GPL-2.0-or-later
/// Of the picture of a unit's history: the row of one hold, which is its certificate.
#pragma once

#include <string>

#include "pathd/ctl/svg.h"
#include "pathd/ctl/timeline.h"

namespace swpath::ctl
{

inline constexpr double row_height = 66;

/// The colours of the phases, on the line of the heading; `y` is its base line.
void draw_row_head(Svg &svg, double y);
void draw_row(Svg &svg, const SwitchReport &report, double y);
/// The row of a hold that goes on; `last` is the last sample of it.
void draw_ongoing_row(Svg &svg, const TimelineHold &hold, const FlightSample &last, double y);

/// The whole certificate in one sentence, for pointers and screen readers.
[[nodiscard]] std::string switch_sentence(const SwitchReport &report);

} // namespace swpath::ctl
