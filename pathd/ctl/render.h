// SPDX-License-Identifier: GPL-2.0-or-later
/// What pathctl prints about a report, an event, a refusal. Pure: report in, text out.
#pragma once

#include <string>

#include "libpath/control/cluster_report.h"
#include "libpath/control/event.h"
#include "libpath/control/explain_report.h"
#include "libpath/control/exports_report.h"
#include "libpath/control/hints_report.h"
#include "libpath/control/order.h"
#include "libpath/control/report.h"
#include "pathd/ctl/style.h"

namespace swpath::ctl
{

/// `pathctl status`: what an administrator needs at 3 a.m., the most important thing first.
[[nodiscard]] std::string render_status(const Style &style, const Report &report);
[[nodiscard]] std::string render_unit(const Style &style, const UnitReport &unit, WallTime now);

/// `pathctl list`: a line for each unit.
[[nodiscard]] std::string render_list(const Style &style, const Report &report);
/// `pathctl paths`: a line for each path.
[[nodiscard]] std::string render_paths(const Style &style, const Report &report);
/// `pathctl peers`: how far the members have recovered together, and a line for each peer.
[[nodiscard]] std::string render_peers(const Style &style, const ClusterReport &report);
/// `pathctl exports`: the server, a line for each export, and what is not served and why.
[[nodiscard]] std::string render_exports(const Style &style, const ExportsReport &report);
/// `pathctl explain`: a paragraph for each thing.
[[nodiscard]] std::string render_explanation(const Style &style, const ExplainReport &report);
/// `pathctl hints`: the lock space, what is thought of each port, and the mark of each bus.
[[nodiscard]] std::string render_hints(const Style &style, const HintsReport &report);
/// `pathctl history`: a line for each switch and its certificate below, oldest first.
[[nodiscard]] std::string render_history(const Style &style, const Report &report);

/// One switch as a sentence, wrapped, with `first` before it.
[[nodiscard]] std::string render_switch(const Style &style, const SwitchReport &record,
					WallTime now, std::string_view first);

/// `pathctl events`: one line.
[[nodiscard]] std::string render_event(const Style &style, const Event &event);

/// "pathctl: sw0: cannot …: …" and a "hint:" line; `unit` may be empty. The message's own "sw0: "
/// is not repeated.
[[nodiscard]] std::string render_refusal(const Style &style, const Refusal &refusal,
					 std::string_view unit);

} // namespace swpath::ctl
