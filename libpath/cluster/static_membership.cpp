// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/static_membership.h"

#include <algorithm>
#include <cerrno>

#include "libpath/cluster/message_bytes.h"

namespace swpath
{
namespace
{

constexpr MessageHead head{link_graph_magic, link_graph_version,
			   "a message of links between hosts"};

/// `self`, and whoever one of these has a link to: who may be in one group with it. A life that has
/// ended is none of them, once those that it had links to have noticed.
std::set<Member> within_reach(const LinkGraph &graph, const Member &self)
{
	std::set<Member> reached{self};
	std::vector<Member> next{self};
	while (!next.empty()) {
		const auto known = graph.find(next.back());
		next.pop_back();
		if (known == graph.end())
			continue;
		for (const auto &each : known->second.links)
			if (reached.insert(each).second)
				next.push_back(each);
	}
	return reached;
}

/// What is not known cannot be told from what is new, so whoever is out of reach is dropped only if
/// there is no room; then all of them, and after them whoever else is in no group with this host.
void make_room(LinkGraph &graph, const Member &self, const Membership &members)
{
	if (graph.size() <= members_max)
		return;
	const auto near = within_reach(graph, self);
	std::erase_if(graph, [&](const auto &each) { return !near.contains(each.first); });
	for (auto each = graph.begin(); each != graph.end() && graph.size() > members_max;) {
		if (each->first == self || contains(members.members, each->first))
			++each;
		else
			each = graph.erase(each);
	}
}

/// Does the sender of `theirs` know less than `graph`, the one of `self`? Of whoever is out of
/// reach it may lack everything: it may have had no room.
bool lacks_news(const LinkGraph &theirs, const LinkGraph &graph, const Member &self)
{
	std::vector<Member> lacked;
	for (const auto &[member, state] : graph) {
		const auto told = theirs.find(member);
		if (state.version > 0 &&
		    (told == theirs.end() || told->second.version < state.version))
			lacked.push_back(member);
	}
	// Most senders lack nothing, and the way through the links is long.
	if (lacked.empty())
		return false;
	const auto near = within_reach(graph, self);
	return std::any_of(lacked.begin(), lacked.end(),
			   [&](const Member &each) { return near.contains(each); });
}

bool linked(const LinkGraph &graph, const Member &a, const Member &b)
{
	const auto one = graph.find(a), other = graph.find(b);
	return one != graph.end() && other != graph.end() && one->second.links.contains(b) &&
	       other->second.links.contains(a);
}

} // namespace

bool is_link_graph(std::string_view bytes)
{
	return ByteReader(bytes).number<std::uint32_t>() == link_graph_magic;
}

std::string encode(const LinkGraph &graph)
{
	ByteWriter to;
	write_head(to, head);
	const auto count = std::min(graph.size(), members_max);
	to.number(static_cast<std::uint16_t>(count));
	const auto end = std::next(graph.begin(), static_cast<std::ptrdiff_t>(count));
	for (auto each = graph.begin(); each != end; ++each) {
		write_member(to, each->first);
		to.number(each->second.version);
	}
	// Links as a bit for each of the members above.
	for (auto each = graph.begin(); each != end; ++each) {
		std::uint64_t bits = 0;
		unsigned bit = 0;
		for (auto other = graph.begin(); other != end; ++other, ++bit)
			if (each->second.links.contains(other->first))
				bits |= std::uint64_t(1) << bit;
		to.number(bits);
	}
	return to.bytes;
}

Result<LinkGraph> decode_link_graph(std::string_view bytes)
{
	static_assert(members_max <= 64);
	ByteReader from(bytes);
	if (auto ours = read_head(from, head); !ours)
		return tl::unexpected(ours.error());
	const auto count = from.number<std::uint16_t>();
	from.expect(count >= 1 && count <= members_max);
	std::vector<Member> members;
	LinkGraph graph;
	for (unsigned i = 0; i < count && from.good(); i++) {
		auto member = read_member(from);
		from.expect(i == 0 || members.back() < member);
		graph[member].version = from.number<std::uint64_t>();
		members.push_back(std::move(member));
	}
	for (unsigned i = 0; i < count && from.good(); i++) {
		const auto bits = from.number<std::uint64_t>();
		from.expect(count == 64 || bits >> count == 0);
		for (unsigned bit = 0; bit < count; bit++)
			if ((bits >> bit & 1) != 0)
				graph[members[i]].links.insert(members[bit]);
	}
	if (!from.at_end())
		return fail(EBADMSG, "links of hosts that are not as they should be");
	return graph;
}

Membership group_of(const Member &self, const LinkGraph &graph)
{
	// In the order of the names: whoever is first and in no group yet begins one, and takes in
	// whom all in it have a link to.
	std::set<Member> grouped;
	Membership result;
	for (const auto &[first, state] : graph) {
		if (grouped.contains(first))
			continue;
		std::vector<Member> group{first};
		for (const auto &each_other : graph) {
			const auto &other = each_other.first; // clang 14 captures no binding
			if (other != first && !grouped.contains(other) &&
			    std::all_of(group.begin(), group.end(), [&](const Member &each) {
				    return linked(graph, each, other);
			    }))
				group.push_back(other);
		}
		grouped.insert(group.begin(), group.end());
		if (std::find(group.begin(), group.end(), self) == group.end())
			continue;
		result.members = std::move(group);
		put_in_order(result.members);
		break;
	}
	for (const auto &each : result.members) {
		result.ring.sequence += graph.at(each).version;
		result.hosts.push_back(each.host);
	}
	if (!result.members.empty())
		result.ring.leader = result.members.front().host;
	return result;
}

StaticMembership::StaticMembership(Member self) : self_(std::move(self))
{
	graph_[self_];
}

StaticMembership::Actions StaticMembership::begin()
{
	return own_changed();
}

void StaticMembership::look(Actions &actions)
{
	auto now = group_of(self_, graph_);
	if (now == membership_)
		return;
	membership_ = now;
	actions.changed = std::move(now);
}

StaticMembership::Actions StaticMembership::own_changed()
{
	auto &own = graph_[self_];
	own.version++;
	make_room(graph_, self_, membership_);
	Actions actions;
	const auto bytes = encode(graph_);
	for (const auto &each : own.links)
		actions.send.push_back({each, bytes});
	look(actions);
	return actions;
}

StaticMembership::Actions StaticMembership::link_up(const Member &peer)
{
	auto &own = graph_[self_];
	// One life of a host at a time.
	std::erase_if(own.links, [&](const Member &each) { return each.host == peer.host; });
	own.links.insert(peer);
	graph_[peer];
	return own_changed();
}

StaticMembership::Actions StaticMembership::link_down(const Member &peer)
{
	if (graph_[self_].links.erase(peer) == 0)
		return {};
	return own_changed();
}

StaticMembership::Actions StaticMembership::take(const Member &from, std::string_view frame)
{
	const auto theirs = decode_link_graph(frame);
	if (!theirs)
		return {};
	std::vector<Member> news;
	for (const auto &[member, state] : *theirs) {
		if (member == self_)
			continue;
		auto &known = graph_[member];
		if (state.version <= known.version)
			continue;
		known = state;
		news.push_back(member);
	}
	make_room(graph_, self_, membership_);
	// What there was no room for is not passed on: it would come back, again and again.
	const bool learnt = std::any_of(news.begin(), news.end(),
					[&](const Member &each) { return graph_.contains(each); });
	// The sender gets what it lacks, the others what is new.
	const bool lacks = lacks_news(*theirs, graph_, self_);
	Actions actions;
	const auto bytes = encode(graph_);
	for (const auto &each : graph_[self_].links)
		if (each == from ? lacks : learnt)
			actions.send.push_back({each, bytes});
	if (learnt)
		look(actions);
	return actions;
}

} // namespace swpath
