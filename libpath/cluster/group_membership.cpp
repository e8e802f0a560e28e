// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/group_membership.h"

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "libpath/cluster/message_bytes.h"

namespace swpath
{
namespace
{

constexpr MessageHead head{introduction_magic, introduction_version, "an introduction"};

bool is_introduction(std::string_view message)
{
	return ByteReader(message).number<std::uint32_t>() == introduction_magic;
}

} // namespace

std::string encode(const Introduction &introduction)
{
	ByteWriter to;
	write_head(to, head);
	to.number(static_cast<std::uint8_t>(introduction.again));
	write_member(to, introduction.member);
	return to.bytes;
}

Result<Introduction> decode_introduction(std::string_view bytes)
{
	ByteReader from(bytes);
	if (auto ours = read_head(from, head); !ours)
		return tl::unexpected(ours.error());
	Introduction introduction;
	introduction.again = from.flag();
	introduction.member = read_member(from);
	if (!from.at_end())
		return fail(EBADMSG, "an introduction that is not as it should be");
	return introduction;
}

void GroupMembership::begin(GroupProcess own)
{
	own_ = own;
}

bool GroupMembership::in_ring(std::uint32_t node) const
{
	return ring_ &&
	       std::find(ring_->nodes.begin(), ring_->nodes.end(), node) != ring_->nodes.end();
}

/// Whoever is on a node that is gone is not waited for.
bool GroupMembership::somebody_is_missing() const
{
	return std::any_of(listed_.begin(), listed_.end(), [&](const GroupProcess &each) {
		return in_ring(each.node) && !known_.contains(each) && !silent_.contains(each);
	});
}

/// One process for each host: of those on one node, who introduced itself last (the others are from
/// before it was started again); of those on several, one that is in the ring, then the lowest
/// node, so that all choose the same.
void GroupMembership::choose()
{
	const auto rank = [&](const GroupProcess &each) {
		return std::tuple(!in_ring(each.node), each.node, ~known_.at(each).order);
	};
	of_.clear();
	doubled_.reset();
	for (const auto &[process, known] : known_) {
		auto [place, first] = of_.emplace(known.member.host, process);
		if (first)
			continue;
		auto other = process;
		if (rank(other) < rank(place->second))
			std::swap(other, place->second);
		if (other.node != place->second.node && in_ring(other.node))
			doubled_ = Doubled{known.member.host, place->second.node, other.node};
	}
}

Membership GroupMembership::look() const
{
	Membership result;
	if (!ring_ || !own_ || !known_.contains(*own_))
		return result;
	result.ring = {std::to_string(ring_->leader), ring_->sequence};
	for (const auto &[host, process] : of_) {
		result.members.push_back(known_.at(process).member);
		if (in_ring(process.node))
			result.hosts.push_back(host);
	}
	put_in_order(result.members);
	return result;
}

void GroupMembership::settle(Instant now, GroupActions &actions)
{
	choose();
	if (!somebody_is_missing())
		waiting_until_.reset();
	else if (!waiting_until_)
		waiting_until_ = now + introduction_time;
	if (waiting_until_)
		return;
	auto current = look();
	if (current == membership_)
		return;
	membership_ = current;
	actions.changed = std::move(current);
}

GroupActions GroupMembership::ring(GroupRing ring, Instant now)
{
	ring_ = std::move(ring);
	GroupActions actions;
	settle(now, actions);
	return actions;
}

GroupActions GroupMembership::list(const GroupList &list, Instant now)
{
	listed_ = {list.all.begin(), list.all.end()};
	// One that is new has yet to say who it is, also if one before it had the same numbers.
	for (const auto &changed : {list.left, list.joined})
		for (const auto &each : changed) {
			known_.erase(each);
			silent_.erase(each);
		}
	std::erase_if(known_, [&](const auto &each) { return !listed_.contains(each.first); });
	std::erase_if(silent_, [&](const auto &each) { return !listed_.contains(each); });
	GroupActions actions;
	if (!list.joined.empty())
		actions.introduce = encode(Introduction{self_, false});
	settle(now, actions);
	return actions;
}

GroupActions GroupMembership::take(GroupProcess from, std::string_view message, Instant now)
{
	GroupActions actions;
	if (is_introduction(message)) {
		const auto introduction = decode_introduction(message);
		if (!introduction || !listed_.contains(from)) {
			refused_++;
			return actions;
		}
		known_[from] = {introduction->member, ++introductions_};
		silent_.erase(from);
		if (introduction->again && from != own_)
			actions.introduce = encode(Introduction{self_, false});
		settle(now, actions);
		return actions;
	}
	const auto known = known_.find(from);
	if (known == known_.end() || of_.at(known->second.member.host) != from ||
	    message.size() > sync_frame_bytes_max)
		refused_++;
	else
		actions.frame = ClusterFrame{known->second.member, std::string(message)};
	return actions;
}

GroupActions GroupMembership::lost()
{
	own_.reset();
	ring_.reset();
	listed_.clear();
	known_.clear();
	silent_.clear();
	GroupActions actions;
	settle({}, actions);
	return actions;
}

GroupActions GroupMembership::tick(Instant now)
{
	GroupActions actions;
	if (!waiting_until_ || now < *waiting_until_)
		return actions;
	for (const auto &each : listed_)
		if (!known_.contains(each))
			silent_.insert(each);
	actions.introduce = encode(Introduction{self_, true});
	settle(now, actions);
	return actions;
}

} // namespace swpath
