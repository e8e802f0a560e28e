// SPDX-License-Identifier: LGPL-2.1-or-later
/// The seam to what knows who is a member, and carries what recoveries say to each other.
///
/// Single-threaded. step() is called when fd() is readable and at the time that next() names, and
/// tells what has happened, in its order. What an engine may wait for, it says where it is opened.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/cluster/member.h"
#include "libpath/cluster/recovery.h"

namespace swpath
{

/// For Recovery::take(); the engine vouches for the sender.
struct ClusterFrame {
	Member from;
	std::string bytes;

	bool operator==(const ClusterFrame &) const = default;
};

/// The Membership is for Recovery::change().
using ClusterEvent = std::variant<Membership, ClusterFrame>;

class ClusterEngine
{
public:
	ClusterEngine() = default;
	ClusterEngine(const ClusterEngine &) = delete;
	ClusterEngine &operator=(const ClusterEngine &) = delete;
	/// Leaves the cluster.
	virtual ~ClusterEngine() = default;

	/// Readable when there is something to tell; the same one as long as the engine lives.
	[[nodiscard]] virtual int fd() const = 0;
	/// When step() is to be called though fd() is silent.
	[[nodiscard]] virtual std::optional<Instant> next() const = 0;
	[[nodiscard]] virtual std::vector<ClusterEvent> step(Instant now) = 0;
	/// Takes the frame, and may lose it: a recovery asks for what is missing. An engine may
	/// give it to all members, whoever it is for.
	virtual void send(const RecoveryFrame &frame, Instant now) = 0;
	/// What keeps this host out of its cluster now; nothing: it is in.
	[[nodiscard]] virtual const std::optional<Error> &trouble() const = 0;
};

} // namespace swpath
