// SPDX-License-Identifier: GPL-2.0-or-later
/// The engine `static`: the members are the peers of the configuration that this host's pathd has
/// a connection to, and that answer on it.
#pragma once

#include <map>

#include "libpath/cluster/cluster_engine.h"
#include "libpath/cluster/static_membership.h"
#include "pathd/peers.h"

namespace swpath
{

class StaticEngine final : public ClusterEngine
{
public:
	/// A connection is asked so often whether somebody is there.
	static constexpr Duration ping_interval = std::chrono::seconds(1);
	/// Who is silent for so long after being asked is a member no more: a host that stands
	/// still keeps its connections.
	static constexpr Duration ping_limit = std::chrono::seconds(5);

	/// `peers`: lent; they are not stepped any more when this has ended.
	explicit StaticEngine(Peers &peers);

	/// The peers' own. Peers::step() comes first, and again after what this one sends.
	[[nodiscard]] int fd() const override { return peers_.fd(); }
	[[nodiscard]] std::optional<Instant> next() const override;
	[[nodiscard]] std::vector<ClusterEvent> step(Instant now) override;
	void send(const RecoveryFrame &frame, Instant now) override;
	void left_out(const Member &member, Instant now) override;
	[[nodiscard]] const std::optional<Error> &trouble() const override { return trouble_; }

	/// A peer became reachable, or is not any more.
	void links_changed() { links_due_ = true; }
	/// What came from a peer.
	void take(const Member &from, std::string_view frame);

private:
	struct Link {
		Instant ping_at{};
		bool asked = false;
		bool silent = false; ///< what it was asked or told had no answer
		Instant since{};     ///< when it was first seen
	};
	void say(const Member &to, std::string frame, Instant now);
	void apply(StaticMembership::Actions actions, Instant now);
	void follow_links(Instant now);
	void ping(const Member &peer, Link &link, Instant now);

	Peers &peers_;
	StaticMembership membership_;
	bool begun_ = false;
	bool links_due_ = true; ///< links_ may not be those that there are
	std::map<Member, Link> links_;
	std::vector<ClusterFrame> came_; ///< since the last step()
	std::vector<ClusterEvent> events_;
	std::optional<Error> trouble_; ///< never: at worst this host is alone
};

} // namespace swpath
