// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a program gives to be asked and ordered over the control protocol.
#pragma once

#include <cstdint>
#include <string>

#include "libpath/control/cluster_report.h"
#include "libpath/control/explain_report.h"
#include "libpath/control/exports_report.h"
#include "libpath/control/flight.h"
#include "libpath/control/hints_report.h"
#include "libpath/control/order.h"
#include "libpath/control/report.h"

namespace swpath
{

/// Names one call until it is answered. Never reused.
using CallId = std::uint64_t;

/// The program behind the protocol.
class ControlHandler
{
public:
	virtual ~ControlHandler() = default;

	/// The present state from memory; valid until the handler is entered again. Must not block.
	[[nodiscard]] virtual const Report &report() = 0;

	/// What was recorded of a unit that is in report(). Must not block.
	[[nodiscard]] virtual FlightReport flight(const std::string &unit) = 0;

	/// The cluster of this host, from memory. Must not block.
	[[nodiscard]] virtual ClusterReport cluster() = 0;
	/// The buses of this host and the marks on them, from memory. Must not block.
	[[nodiscard]] virtual HintsReport hints() = 0;

	/// What this host serves, from memory. Must not block.
	[[nodiscard]] virtual ExportsReport exports() = 0;

	/// Why a unit, or a disk of this host, has the paths that it has. Reads sysfs, no disk.
	/// Refusals: NotFound neither a unit nor a disk is called so; those of find_unit().
	[[nodiscard]] virtual Answered<ExplainReport> explain(const std::string &disk) = 0;

	/// Carries out an order of uid 0 whose unit and path exist in report(). Call
	/// ControlServer::answer() with `id`, now or later; the client waits (its own deadline is 2
	/// s unless it asked for more), the loop does not.
	virtual void order(CallId id, const Order &order) = 0;

	/// Reads the configuration again (of uid 0). Answer with one text per change; an unusable
	/// configuration is refused whole with ConfigInvalid. `dry_run`: only say what would
	/// change.
	virtual void reload(CallId id, bool dry_run) = 0;
};

} // namespace swpath
