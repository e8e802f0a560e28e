// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which disks become units though nobody has written them down: [discover] of the configuration.
/// Pure: what this host and its peers have comes in, what is to be added to the configuration goes
/// out.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "libpath/config/config.h"

namespace swpath
{

/// A disk that this host has a path of its own to, and that is no unit.
struct OwnDisk {
	std::string wwid;
	std::string name;    ///< of its device: "sdb"
	bool shared = false; ///< other hosts are on its bus
	bool in_use = false; ///< somebody else has claimed it, or a part of it

	bool operator==(const OwnDisk &) const = default;
};

struct FinderView {
	std::vector<OwnDisk> own{}; ///< several with one WWID: its paths
	/// WWID to the name that its server gave it, which may be empty.
	std::map<std::string, std::string> served{};
	std::set<std::string> units{}; ///< names that are taken
	std::set<std::string> wwids{}; ///< of those units
};

struct FoundUnit {
	std::string name;
	std::string wwid;

	bool operator==(const FoundUnit &) const = default;
};

struct FoundUnits {
	std::vector<FoundUnit> add; ///< by WWID
	/// Why the others are none, by WWID: one clause without a full stop.
	std::map<std::string, std::string> why_not;
};

/// A disk that only others have becomes a unit at once; that its served image waits for a path of
/// this host is BusSharing's.
[[nodiscard]] FoundUnits find_units(const DiscoverConfig &policy, const FinderView &view);

} // namespace swpath
