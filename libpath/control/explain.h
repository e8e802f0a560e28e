// SPDX-License-Identifier: LGPL-2.1-or-later
/// Why a disk has the paths that it has: from what pathd knows to sentences for people. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libpath/config/config.h"
#include "libpath/control/explain_report.h"
#include "libpath/control/peer_message.h"
#include "libpath/control/report.h"
#include "libpath/policy/fence.h"

namespace swpath
{

/// A peer that is to serve a path.
struct PeerFacts {
	bool reachable = false;
	std::string trouble;                   ///< why not; may be empty
	std::optional<PeerAnswer> attestation; ///< the last one
	std::uint64_t epoch = 0;               ///< that it has granted; 0: none
	std::string unequal; ///< why users' reservations are not the same there; may be empty
};

struct PathFacts {
	PathReport report;
	PathConfig config;
	std::string origin;            ///< "/etc/swpath/swpath.toml:12:1"
	std::string hctl;              ///< of its device; may be empty
	std::string proof;             ///< what its last good check rests on; may be empty
	std::string stranger;          ///< another disk in its place; may be empty
	std::optional<PeerFacts> peer; ///< of a path by a peer
	FencePath fence;
};

/// A device that leads to the unit's disk and is no path.
struct SpareFacts {
	std::string name; ///< "sdb"
	PathKind kind = PathKind::DIRECT;
	std::string hctl;    ///< may be empty
	std::string by_path; ///< may be empty
};

struct UnitFacts {
	UnitReport report;
	UnitConfig config;
	std::string origin;
	std::vector<PathFacts> paths; ///< in the configured order
	std::vector<SpareFacts> spare;
};

/// A disk of this host, whether it is a unit's or not.
struct DiskFacts {
	std::string name;      ///< "sdb"
	std::string transport; ///< as word(Transport)
	std::string wwid;
	std::string hctl;
	std::string dm_name;
	std::string nbd_backend;
	std::string
		not_found{}; ///< why it does not become a unit by itself; one clause, may be empty
};

/// A unit of the configuration.
struct ConfiguredUnit {
	UnitConfig config;
	std::string origin;
};

struct ExplainFacts {
	std::string asked;
	std::optional<UnitFacts> unit;
	std::optional<DiskFacts> device; ///< that was asked for, if it was one
	std::vector<ConfiguredUnit> configured;
};

/// What there is to say, the unit first, then each path, then what follows from them. Who has more
/// to say about a disk adds an Explanation of its own at the end.
[[nodiscard]] std::vector<Explanation> explain(const ExplainFacts &facts);

} // namespace swpath
