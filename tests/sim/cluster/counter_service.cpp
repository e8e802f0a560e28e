// SPDX-License-Identifier: GPL-2.0-or-later
#include "counter_service.h"

#include "libpath/base/byte_order.h"

namespace swpath::sim
{

CounterService::CounterService(ServiceId id, Member self, Record &record, Random &random,
			       ChurnMutant mutant, Everywhere &everywhere)
	: id_(id), self_(std::move(self)), record_(record), random_(random), mutant_(mutant),
	  everywhere_(everywhere)
{
	everywhere_[{self_, id_}] = this;
	state_[self_.host] = 1;
	record_.provides(self_, id_);
}

CounterService::~CounterService()
{
	everywhere_.erase({self_, id_});
}

void CounterService::sync_init(const SyncRound &round)
{
	if (mutant_ != ChurnMutant::INIT_ADDS)
		gathered_.clear();
	round_ = round;
	if (mutant_ != ChurnMutant::SAID_AFTER_INIT || to_say_.empty())
		to_say_ = state_;
	at_init_ = state_;
	calls_ = 0;
	record_.began(self_, round_);
}

SyncOutput CounterService::sync_process()
{
	record_.expect(in_round(), "B4", "sync_process outside of a round");
	record_.processing(self_, id_, round_.tag);
	SyncOutput output;
	if (calls_++ == 0) {
		const Counters &now = to_say_;
		record_.said(self_, id_, round_.tag, at_init_);
		for (const auto &[host, value] : now) {
			ByteWriter to;
			to.number(round_.tag.epoch);
			to.text(host, member_host_bytes_max);
			to.number(value);
			output.messages.push_back(std::move(to.bytes));
		}
	}
	output.done = calls_ >= 1 + random_.below(3);
	if (output.done)
		record_.done(self_, id_, round_.tag);
	return output;
}

void CounterService::sync_receive(const Member &from, std::string_view message)
{
	record_.expect(in_round(), "B5", "a service receives something outside of a round");
	ByteReader read(message);
	const auto epoch = read.number<std::uint64_t>();
	const auto host = read.text(member_host_bytes_max);
	auto value = read.number<std::uint64_t>();
	record_.expect(read.at_end(), "B6", "a message is not as it was said");
	record_.expect(epoch == round_.tag.epoch, "B6", "a message of another round is received");
	record_.expect(contains(round_.members, from), "B6",
		       "a message of one that is no member is received");
	if (mutant_ == ChurnMutant::BY_REFERENCE) {
		const auto sender = everywhere_.find({from, id_});
		if (sender != everywhere_.end())
			value = sender->second->state_[host];
	}
	merge(gathered_, {{host, value}});
}

void CounterService::sync_activate()
{
	record_.expect(in_round(), "B4", "sync_activate outside of a round");
	record_.activated(self_, id_, round_.tag, gathered_);
	// What happened here since it was said is known here alone.
	const auto own = state_[self_.host];
	state_ = gathered_;
	merge(state_, {{self_.host, own}});
	if (mutant_ != ChurnMutant::INIT_ADDS)
		gathered_.clear();
	to_say_.clear();
	round_ = {};
}

void CounterService::sync_abort()
{
	if (mutant_ != ChurnMutant::INIT_ADDS)
		gathered_.clear();
	if (mutant_ != ChurnMutant::SAID_AFTER_INIT)
		to_say_.clear();
	round_ = {};
}

} // namespace swpath::sim
