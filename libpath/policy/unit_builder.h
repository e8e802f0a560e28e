// SPDX-License-Identifier: LGPL-2.1-or-later
/// From what is wanted (configuration) and what is seen (devices, the kernel's table) to a plan:
/// which legs to mark, which connections to make, whether to create the unit or to reload its
/// table.
///
/// A table has one place ("slot") for each configured path, in the configured order, so that a path
/// keeps its index for life. A slot without a usable device is absent, "-". Only a proved device
/// enters a table; a device that is gone leaves it as soon as nothing of it is in flight.
///
/// The plan is data: printed by `pathd --dry-run`, golden in the tests, carried out elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libpath/base/dev_number.h"
#include "libpath/base/instant.h"
#include "libpath/config/config.h"
#include "libpath/unit/table.h"
#include "libpath/unit/unit_status.h"

namespace swpath
{

/// A device of this host that leads, or claims to lead, to the unit's disk.
struct SeenLeg {
	DevNumber number;
	std::string name; ///< "sda"
	PathKind kind = PathKind::DIRECT;
	std::string hctl;    ///< direct
	std::string by_path; ///< direct
	/// Served: the slot that its connection was made for. Nothing: a connection of ours that no
	/// slot wants any more.
	std::optional<unsigned> served_slot;
	bool alive = true;    ///< served: the kernel holds a connection
	bool marked = false;  ///< hidden from blkid, LVM and so on
	bool proved = false;  ///< the last check proved it
	bool settled = false; ///< there was a verdict, good or bad, since it appeared
};

/// The unit as the kernel has it.
struct SeenUnit {
	Table table; ///< as loaded; devices as "MAJ:MIN"
	UnitStatus status;
};

struct SeenWorld {
	std::vector<SeenLeg> legs;
	std::optional<SeenUnit> unit;
	std::uint64_t capacity_bytes = 0; ///< of the proved disk; 0: nothing is proved yet
	/// Served slots whose connection was tried, and failed, since the last success.
	std::vector<bool> served_tried;
	/// When the first leg was proved: a unit does not wait for its other paths for ever.
	std::optional<Instant> first_proved;
	Instant now{};
};

struct PlanStep {
	enum class Kind : std::uint8_t { Mark, Unmark, Attach, Detach, Create, Reload, Wait } kind;
	std::optional<DevNumber> leg; ///< Mark, Unmark, Detach
	std::optional<unsigned> slot; ///< Attach
	std::optional<Table> table;   ///< Create, Reload
	std::string why;              ///< for people

	/// One line: "reload sw0: 131072 sectors, direct 8:0, served - (nbd0 is gone)".
	[[nodiscard]] std::string text(const std::string &unit) const;
};

struct UnitPlan {
	std::vector<PlanStep> steps;
	/// For each slot the device that stands for it now (in the table, or on its way into it).
	std::vector<std::optional<DevNumber>> slots;
	/// Devices with the unit's identity that no slot wants.
	std::vector<DevNumber> spare;
};

/// How long a unit that could be created waits for its other paths to show themselves.
inline constexpr Duration create_grace = std::chrono::seconds(3);

/// A bio in flight for longer than this might be hanging: no reload then.
inline constexpr std::chrono::milliseconds reload_oldest_max{500};

/// Plans one unit. Steps are in the order in which they are to be done; a Reload or Create is
/// always the last but for Wait. Pure.
[[nodiscard]] UnitPlan plan_unit(const UnitConfig &wanted, const SeenWorld &world);

/// True if a reload cannot wait for a hanging path: see multipath facts in docs/states.md.
[[nodiscard]] bool safe_to_reload(const UnitStatus &status);

/// True if `name` (an HCTL or an ID_PATH) matches `pattern`, in which "*" stands for any run of
/// characters; an empty pattern matches everything.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view name);

} // namespace swpath
