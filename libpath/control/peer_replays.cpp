// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/peer_replays.h"

#include <algorithm>
#include <utility>

namespace swpath
{

const PeerReplays::Entry *PeerReplays::find(const PeerHello &client, std::uint64_t id) const
{
	const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry &entry) {
		return entry.request.id == id && entry.incarnation == client.incarnation &&
		       entry.host == client.host;
	});
	return found == entries_.end() ? nullptr : &*found;
}

PeerReplays::Verdict PeerReplays::begin(const PeerHello &client, const PeerRequest &request)
{
	PeerRequest what = request;
	what.clock = 0;
	what.deadline_ms = 0;
	if (const auto *entry = find(client, request.id)) {
		if (entry->request != what)
			return Verdict::Other;
		return entry->answer ? Verdict::Done : Verdict::Running;
	}
	if (entries_.size() >= kept_max) {
		// One that runs is kept, if anything else can go.
		auto oldest =
			std::find_if(entries_.begin(), entries_.end(),
				     [](const Entry &entry) { return entry.answer.has_value(); });
		entries_.erase(oldest == entries_.end() ? entries_.begin() : oldest);
	}
	entries_.push_back({client.host, client.incarnation, std::move(what), std::nullopt});
	return Verdict::New;
}

void PeerReplays::done(const PeerHello &client, const PeerAnswer &answer)
{
	if (const auto *entry = find(client, answer.id))
		const_cast<Entry *>(entry)->answer = answer;
}

std::optional<PeerAnswer> PeerReplays::answer(const PeerHello &client, std::uint64_t id) const
{
	const auto *entry = find(client, id);
	return entry ? entry->answer : std::nullopt;
}

} // namespace swpath
