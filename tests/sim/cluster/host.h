// SPDX-License-Identifier: GPL-2.0-or-later
/// A host of a churn run and the one pathd on it: the real recovery, and with the static engine the
/// real StaticMembership; it is started, killed, frozen and thawed.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "counter_service.h"
#include "libpath/cluster/recovery.h"
#include "libpath/cluster/static_membership.h"
#include "tests/sim/context.h"

namespace swpath::sim
{

/// One life of pathd.
struct ClusterProcess {
	Member member;
	std::vector<std::unique_ptr<CounterService>> services;
	std::unique_ptr<Recovery> recovery;
	std::unique_ptr<StaticMembership> links; ///< static engine only
};

class ClusterHost
{
public:
	using Send = std::function<void(ClusterHost &, const RecoveryActions &)>;

	ClusterHost(Context &context, unsigned id, Record &record, Send send)
		: context_(context), id_(id), record_(record), send_(std::move(send))
	{
	}

	[[nodiscard]] unsigned id() const { return id_; }
	[[nodiscard]] std::string name() const { return fmt::format("h{:02}", id_); }
	/// Null: no pathd runs.
	[[nodiscard]] ClusterProcess *process() { return process_.get(); }
	[[nodiscard]] bool frozen() const { return frozen_; }
	[[nodiscard]] bool speaks() const { return process_ && !frozen_; }

	void start(std::uint64_t incarnation, ChurnMutant mutant,
		   CounterService::Everywhere &everywhere);
	void kill();
	void freeze() { frozen_ = true; }
	void thaw();

	/// Runs `what` in the process with this incarnation: now, or when it is thawed; not at all
	/// if there is another one by then.
	void reach(std::uint64_t incarnation,
		   std::function<RecoveryActions(ClusterProcess &)> what);

private:
	void step(const std::function<RecoveryActions(ClusterProcess &)> &what);
	void tell(const RecoveryStatus &before, const RecoveryStatus &after);
	void arm();
	void judge();

	Context &context_;
	unsigned id_;
	Record &record_;
	Send send_;
	std::unique_ptr<ClusterProcess> process_;
	bool frozen_ = false;
	std::deque<std::pair<std::uint64_t, std::function<RecoveryActions(ClusterProcess &)>>>
		waiting_;
	std::uint64_t timer_ = 0;
};

} // namespace swpath::sim
