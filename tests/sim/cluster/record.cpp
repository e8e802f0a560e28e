// SPDX-License-Identifier: GPL-2.0-or-later
#include "record.h"

namespace swpath::sim
{

void Record::began(const Member &member, const SyncRound &round)
{
	expect(contains(round.members, member), "B4", "a round without the host that runs it");
	auto &rounds = rounds_[round.tag];
	for (auto &known : rounds) {
		if (known.round.members == round.members)
			return;
		// Two groups that do not see each other may count to the same tag.
		for (const auto &each : known.round.members)
			expect(!contains(round.members, each), "B4",
			       "two memberships of one tag that share a member");
	}
	rounds.push_back({round, {}});
}

std::set<Member> Record::needed(const Round &round, ServiceId service) const
{
	std::set<Member> result;
	for (const auto &each : providers_.at(service))
		if (contains(round.round.members, each))
			result.insert(each);
	return result;
}

Record::Round &Record::of(const Member &member, const SyncTag &tag)
{
	for (auto &each : rounds_[tag])
		if (contains(each.round.members, member))
			return each;
	expect(false, "B4", "a service works in a round that was not begun");
	auto &rounds = rounds_[tag];
	rounds.push_back({{tag, {member}, {}}, {}});
	return rounds.back();
}

void Record::processing(const Member &member, ServiceId service, const SyncTag &tag)
{
	auto &round = of(member, tag);
	for (const auto &[id, members] : providers_) {
		if (id >= service)
			break;
		const auto all = needed(round, id);
		const auto &earlier = round.services[id];
		expect(earlier.done == all, "B1",
		       "a service starts before all members finished the one before it");
		expect(earlier.activated == all, "B1",
		       "a service starts before all members activated the one before it");
	}
}

void Record::said(const Member &member, ServiceId service, const SyncTag &tag, const Counters &what)
{
	merge(of(member, tag).services[service].said, what);
}

void Record::done(const Member &member, ServiceId service, const SyncTag &tag)
{
	of(member, tag).services[service].done.insert(member);
}

void Record::activated(const Member &member, ServiceId service, const SyncTag &tag,
		       const Counters &state)
{
	auto &round = of(member, tag);
	auto &at = round.services[service];
	activations_++;
	expect(at.done == needed(round, service), "B2",
	       "a service is activated before all members are done");
	expect(state == at.said, "B3", "what is activated is not what the members said");
	expect(at.activated.insert(member).second, "B2", "a service is activated twice in a round");
	at.states[member] = state;
	for (const auto &[other, theirs] : at.states)
		expect(theirs == state, "B3", "two members activate different states");
}

} // namespace swpath::sim
