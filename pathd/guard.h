// SPDX-License-Identifier: GPL-2.0-or-later
/// The guard of the legs: looks now and then who has one of them open past its unit, and tells. The
/// looking is done by a thread of its own; nothing waits for it, least of all a switch.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/control/report.h"
#include "libpath/policy/leg_guard.h"
#include "pathd/mailbox.h"
#include "pathd/worker.h"

namespace swpath
{

class Guard
{
public:
	/// The legs, and the unit of each.
	using Legs = std::map<DevNumber, std::string>;
	/// `legs` is asked before each look. `server_socket`: whoever listens there may have them
	/// open, for it is this host's own server; empty: there is none. `changed`: what is told of
	/// this unit is another.
	Guard(std::shared_ptr<Mailbox> mailbox, std::string server_socket,
	      std::function<Legs()> legs, std::function<void(const std::string &unit)> changed);

	/// Looks if it is due. `interval` 0: never.
	void step(Instant now, Duration interval);
	/// Nothing: no look is due before this is asked again.
	[[nodiscard]] std::optional<Instant> deadline(Duration interval) const;

	/// Who has legs of a unit open, with the times by today's wall clock.
	[[nodiscard]] std::vector<LegUser> opened(const std::string &unit) const;

private:
	void looked(const Result<DeviceUses> &seen);
	[[nodiscard]] std::string unit_of(const DeviceUse &use) const;

	std::shared_ptr<Mailbox> mailbox_;
	std::string server_socket_;
	std::function<Legs()> legs_;
	std::function<void(const std::string &)> changed_;
	std::unique_ptr<Worker> worker_;
	LegGuard guard_;
	Legs units_; ///< of all legs that were ever looked at
	std::map<std::string, std::vector<LegGuard::Opened>> opened_; ///< by unit
	std::optional<Instant> began_; ///< of the look that is under way
	Instant due_{};
	bool first_ = true;
	std::string trouble_; ///< that was told
	std::shared_ptr<bool> here_ = std::make_shared<bool>(true);
};

} // namespace swpath
