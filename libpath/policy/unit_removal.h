// SPDX-License-Identifier: LGPL-2.1-or-later
/// Whether the device of a unit that the configuration knows no more can go.
#pragma once

#include <optional>
#include <string>

#include "libpath/unit/unit_status.h"

namespace swpath
{

/// Why the device must stay, for people: no capital, no full stop. Nothing: nobody misses it.
/// `open_count` is device-mapper's. Writes in doubt bind a unit that nobody has open as well: a new
/// one would know nothing of them, and open a path over which they have not been fenced.
[[nodiscard]] std::optional<std::string> why_unit_stays(const UnitStatus &status,
							unsigned open_count);

} // namespace swpath
