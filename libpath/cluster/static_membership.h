// SPDX-License-Identifier: LGPL-2.1-or-later
/// The engine `static`: who is a member, from the links between the peers of the configuration.
/// Pure: links that come and go and frames of peers come in, frames and memberships go out.
///
/// Every host tells which peers it has a link to; the hosts pass that on, so that all that are
/// connected, by whatever way, come to know the same graph. Its links that exist in both directions
/// are then cut into groups in which each has a link to each, by one rule that gives the same
/// groups on every host. So hosts that do not all see each other (A and C each see B only) do not
/// wait for each other without end: one of them is alone until its cable is mended.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/cluster/member.h"

namespace swpath
{

/// The links of one member, as it says itself.
struct LinkState {
	std::uint64_t version = 0; ///< of its counting, from 1
	std::set<Member> links;

	bool operator==(const LinkState &) const = default;
};

using LinkGraph = std::map<Member, LinkState>;

inline constexpr std::uint32_t link_graph_magic = 0x5357504c; ///< "SWPL"
inline constexpr std::uint16_t link_graph_version = 1;
/// Head, then for each member its name with a length, two numbers and a bit for each other.
inline constexpr std::size_t link_graph_bytes_max =
	8 + members_max * (2 + member_host_bytes_max + 3 * sizeof(std::uint64_t));

/// Whether it is meant to be one, and not something else that members say to each other.
[[nodiscard]] bool is_link_graph(std::string_view bytes);
/// At most members_max members; links to others than these are left out.
[[nodiscard]] std::string encode(const LinkGraph &graph);
/// Errors: EPROTONOSUPPORT another version; EBADMSG anything else that is not a graph.
[[nodiscard]] Result<LinkGraph> decode_link_graph(std::string_view bytes);

/// The group of `self`, and its ring: the lowest host leads, the sequence is the sum of the
/// versions.
[[nodiscard]] Membership group_of(const Member &self, const LinkGraph &graph);

class StaticMembership
{
public:
	struct Frame {
		Member to;
		std::string bytes;
	};
	struct Actions {
		std::vector<Frame> send;
		std::optional<Membership> changed;
	};

	explicit StaticMembership(Member self);

	[[nodiscard]] const Membership &membership() const { return membership_; }
	[[nodiscard]] const LinkGraph &graph() const { return graph_; }

	/// To be called once at the begin: this host is a member, if alone.
	[[nodiscard]] Actions begin();
	/// This host's own link to a peer: an authenticated connection that answers.
	[[nodiscard]] Actions link_up(const Member &peer);
	[[nodiscard]] Actions link_down(const Member &peer);
	/// A frame of encode() came from a peer. What is no such frame changes nothing.
	[[nodiscard]] Actions take(const Member &from, std::string_view frame);

private:
	[[nodiscard]] Actions own_changed();
	void look(Actions &actions);

	Member self_;
	LinkGraph graph_; ///< always has this host
	Membership membership_;
};

} // namespace swpath
