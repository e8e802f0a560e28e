// SPDX-License-Identifier: GPL-2.0-or-later
/// What pathd knows and the kernel does not, of units and of found hosts, kept under /run so that
/// it outlives the process but not the boot.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/config/cluster.h"
#include "libpath/policy/carried_key.h"
#include "libpath/policy/export_grant.h"
#include "libpath/policy/path_order.h"
#include "libpath/unit/identity.h"

namespace swpath
{

inline constexpr std::string_view run_dir = "/run/swpath";

struct UnitRunState {
	/// The path that a person chose. `by_switch`: by `switch`, which lasts as long as that path
	/// is active; otherwise by `pin`, which lasts until `unpin`.
	std::optional<unsigned> pinned;
	bool by_switch = false;
	std::optional<Instant> last_failback; ///< last try
	/// The disk as it was first proved: the wwid alone has been seen on two disks.
	std::optional<Identity> identity;
	/// The latest export that a peer has granted us: no I/O of ours went through a later one.
	/// By the peer's name; boots in hexadecimal.
	std::map<std::string, ExportGrant> grants;
	/// Servers that were found not coherent, by Unit::server_of(): a new pathd does not trust
	/// them before they have shown that they are. Only with `witness`.
	std::set<std::string> incoherent;
	CarriedKey::State carried; ///< the key of the unit's users
	ClientKeys::State clients; ///< and of those of the hosts that are served
	PathOrder::State order;    ///< `pinned` and `carried` are by its numbers

	bool operator==(const UnitRunState &) const = default;
};

/// Reads the state of a unit; a file that does not exist, or that cannot be understood, is an empty
/// state. Errors: errno of reading.
[[nodiscard]] Result<UnitRunState>
load_run_state(const std::string &unit, const std::string &directory = std::string(run_dir));
/// Replaces it as a whole. Errors: errno of writing.
[[nodiscard]] Result<void> save_run_state(const std::string &unit, const UnitRunState &state,
					  const std::string &directory = std::string(run_dir));

/// The file's text, and back. Pure.
[[nodiscard]] std::string run_state_text(const UnitRunState &state);
[[nodiscard]] UnitRunState parse_run_state(std::string_view text);

/// Peers that were found, in the order in which units have their paths; none if there is no file.
[[nodiscard]] Result<std::vector<PeerConfig>>
load_found_hosts(const std::string &directory = std::string(run_dir));
[[nodiscard]] Result<void> save_found_hosts(const std::vector<PeerConfig> &hosts,
					    const std::string &directory = std::string(run_dir));
/// The file's text read; none if it cannot be understood. Pure.
[[nodiscard]] std::vector<PeerConfig> parse_found_hosts(std::string_view text);

/// Takes the lock that there is one pathd for the directory; it is held as long as the descriptor
/// is open, but not by a killed process that a hanging disk keeps from ending. Creates the
/// directory. Errors: EWOULDBLOCK another process has it (the context names it).
[[nodiscard]] Result<UniqueFd> lock_run_dir(const std::string &directory = std::string(run_dir));

} // namespace swpath
