// SPDX-License-Identifier: LGPL-2.1-or-later
/// The administrator's wishes: /etc/swpath/swpath.toml and conf.d/*.toml, read whole or refused
/// whole. docs/man/swpath.toml.5.scd describes every key.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/config/cluster.h"
#include "libpath/config/hints.h"
#include "libpath/unit/kinds.h"
#include "libpath/unit/nbd_endpoint.h"

namespace swpath
{

inline constexpr std::string_view config_file = "/etc/swpath/swpath.toml";
inline constexpr std::string_view config_dir = "/etc/swpath/conf.d";

#define SWPATH_FAILBACK_POLICIES(X)                                                                \
	X(Auto, "auto")                                                                            \
	X(Manual, "manual")
SWPATH_WORDS(FailbackPolicy, SWPATH_FAILBACK_POLICIES)

#define SWPATH_LOG_LEVELS(X)                                                                       \
	X(Error, "error")                                                                          \
	X(Warning, "warning")                                                                      \
	X(Info, "info")                                                                            \
	X(Debug, "debug")
SWPATH_WORDS(LogLevel, SWPATH_LOG_LEVELS)

#define SWPATH_DISCOVERIES(X)                                                                      \
	X(None, "none")                                                                            \
	X(Shared, "shared")                                                                        \
	X(All, "all")
SWPATH_WORDS(Discovery, SWPATH_DISCOVERIES)

/// Which disks become units though nobody has written them down.
struct DiscoverConfig {
	/// Shared: those that this host has a path of its own to, and another host too. All: those
	/// that only other hosts have as well.
	Discovery units = Discovery::None;
	std::vector<std::string> except; ///< WWIDs, a "*" stands for any run of characters

	bool operator==(const DiscoverConfig &) const = default;
};

struct FailbackConfig {
	FailbackPolicy policy = FailbackPolicy::Auto;
	Duration interval = std::chrono::seconds(300); ///< since the last try
	Duration stable =
		std::chrono::seconds(20); ///< unbroken health before the path is used again

	bool operator==(const FailbackConfig &) const = default;
};

struct PathConfig {
	PathKind kind = PathKind::DIRECT;
	std::string
		name; ///< for people; unique in its unit; "direct" or the server's host by default
	/// Direct: narrows the choice among this host's ways to the disk; empty: any with the WWID.
	std::string hctl;    ///< "2:0:0:0", a "*" stands for any number
	std::string by_path; ///< udev's ID_PATH, "*" matches any run of characters
	/// Served: by a peer of the cluster, which is asked for the rest, or else by any server.
	std::string peer;
	NbdEndpoint server;
	std::string export_name;

	bool operator==(const PathConfig &) const = default;
};

struct UnitConfig {
	std::string name;    ///< "sw0"
	std::string wwid;    ///< as sysfs spells it; may be the name of a served disk that has none
	bool enabled = true; ///< false: pathd neither builds it nor touches it
	bool build = true;   ///< false: only checked and served; no /dev/swN
	bool serve = false;  ///< peers may use this host's direct path to it
	Duration mv_timeout = std::chrono::seconds(SW_MV_TIMEOUT_S_DEFAULT); ///< whole seconds
	Duration stall = std::chrono::milliseconds(SW_STALL_MS_DEFAULT);     ///< 0: never
	Fence fence = Fence::PROVE;
	bool lu_reset = true; ///< a fence may reset the logical unit
	bool reservations =
		false; ///< keys are registered, and a fence may use and make reservations
	unsigned witness = SW_WITNESS_DEFAULT;
	FailbackConfig failback;
	Duration check_interval = std::chrono::seconds(5);
	/// Time limit of a command on a leg; nothing ("auto"): derived from `stall`.
	std::optional<Duration> command_timeout;
	/// This host's own ways to the disk, if no path is written. 1 to SW_PATHS_MAX.
	unsigned direct_paths = 1;
	/// In order of preference, 1 to SW_PATHS_MAX. If none is written: this host's own, and if
	/// the unit is built one through each peer.
	std::vector<PathConfig> paths;
	bool paths_derived = false; ///< none is written

	bool operator==(const UnitConfig &) const = default;

	/// What `command_timeout` comes to, in whole seconds: given, or the stall budget less a
	/// second for the hold itself, at least 1 s and at most 30 s.
	[[nodiscard]] std::chrono::seconds effective_command_timeout() const;
};

struct DaemonConfig {
	std::string socket = "/run/swpath/pathd.sock";
	std::string socket_group = "disk"; ///< may read; changing is for root
	LogLevel log_level = LogLevel::Info;
	/// Between two looks who has a leg open past its unit; 0: never.
	Duration guard_interval = std::chrono::seconds(10);

