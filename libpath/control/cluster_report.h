// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is told about the cluster of this host. Plain data; report_json.h has its form on the wire.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libpath/cluster/recovery.h"
#include "libpath/control/report.h"

namespace swpath
{

/// A host of the configuration; or a member that is none of them, and has no address.
struct PeerReport {
	std::string name;       ///< "beta"
	std::string address;    ///< where its pathd answers: "10.0.0.2:10808"
	bool reachable = false; ///< there is a connection, and it has said who it is
	bool member = false;    ///< it takes part in the present round
	std::string text; ///< why it is not reachable, or no member; how it was found; may be empty

	bool operator==(const PeerReport &) const = default;
};

struct ClusterReport {
	WallTime generated{};
	Source source = Source::Pathd;
	std::string version; ///< of the program that made it
	std::string name;    ///< of this host; empty: there is no [cluster]
	std::string engine; ///< what knows the members: "static", "corosync"; empty: not joined yet
	std::string trouble;   ///< what keeps this host out of its cluster; may be empty
	std::string discovery; ///< what keeps it from finding other hosts; may be empty

	// As RecoveryStatus has them.
	RecoveryPhase phase = RecoveryPhase::Alone;
	std::string ring_leader;
	std::uint64_t ring_sequence = 0;
	std::uint64_t epoch = 0;
	std::vector<std::string> members; ///< names, this host's too
	std::vector<std::string> waiting_for;
	std::uint64_t recovery_us = 0; ///< the last complete one, from the change on; 0: none yet
	std::uint64_t rounds = 0;
	std::uint64_t aborts = 0;
	std::uint64_t refused = 0;
	std::uint64_t left_out = 0; ///< times that a member was, because it was silent

	std::vector<PeerReport> peers; ///< in the order of the configuration, then the others

	bool operator==(const ClusterReport &) const = default;
};

} // namespace swpath
