// SPDX-License-Identifier: LGPL-2.1-or-later
/// Who is a member, from a cluster manager's group of processes (corosync's CPG). Pure: rings,
/// lists and messages with their time come in, messages, memberships and frames go out.
///
/// The manager knows a process as the number of its node and a pid. A rebooted host has the same
/// number, and may have the same pid; and what is dead may stay in the list (a ghost). So a process
/// is a member when it has introduced itself since it was listed, with its host's name and the
/// incarnation of its pathd: whenever somebody is new, all introduce themselves. As messages and
/// lists come in one order for all, all come to the same members at the same point.
///
/// After a change those that have yet to introduce themselves are waited for, a bounded time, so
/// that there is one membership with all and not one for each; a ghost costs that time once. Who
/// speaks later becomes a member later.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/cluster/cluster_engine.h"

namespace swpath
{

inline constexpr std::uint32_t introduction_magic = 0x53575047; ///< "SWPG"
inline constexpr std::uint16_t introduction_version = 1;

/// "This process is the pathd of this host."
struct Introduction {
	Member member;
	bool again = false; ///< somebody's is missing: all are asked for theirs

	bool operator==(const Introduction &) const = default;
};

[[nodiscard]] std::string encode(const Introduction &introduction);
/// Errors: EPROTONOSUPPORT another version; EBADMSG anything else that is none.
[[nodiscard]] Result<Introduction> decode_introduction(std::string_view bytes);

/// A process as the cluster manager names it.
struct GroupProcess {
	std::uint32_t node = 0;
	std::uint32_t pid = 0;

	auto operator<=>(const GroupProcess &) const = default;
};

struct GroupRing {
	std::uint32_t leader = 0; ///< node
	std::uint64_t sequence = 0;
	std::vector<std::uint32_t> nodes; ///< that it consists of

	bool operator==(const GroupRing &) const = default;
};

/// The processes of the group, and what is different from before.
struct GroupList {
	std::vector<GroupProcess> all, left, joined;
};

struct GroupActions {
	std::optional<std::string> introduce; ///< to be sent to all, and never lost
	std::optional<Membership> changed;
	std::optional<ClusterFrame> frame;
};

class GroupMembership
{
public:
	static constexpr Duration introduction_time = std::chrono::milliseconds(500);

	explicit GroupMembership(Member self) : self_(std::move(self)) {}

	/// This process is in the group, or will be, as this one.
	void begin(GroupProcess own);
	[[nodiscard]] GroupActions ring(GroupRing ring, Instant now);
	[[nodiscard]] GroupActions list(const GroupList &list, Instant now);
	/// A message of the group, one's own too: those must be given back by the manager.
	[[nodiscard]] GroupActions take(GroupProcess from, std::string_view message, Instant now);
	/// The cluster manager is gone, and all that it said is void.
	[[nodiscard]] GroupActions lost();
	[[nodiscard]] GroupActions tick(Instant now);
	[[nodiscard]] std::optional<Instant> deadline() const { return waiting_until_; }

	[[nodiscard]] const Membership &membership() const { return membership_; }
	/// Messages of processes that are no members, too long, or not to be understood.
	[[nodiscard]] std::uint64_t refused() const { return refused_; }
	/// Two nodes of the ring that have introduced themselves as one host, the lower one is the
	/// member; nothing: there are none.
	struct Doubled {
		std::string host;
		std::uint32_t member = 0, refused = 0; ///< nodes
	};
	[[nodiscard]] const std::optional<Doubled> &doubled() const { return doubled_; }

private:
	struct Known {
		Member member;
		std::uint64_t order = 0; ///< of introductions
	};
	[[nodiscard]] bool in_ring(std::uint32_t node) const;
	[[nodiscard]] bool somebody_is_missing() const;
	void choose();
	[[nodiscard]] Membership look() const;
	void settle(Instant now, GroupActions &actions);

	Member self_;
	std::optional<GroupProcess> own_;
	std::optional<GroupRing> ring_;
	std::set<GroupProcess> listed_;
	std::set<GroupProcess> silent_;       ///< listed, and waited for in vain
	std::map<GroupProcess, Known> known_; ///< of the listed, those that introduced themselves
	std::map<std::string, GroupProcess> of_; ///< the process of each host
	std::optional<Doubled> doubled_;
	std::uint64_t introductions_ = 0;
	std::uint64_t refused_ = 0;
	std::optional<Instant> waiting_until_;
	Membership membership_;
};

} // namespace swpath