	bool operator==(const DaemonConfig &) const = default;
};

/// Where a value was written. Lines and columns count from 1; line 0: a built-in default.
struct Origin {
	std::string file;
	unsigned line = 0;
	unsigned column = 0;

	/// "/etc/swpath/swpath.toml:12:3", or "default".
	[[nodiscard]] std::string text() const;
	bool operator==(const Origin &) const = default;
};

struct Config {
	DaemonConfig daemon;
	ClusterConfig cluster;
	DiscoverConfig discover;
	HintsConfig hints;
	std::map<std::string, UnitConfig> units; ///< by name
	/// Origin of each value that was written, by its full key ("unit.sw0.failback.interval",
	/// "unit.sw0.path.0.server"). A unit's key that is missing here came from "defaults.…" if
	/// that is here, else it is built in.
	std::map<std::string, Origin> origins;

	[[nodiscard]] const UnitConfig *unit(std::string_view name) const;
};

/// Gives all units that have no paths written those of `cluster`.
void derive_paths(Config &config, const ClusterConfig &cluster);

/// These, and no others, are the peers that were found: units whose paths are derived have one
/// through each, after those of the configuration. Who is configured is passed over. Pure.
void set_found_peers(Config &config, const std::vector<PeerConfig> &found);

/// Units that are built and whose paths are derived, without one through `peer`: they have as many
/// as they can. By name. Pure.
[[nodiscard]] std::vector<std::string> units_without_path(const Config &config,
							  std::string_view peer);

/// A configuration that was loaded while pathd runs is given what pathd reads at its start only,
/// from the one that it was started with: [cluster], [hints], and of [daemon] socket and
/// socket_group. So it differs for as long as pathd is not restarted. Pure.
void keep_started(Config &loaded, const Config &running);

/// `running` gets the units of `loaded` that `file` describes and that it has nothing of yet,
/// neither the name nor the disk; all else of it stays. Returns their names. Pure.
[[nodiscard]] std::vector<std::string> take_new_units(Config &running, const Config &loaded,
						      std::string_view file);

/// One thing that is wrong, where, and what would be right.
struct ConfigProblem {
	Origin where;
	std::string text; ///< "unknown key 'stal' in [unit.sw0]"
	std::string hint; ///< "did you mean 'stall'?"; may be empty

	/// "FILE:LINE:COL: TEXT (HINT)".
	[[nodiscard]] std::string message() const;
};

/// A configuration, or everything that is wrong with it (never empty).
using ConfigResult = tl::expected<Config, std::vector<ConfigProblem>>;

struct ConfigFile {
	std::string path;
	std::string text;
};

/// Reads the files' texts in this order. Keys of [daemon] and [defaults] in a later file replace
/// those of an earlier one; a unit belongs to one file. Pure.
[[nodiscard]] ConfigResult parse_config(std::span<const ConfigFile> files);

/// Reads `main` and then every *.toml of `directory`, sorted by name. A `main` or a directory that
/// does not exist is an empty one. Blocks on the file system they lie on.
[[nodiscard]] ConfigResult load_config(const std::string &main = std::string(config_file),
				       const std::string &directory = std::string(config_dir));

/// A value in effect, for `pathctl config show`.
struct EffectiveValue {
	std::string key;   ///< "unit.sw0.stall"
	std::string value; ///< as TOML: "\"5s\"", "true", "4"
	Origin origin;
};
/// All of them, in the order of the man page; units by name.
[[nodiscard]] std::vector<EffectiveValue> effective_values(const Config &config);

#define SWPATH_CONFIG_CHANGES(X)                                                                   \
	X(DaemonChanged, "daemon changed")                                                         \
	X(ClusterChanged, "cluster changed")                                                       \
	X(DiscoverChanged, "discover changed")                                                     \
	X(HintsChanged, "hints changed")                                                           \
	X(UnitAdded, "unit added")                                                                 \
	X(UnitRemoved, "unit removed")                                                             \
	X(UnitChanged, "unit changed")
SWPATH_WORDS(ConfigChangeKind, SWPATH_CONFIG_CHANGES)

struct KeyChange {
	std::string key;    ///< "stall", "path.1.server"
	std::string before; ///< empty: was not there
	std::string after;  ///< empty: is gone

	bool operator==(const KeyChange &) const = default;
};

/// What a reload would do to one unit, or to the daemon (`unit` empty).
struct ConfigChange {
	ConfigChangeKind kind = ConfigChangeKind::UnitChanged;
	std::string unit;
	std::vector<KeyChange> keys; ///< of effective values; empty for added and removed units
};
/// What is left to do for a change that a reload does not take; empty: the reload does it.
[[nodiscard]] std::string needs_restart(const ConfigChange &change);
/// What is not listed has not changed and is not to be touched.
[[nodiscard]] std::vector<ConfigChange> diff(const Config &before, const Config &after);

} // namespace swpath
