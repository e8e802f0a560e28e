// SPDX-License-Identifier: GPL-2.0-or-later
/// One churn run: 2 to 16 hosts whose processes come, go, freeze and whose cables are cut, all of
/// it made from a seed; then it becomes quiet, and those that speak must have recovered together.
#pragma once

#include "engine.h"

namespace swpath::sim
{

struct ChurnResult {
	std::uint64_t events = 0;
	std::uint64_t faults = 0;
	std::uint64_t rounds = 0; ///< complete ones, of each host
	std::uint64_t aborts = 0;
	std::uint64_t refused = 0;
	std::uint64_t activations = 0;
	Nanos quiet = 0; ///< from the last fault to all being complete
	Nanos simulated = 0;
	std::string violation; ///< empty: none
};

class Churn
{
public:
	Churn(std::uint64_t seed, bool trace, ChurnMutant mutant);

	ChurnResult run();

private:
	void run_until(Nanos until);
	void send(ClusterHost &from, const RecoveryActions &actions);
	void fault();
	void one_fault(unsigned which);
	void start(ClusterHost &host);
	void kill(ClusterHost &host);
	void cut(unsigned from, unsigned to);
	void heal();
	void become_quiet();
	[[nodiscard]] bool converged();
	[[nodiscard]] bool broken() const { return context_.checker.violation() != nullptr; }

	Context context_;
	ChurnMutant mutant_;
	Network network_;
	Record record_;
	CounterService::Everywhere everywhere_; ///< outlives the hosts
	Fabric fabric_;
	std::unique_ptr<ClusterEngine> engine_;
	bool calm_ = false;
	std::uint64_t incarnation_ = 0;
	Nanos pause_ = 0; ///< between two faults, at most
	ChurnResult result_;
};

} // namespace swpath::sim
