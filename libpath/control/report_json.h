// SPDX-License-Identifier: LGPL-2.1-or-later
/// Reports, events, orders as JSON: what the protocol carries and what `pathctl --json` prints.
///
/// Additive only within a `version`: readers skip keys that they do not know, and a key that is
/// missing reads as its default. Units are part of the key (`_bytes`, `_ms`, `_us`, `_s`), times
/// are RFC 3339 in UTC, a value that does not exist is null. docs/schema/ describes each form.
#pragma once

#include "libpath/base/result.h"
#include "libpath/control/cluster_report.h"
#include "libpath/control/event.h"
#include "libpath/control/explain_report.h"
#include "libpath/control/exports_report.h"
#include "libpath/control/flight.h"
#include "libpath/control/hints_report.h"
#include "libpath/control/json.h"
#include "libpath/control/report.h"

namespace swpath
{

inline constexpr int report_version = 1;

/// {"schema":"swpath.status","version":1,"generated":…,"source":…,"units":[…]}; units without
/// their history, whose last record is "last_switch".
[[nodiscard]] Json to_json(const Report &report);
[[nodiscard]] Json to_json(const UnitReport &unit);
[[nodiscard]] Json to_json(const PathReport &path);
[[nodiscard]] Json to_json(const SwitchReport &record);
[[nodiscard]] Json to_json(const Event &event);

/// {"schema":"swpath.history","version":1,"generated":…,"units":[{"name":…,"history":[…]}]}.
[[nodiscard]] Json history_to_json(const Report &report);

/// {"schema":"swpath.flight","version":1,"generated":…,"name":…,"samples":[…]}.
[[nodiscard]] Json to_json(const FlightReport &report);

/// {"schema":"swpath.peers","version":1,"generated":…,"name":…,"members":[…],"peers":[…]}.
[[nodiscard]] Json to_json(const ClusterReport &report);

/// {"schema":"swpath.exports","version":1,"generated":…,"exports":[…],"not_served":[…]}.
[[nodiscard]] Json to_json(const ExportsReport &report);

/// {"schema":"swpath.explain","version":1,"generated":…,"disk":…,"explanations":[…]}.
[[nodiscard]] Json to_json(const ExplainReport &report);

/// {"schema":"swpath.hints","version":1,"generated":…,"ports":[{"port":…}],"buses":[{"bus":…}]}.
[[nodiscard]] Json to_json(const HintsReport &report);

/// Errors of all readers: EBADMSG the text is not of this form, or two units have one name; the
/// context names the key.
/// Those of whole forms also: EPROTONOSUPPORT a schema of another name or a newer version.
[[nodiscard]] Result<Report> report_from_json(const Json &json);
[[nodiscard]] Result<UnitReport> unit_from_json(const Json &json);
[[nodiscard]] Result<SwitchReport> switch_from_json(const Json &json);
[[nodiscard]] Result<Event> event_from_json(const Json &json);
/// A swpath.history: units with name and history, nothing else.
[[nodiscard]] Result<Report> history_from_json(const Json &json);
[[nodiscard]] Result<FlightReport> flight_from_json(const Json &json);
[[nodiscard]] Result<ClusterReport> cluster_from_json(const Json &json);
[[nodiscard]] Result<ExportsReport> exports_from_json(const Json &json);
[[nodiscard]] Result<ExplainReport> explain_from_json(const Json &json);
[[nodiscard]] Result<HintsReport> hints_from_json(const Json &json);

} // namespace swpath
