// SPDX-License-Identifier: GPL-2.0-or-later
/// A service as awkward as one may be: it says its state in pieces, over several calls, changes it
/// between rounds, and tells the judge of everything that is done with it.
#pragma once

#include <map>

#include "libpath/cluster/sync_service.h"
#include "mutant.h"
#include "record.h"
#include "tests/sim/random.h"

namespace swpath::sim
{

class CounterService : public SyncService
{
public:
	/// Of all hosts, for the mutant that does not send values.
	using Everywhere = std::map<std::pair<Member, ServiceId>, CounterService *>;

	CounterService(ServiceId id, Member self, Record &record, Random &random,
		       ChurnMutant mutant, Everywhere &everywhere);
	~CounterService() override;

	/// Something happened on this host.
	void count() { state_[self_.host]++; }
	[[nodiscard]] const Counters &state() const { return state_; }
	[[nodiscard]] bool in_round() const { return round_.tag.valid(); }
	/// Nothing of a round that ended is left.
	[[nodiscard]] bool clean() const { return !in_round() && gathered_.empty(); }

	[[nodiscard]] ServiceId id() const override { return id_; }
	void sync_init(const SyncRound &round) override;
	[[nodiscard]] SyncOutput sync_process() override;
	void sync_receive(const Member &from, std::string_view message) override;
	void sync_activate() override;
	void sync_abort() override;

private:
	ServiceId id_;
	Member self_;
	Record &record_;
	Random &random_;
	ChurnMutant mutant_;
	Everywhere &everywhere_;
	Counters state_;
	SyncRound round_;
	Counters gathered_, at_init_, to_say_;
	unsigned calls_ = 0;
};

} // namespace swpath::sim
