// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is told about the buses of this host and the marks on them. Plain data; report_json.h has
/// its form on the wire.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libpath/control/report.h"

namespace swpath
{

#define SWPATH_HINTS_STATES(X)                                                                     \
	X(Off, "off")           /* there is no [hints] */                                          \
	X(Idle, "idle")         /* no port is known to lead to a bus: no lock space is needed */   \
	X(Starting, "starting") /* its process does not take orders yet */                         \
	X(Ready, "ready")                                                                          \
	X(Stopped, "stopped") /* the lock manager lets nobody lock: no quorum, or no fence */      \
	X(Down, "down")       /* its process has ended, or cannot be started */
SWPATH_WORDS(HintsState, SWPATH_HINTS_STATES)

struct PortReport {
	std::string port;    ///< "host2"
	std::string bus;     ///< "$17$B"
	bool given = false;  ///< an administrator named the bus; else its name is derived
	bool shared = false; ///< another host is known to be on it
	std::string text;    ///< one sentence, and why

	bool operator==(const PortReport &) const = default;
};

/// A name that is held in the lock space, or is to be, and the mark there.
struct BusReport {
	std::string bus;          ///< "$17$B"
	std::string lock;         ///< its name in the lock space: "swbus$17$B"
	bool held = false;        ///< by the process that runs now
	bool marked = false;      ///< there is a mark that can be read; what follows is its
	std::string text;         ///< why the mark cannot be read; empty: nobody has left one
	bool shared = false;      ///< who left it knows that he is not alone
	bool serves = false;      ///< he serves disks to others
	std::uint16_t server = 0; ///< his number
	bool own = false;         ///< that is this host
	std::uint64_t epoch = 0;
	std::string disk; ///< the hash of a disk that he has there: 16 hexadecimal digits

	bool operator==(const BusReport &) const = default;
};

struct HintsReport {
	WallTime generated{};
	Source source = Source::Pathd;
	std::string version; ///< of the program that made it
	HintsState state = HintsState::Off;
	std::string engine;            ///< "local", "dlm"
	std::string lockspace;         ///< of dlm
	std::uint16_t number = 0;      ///< this host's
	std::uint64_t process = 0;     ///< the lock space's; 0: none runs
	std::uint64_t restarts = 0;    ///< times that it was started again
	std::string trouble;           ///< the last one; may be empty
	std::vector<PortReport> ports; ///< by name
	std::vector<BusReport> buses;  ///< by name

	bool operator==(const HintsReport &) const = default;
};

} // namespace swpath
