// SPDX-License-Identifier: GPL-2.0-or-later
/// What a unit leaves behind when the configuration knows it no more: its device, and its legs,
/// which are hidden from other programs.
#pragma once

#include <string>
#include <vector>

#include "libpath/base/dev_number.h"
#include "libpath/unit/kinds.h"

namespace swpath
{

struct UnitEnd {
	struct Leg {
		DevNumber number;
		std::string sysname;
		PathKind kind = PathKind::DIRECT;
	};
	std::string name;
	std::string wwid;
	std::vector<Leg> legs;
};

/// What becomes of the device, as things are now, for people: "/dev/sw0 is removed, nobody uses
/// it", "/dev/sw0 is left as it is: it is open". Does not block on any disk.
[[nodiscard]] std::string fate_of(const UnitEnd &end);

/// Removes the device unless somebody needs it; the kernel refuses that of one that is open,
/// whatever was known before. Says in the log what it did. True: there is none any more, and the
/// legs are nobody's. Blocks: for a removal that is tried again (5 s).
[[nodiscard]] bool remove_device(const UnitEnd &end);

/// Ends the connections of served legs. Blocks while a server does not take the end of its
/// connection (NbdControl::disconnect()).
void end_connections(const UnitEnd &end);

/// Shows direct legs to other programs, which udev's rules must allow by now.
void show_legs(const UnitEnd &end);

/// The same for disks whose marks were left over and have been taken away.
void show_again(const std::vector<DevNumber> &numbers);

} // namespace swpath
