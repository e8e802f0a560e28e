// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the kernel's reason words mean, for people and for decisions.
#pragma once

#include <string_view>

#include "libpath/unit/kinds.h"

namespace swpath
{

/// Why a hold began or a path is not used, for people: "command timeout", "no answer within the
/// stall budget", "failback". No capital, no full stop.
[[nodiscard]] std::string_view reason_text(Reason reason);

/// True if the reason is a proof against the path (the disk behind it is another one, or not usable
/// as this unit's disk), as opposed to the absence of a proof for it: such a path is rejected, and
/// no mount verification may choose it.
[[nodiscard]] constexpr bool refuses(Reason reason)
{
	return reason == Reason::IDENTITY || reason == Reason::SIZE ||
	       reason == Reason::WRITE_PROTECTED || reason == Reason::STALE_DATA ||
	       reason == Reason::REFUSED;
}

} // namespace swpath
