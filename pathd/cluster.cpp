// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/cluster.h"

#include <algorithm>

#include <fmt/format.h>

#include "libpath/base/earlier.h"
#include "pathd/log.h"

namespace swpath
{

using log::Message;

namespace
{

std::vector<std::string> hosts_of(const std::vector<Member> &members)
{
	std::vector<std::string> hosts;
	for (const auto &each : members)
		hosts.push_back(each.host);
	return hosts;
}

} // namespace

Cluster::Cluster(Member self, std::unique_ptr<ClusterEngine> engine,
		 std::vector<SyncService *> services)
	: engine_(std::move(engine)), recovery_(std::move(self), std::move(services))
{
}

std::optional<Instant> Cluster::deadline() const
{
	return earlier(engine_->next(), recovery_.deadline());
}

bool Cluster::apply(RecoveryActions actions, Instant now)
{
	for (const auto &frame : actions.send)
		engine_->send(frame, now);
	for (const auto &member : actions.left_out) {
		log::say(Message::Warning, {}, "cluster: {} is silent and is left out",
			 member.host);
		engine_->left_out(member, now);
	}
	if (actions.completed)
		log::say(
			Message::Notice, {},
			"cluster: {} recovered together, epoch {}, after {:.1f} ms",
			fmt::join(hosts_of(actions.completed->members), ", "),
			actions.completed->tag.epoch,
			std::chrono::duration<double, std::milli>(recovery_.status().took).count());
	return !actions.send.empty() || !actions.left_out.empty();
}

bool Cluster::step(Instant now)
{
	bool sent = false;
	const auto events = engine_->step(now);
	for (const auto &event : events) {
		if (const auto *membership = std::get_if<Membership>(&event))
			sent |= apply(recovery_.change(*membership, now), now);
		else if (const auto *frame = std::get_if<ClusterFrame>(&event))
			sent |= apply(recovery_.take(frame->from, frame->bytes, now), now);
	}
	sent |= apply(recovery_.tick(now), now);
	const std::string trouble = engine_->trouble() ? engine_->trouble()->message() : "";
	if (trouble != std::exchange(told_, trouble) && !trouble.empty())
		log::say(Message::Warning, {}, "cluster: {}", trouble);
	return sent || !events.empty();
}

void Cluster::report(ClusterReport &into) const
{
	const auto status = recovery_.status();
	into.phase = status.phase;
	into.ring_leader = status.tag.ring.leader;
	into.ring_sequence = status.tag.ring.sequence;
	into.epoch = status.tag.epoch;
	into.members = hosts_of(status.members);
	into.waiting_for = hosts_of(status.waiting_for);
	into.recovery_us = static_cast<std::uint64_t>(
		std::chrono::duration_cast<std::chrono::microseconds>(status.took).count());
	into.rounds = status.rounds;
	into.aborts = status.aborts;
	into.refused = status.refused;
	into.left_out = status.ghosts;
	into.trouble = told_;
}

} // namespace swpath
