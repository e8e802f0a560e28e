// SPDX-License-Identifier: GPL-2.0-or-later
/// The judge of a churn run: what every service of every host did in which round, compared at every
/// step. It is told by the services and decides nothing for them.
#pragma once

#include <map>
#include <set>
#include <string>

#include "libpath/cluster/sync_service.h"
#include "tests/sim/checker.h"

namespace swpath::sim
{

/// The state that the services of a run keep equal: a counter for each host, the greatest wins.
using Counters = std::map<std::string, std::uint64_t>;

inline void merge(Counters &into, const Counters &from)
{
	for (const auto &[host, value] : from)
		into[host] = std::max(into[host], value);
}

class Record
{
public:
	explicit Record(Checker &checker) : checker_(checker) {}

	/// A process has this service.
	void provides(const Member &member, ServiceId service)
	{
		providers_[service].insert(member);
	}
	void began(const Member &member, const SyncRound &round);
	void processing(const Member &member, ServiceId service, const SyncTag &tag);
	void said(const Member &member, ServiceId service, const SyncTag &tag,
		  const Counters &what);
	void done(const Member &member, ServiceId service, const SyncTag &tag);
	void activated(const Member &member, ServiceId service, const SyncTag &tag,
		       const Counters &state);
	void expect(bool holds, const char *rule, const char *text)
	{
		checker_.expect(holds, rule, text);
	}

	[[nodiscard]] std::uint64_t activations() const { return activations_; }

private:
	struct Service {
		std::set<Member> done, activated;
		Counters said; ///< by all members together
		std::map<Member, Counters> states;
	};
	struct Round {
		SyncRound round;
		std::map<ServiceId, Service> services;
	};

	Checker &checker_;
	std::map<SyncTag, std::vector<Round>> rounds_;
	std::map<ServiceId, std::set<Member>> providers_;
	std::uint64_t activations_ = 0;

	/// Who has to be done with a service before anybody goes on.
	[[nodiscard]] std::set<Member> needed(const Round &round, ServiceId service) const;
	[[nodiscard]] Round &of(const Member &member, const SyncTag &tag);
};

} // namespace swpath::sim
