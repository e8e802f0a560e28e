// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/static_engine.h"

#include <fmt/core.h>

#include "libpath/base/earlier.h"
#include "libpath/sys/clock.h"

namespace swpath
{

// Either kind goes into one request.
static_assert(sync_frame_bytes_max <= peer_cast_bytes_max);
static_assert(link_graph_bytes_max <= peer_cast_bytes_max);

StaticEngine::StaticEngine(Peers &peers) : peers_(peers), membership_(peers.self()) {}

/// A recovery asks for what has not come; what is said of a change between two is said once. So a
/// member that has not heard in time is left out, and learns everything anew when it is back.
void StaticEngine::say(const Member &to, std::string frame, Instant now)
{
	peers_.cast(to, std::move(frame), ping_limit, now,
		    [this, to, said = now](const Result<PeerAnswer> &answer) {
			    const bool late = answer ? answer->status == PeerStatus::Timeout
						     : answer.error().code == std::errc::timed_out;
			    // Not a younger link's fault, to which all was said anew.
			    if (const auto found = links_.find(to);
				found != links_.end() && late && found->second.since <= said)
				    found->second.silent = true;
		    });
}

void StaticEngine::apply(StaticMembership::Actions actions, Instant now)
{
	for (auto &frame : actions.send)
		say(frame.to, std::move(frame.bytes), now);
	if (actions.changed)
		events_.emplace_back(std::move(*actions.changed));
}

void StaticEngine::follow_links(Instant now)
{
	const auto present = peers_.links();
	std::vector<Member> gone;
	for (const auto &[peer, link] : links_)
		if (!contains(present, peer))
			gone.push_back(peer);
	for (const auto &peer : gone) {
		links_.erase(peer);
		apply(membership_.link_down(peer), now);
	}
	for (const auto &peer : present)
		if (links_.try_emplace(peer, Link{now + ping_interval, false, false, now}).second)
			apply(membership_.link_up(peer), now);
}

void StaticEngine::ping(const Member &peer, Link &link, Instant now)
{
	PeerRequest request;
	request.verb = PeerVerb::Status;
	link.asked = true;
	peers_.client(peer.host)->ask(std::move(request), ping_limit, now,
				      [this, peer](const Result<PeerAnswer> &answer) {
					      const auto found = links_.find(peer);
					      if (found == links_.end())
						      return;
					      auto &asked = found->second;
					      asked.ping_at = swpath::now() + ping_interval;
					      asked.asked = false;
					      asked.silent = asked.silent || !answer;
				      });
}

std::vector<ClusterEvent> StaticEngine::step(Instant now)
{
	if (!begun_) {
		begun_ = true;
		apply(membership_.begin(), now);
	}
	for (auto &[peer, link] : links_)
		if (link.silent)
			left_out(peer, now);
	// From here on each link has its peer.
	if (std::exchange(links_due_, false))
		follow_links(now);
	for (auto &[peer, link] : links_)
		if (!link.asked && now >= link.ping_at)
			ping(peer, link, now);
	for (auto &frame : std::exchange(came_, {}))
		if (is_link_graph(frame.bytes))
			apply(membership_.take(frame.from, frame.bytes), now);
		else
			events_.emplace_back(std::move(frame));
	return std::exchange(events_, {});
}

void StaticEngine::send(const RecoveryFrame &frame, Instant now)
{
	if (frame.to) {
		say(*frame.to, frame.bytes, now);
		return;
	}
	for (const auto &each : membership_.membership().members)
		if (each != peers_.self())
			say(each, frame.bytes, now);
}

void StaticEngine::left_out(const Member &member, Instant now)
{
	// Which of its lives is meant is known by the link.
	if (!links_.contains(member))
		return;
	if (auto *client = peers_.client(member.host))
		client->hang_up(fmt::format("{} has not answered", member.host), now);
	links_changed();
}

void StaticEngine::take(const Member &from, std::string_view frame)
{
	came_.push_back({from, std::string(frame)});
}

std::optional<Instant> StaticEngine::next() const
{
	if (!begun_ || links_due_ || !came_.empty())
		return Instant{};
	std::optional<Instant> first;
	for (const auto &[peer, link] : links_)
		if (!link.asked)
			first = earlier(first, link.ping_at);
	return first;
}

} // namespace swpath
