// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/members_keeper.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/core.h>

namespace swpath
{

MembersActions MembersKeeper::leave()
{
	MembersActions actions;
	if (std::exchange(member_, false))
		actions.event = Membership{};
	return actions;
}

MembersActions MembersKeeper::give_up(Error why)
{
	state_ = State::Ending;
	trouble_ = std::move(why);
	auto actions = leave();
	actions.kill = true;
	return actions;
}

MembersActions MembersKeeper::tick(Instant now)
{
	MembersActions actions;
	if (state_ == State::Absent && restart_.due(now)) {
		state_ = State::Starting;
		actions.start = true;
	}
	if (state_ != State::Running)
		return actions;
	if (asked_ && now >= *asked_ + silence_limit)
		return give_up(Error{
			{ETIMEDOUT, std::generic_category()},
			fmt::format("swpath-members, or the corosync that it asks, has not "
				    "answered for {} s (does corosync stand still? systemctl "
				    "restart corosync)",
				    std::chrono::duration_cast<std::chrono::seconds>(silence_limit)
					    .count())});
	if (now >= ping_at_) {
		actions.ping = true;
		ping_at_ = now + ping_interval;
		if (!asked_)
			asked_ = now;
	}
	return actions;
}

void MembersKeeper::started(Instant now)
{
	state_ = State::Running;
	asked_.reset();
	ping_at_ = now;
}

void MembersKeeper::not_started(Error why, Instant now)
{
	state_ = State::Absent;
	trouble_ = std::move(why);
	restart_.failed(now);
}

MembersActions MembersKeeper::ended(const std::string &how, Instant now)
{
	if (state_ != State::Ending)
		trouble_ = Error{{ECONNRESET, std::generic_category()},
				 fmt::format("swpath-members {}, and is started again", how)};
	state_ = State::Absent;
	restart_.failed(now);
	return leave();
}

MembersActions MembersKeeper::failed(Error why)
{
	return state_ == State::Running ? give_up(std::move(why)) : MembersActions{};
}

MembersActions MembersKeeper::told(const MembersNews &news)
{
	MembersActions actions;
	if (state_ != State::Running)
		return actions;
	asked_.reset();
	if (const auto *trouble = std::get_if<MembersTrouble>(&news)) {
		trouble_ = trouble->error();
	} else if (const auto *membership = std::get_if<Membership>(&news)) {
		member_ = !membership->members.empty();
		if (member_)
			restart_.worked();
		actions.event = *membership;
	} else if (const auto *frame = std::get_if<ClusterFrame>(&news)) {
		actions.event = *frame;
	}
	return actions;
}

std::optional<Instant> MembersKeeper::deadline() const
{
	switch (state_) {
	case State::Absent:
		return restart_.next().value_or(Instant{});
	case State::Running:
		return asked_ ? std::min(ping_at_, *asked_ + silence_limit) : ping_at_;
	case State::Starting:
	case State::Ending:
		break;
	}
	return std::nullopt;
}

} // namespace swpath
