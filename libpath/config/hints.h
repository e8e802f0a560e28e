// SPDX-License-Identifier: LGPL-2.1-or-later
/// The marks that this host leaves on its buses, and where: [hints].
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libpath/base/words.h"
#include "libpath/hints/bus_name.h"

namespace swpath
{

#define SWPATH_LOCK_ENGINES(X)                                                                     \
	X(Local, "local") /* the processes of this host */                                         \
	X(Dlm, "dlm")     /* the kernel's lock manager */
SWPATH_WORDS(LockEngine, SWPATH_LOCK_ENGINES)

/// A bus that an administrator has named.
struct BusConfig {
	/// The ID_PATH of a disk on it, or the SCSI host ("host2"); "*" matches any run of
	/// characters.
	std::string port;
	BusName name; ///< not derived()

	bool operator==(const BusConfig &) const = default;
};

struct HintsConfig {
	bool configured = false; ///< there is a [hints]
	LockEngine engine = LockEngine::Local;
	std::string lockspace = "swpath";    ///< of dlm
	std::optional<std::uint16_t> number; ///< this host's, from 1 on; nothing: host_number()
	std::vector<BusConfig> buses;        ///< the first that matches names the bus

	bool operator==(const HintsConfig &) const = default;
};

} // namespace swpath
