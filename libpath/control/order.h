// SPDX-License-Identifier: LGPL-2.1-or-later
/// What an operator can ask for, and what it becomes for the kernel. Pure: pathd carries orders
/// out, pathctl shows them (--dry-run) or sends them itself (--kernel).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/control/refusal.h"
#include "libpath/control/report.h"

namespace swpath
{

/// (enumerator, verb of pathctl); the protocol's method is the same with a capital.
#define SW_VERBS(X)                                                                                \
	X(Switch, "switch")                                                                        \
	X(Hold, "hold")                                                                            \
	X(Release, "release")                                                                      \
	X(Fail, "fail")                                                                            \
	X(Reinstate, "reinstate")                                                                  \
	X(Failback, "failback")                                                                    \
	X(Pin, "pin")                                                                              \
	X(Unpin, "unpin")                                                                          \
	X(Abort, "abort")                                                                          \
	X(Retry, "retry")                                                                          \
	X(Fenced, "fenced")

SWPATH_WORDS(Verb, SW_VERBS)

/// True for Switch, Fail and Reinstate: they name a path.
[[nodiscard]] bool takes_path(Verb verb) noexcept;

/// True if the order is pathd's own affair: Failback, Pin, Unpin and Fenced mean nothing to the
/// kernel.
[[nodiscard]] bool needs_daemon(Verb verb) noexcept;

struct Order {
	Verb verb = Verb::Hold;
	std::string unit;             ///< "sw0": already found
	std::optional<unsigned> path; ///< index: already found; set if and only if takes_path(verb)
	/// Switch: do not wait for the old path, do not flush it. Fail: even the last path. Fenced:
	/// the person is sure.
	bool forced = false;
	bool dry_run = false; ///< say what would be done, do nothing

	bool operator==(const Order &) const = default;
};

/// What carrying an order out came to.
struct Done {
	std::vector<std::string> messages; ///< messages to the kernel, as in "switch 1 cooperative"
	std::string text;                  ///< one line for the operator; may be empty

	bool operator==(const Done &) const = default;
};

/// The kernel messages of an order for a unit as it is reported; empty if the order concerns
/// pathd alone (Pin, Unpin) or there is nothing to do (already so; `text` says it). Failback goes
/// to the most preferred path that is usable. Refusals: Unsafe the order cannot be carried out in
/// this state or would leave the unit without a usable path (the hint names the way that works);
/// NotFound no such path.
[[nodiscard]] Answered<Done> plan_order(const Order &order, const UnitReport &unit);

/// The path of a unit that `query` names: its label, its device ("sda", "/dev/sda", "8:0"), its
/// index
/// ("0", "#0"), its endpoint, or its kind where only one path is of that kind.
/// Refusals: NotFound none is called so (names those that exist, and the nearest); Usage several
/// are.
[[nodiscard]] Answered<unsigned> find_path(const UnitReport &unit, std::string_view query);

/// The unit of a report that `query` names, as find_unit() of libpath/unit/unit_name.h.
/// Refusals: NotFound (names those that exist); Usage several are called so.
[[nodiscard]] Answered<std::size_t> find_unit(const Report &report, std::string_view query);

} // namespace swpath
