// SPDX-License-Identifier: GPL-2.0-or-later
/// The kernel's own view of the units, for when no pathd answers; and orders straight to the
/// kernel. Blocks on no disk.
#pragma once

#include "libpath/control/order.h"
#include "libpath/control/report.h"

namespace swpath::ctl
{

/// Every unit of the kernel with its history. A unit that goes away while it is read is left out.
/// Refusals: NotReachable the kernel has no device-mapper; Permission not root; Failed.
[[nodiscard]] Answered<Report> read_kernel();

/// True if the kernel has the target. Asking makes it load the module, so false means that the
/// module is not installed for this kernel, or that it was refused.
[[nodiscard]] bool target_is_loaded();

/// Sends the messages of `done` to the unit. What the kernel refuses is told with the hint that
/// fits. Refusals: NotFound the unit is gone; Unsafe; Permission; Failed.
[[nodiscard]] Answered<void> send_to_kernel(const std::string &unit, const Done &done);

} // namespace swpath::ctl
