// SPDX-License-Identifier: LGPL-2.1-or-later
/// Makes reports from what the kernel says, and the one word and sentence that sum them up. Pure:
/// pathd calls it with what its monitors know, pathctl without.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "libpath/control/report.h"
#include "libpath/unit/reason.h"
#include "libpath/unit/table.h"
#include "libpath/unit/unit_name.h"

namespace swpath
{

/// The fields of `unit` that the kernel knows, replaced by what it says now; names, labels,
/// endpoints, monitor words, failback and history stay. Paths are matched by index; `unit.paths`
/// gets as many as the kernel has. Call sum_up() after everything else is set.
void set_kernel_status(UnitReport &unit, const UnitStatus &status, WallTime now);

/// The values of the table that the status line does not carry.
void set_kernel_table(UnitReport &unit, const Table &table);

/// History, oldest first, under the names that the paths have now. Call after the paths are named.
void set_history(UnitReport &unit, std::span<const SwitchRecord> records);

/// Sets the health of every path, then health and reason_text of the unit, from the other fields.
/// A path's `since` is left alone: who keeps it compares the health before and after.
void sum_up(UnitReport &unit);

/// A person took it out (`fail`, or a forced switch away from it): only `reinstate` takes it back.
[[nodiscard]] bool failed_by_operator(const PathReport &path) noexcept;

} // namespace swpath
