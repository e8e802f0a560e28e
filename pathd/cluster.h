// SPDX-License-Identifier: GPL-2.0-or-later
/// This host as a member: an engine that knows who else is one, and the recovery of what they keep
/// together.
#pragma once

#include <memory>

#include "libpath/cluster/cluster_engine.h"
#include "libpath/control/cluster_report.h"

namespace swpath
{

class Cluster
{
public:
	/// `services`: lent.
	Cluster(Member self, std::unique_ptr<ClusterEngine> engine,
		std::vector<SyncService *> services);

	/// Readable when step() has something to do.
	[[nodiscard]] int fd() const { return engine_->fd(); }
	[[nodiscard]] std::optional<Instant> deadline() const;
	/// Never waits. True: something was sent, or has come.
	bool step(Instant now);
	/// Phase, ring, members and counts.
	void report(ClusterReport &into) const;

private:
	[[nodiscard]] bool apply(RecoveryActions actions, Instant now);

	std::unique_ptr<ClusterEngine> engine_;
	Recovery recovery_;
	std::string told_; ///< trouble that is in the log already
};

} // namespace swpath
