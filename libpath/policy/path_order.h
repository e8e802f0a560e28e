// SPDX-License-Identifier: LGPL-2.1-or-later
/// Whose numbers the kernel's are.
///
/// The kernel knows the paths of a unit by their places in its table, and a table has them in the
/// order of the configuration that it was made from. Where another configuration gives these
/// numbers to other paths, what the kernel says of "path 1" is not about the path 1 of now, until a
/// table of the new order is loaded. And if writes are in doubt by then, the path that has them may
/// be in no table any more: whatever is proved about the others proves nothing about these writes.
#pragma once

#include <string>
#include <vector>

#include "libpath/config/config.h"
#include "libpath/unit/unit_status.h"

namespace swpath
{

/// What a path is, whatever people call it; in the order of the configuration.
[[nodiscard]] std::vector<std::string> path_identities(const UnitConfig &config);

/// Each path of `before` has the same number in `after`.
[[nodiscard]] bool keeps_numbers(const std::vector<std::string> &before,
				 const std::vector<std::string> &after);

/// Nothing that the unit does or waits for depends on a path's number.
[[nodiscard]] bool may_renumber(const UnitStatus &status);

class PathOrder
{
public:
	/// Has to outlive the process.
	struct State {
		std::vector<std::string> paths; ///< of the kernel's table; none: not known
		bool untraced =
			false; ///< writes in doubt may be on a path that is not there any more

		bool operator==(const State &) const = default;
	};

	PathOrder() = default;
	explicit PathOrder(State state) : state_(std::move(state)) {}
	[[nodiscard]] const State &state() const { return state_; }

	/// The kernel's table is one of these paths.
	void loaded(std::vector<std::string> paths);
	/// The unit was seen, while `paths` are configured.
	void looked(const UnitStatus &status, const std::vector<std::string> &paths);

	/// The numbers of `status` are those of `paths`.
	[[nodiscard]] bool agrees(const std::vector<std::string> &paths) const
	{
		return keeps_numbers(state_.paths, paths);
	}
	/// What `status` says of the path that is left does not tell where the writes in doubt are.
	[[nodiscard]] bool untraced(const UnitStatus &status,
				    const std::vector<std::string> &paths) const;

private:
	State state_;
	bool renumbered_ = false; ///< since the unit was seen last
};

} // namespace swpath
