// SPDX-License-Identifier: LGPL-2.1-or-later
/// What pathd and swpath-members say to each other. A message is a packet of a socket that keeps
/// them apart (SOCK_SEQPACKET): it is there whole, or not at all. docs/protocol.md has the layout.
/// Pure and bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "libpath/base/result.h"
#include "libpath/cluster/cluster_engine.h"
#include "libpath/cluster/message_bytes.h"

namespace swpath
{

inline constexpr std::uint8_t members_version = 1;
/// The largest are a frame with its sender, and a membership of members_max.
inline constexpr std::size_t members_packet_bytes_max = sync_frame_bytes_max + 128;

/// "Are you there?"
struct MembersPing {
	bool operator==(const MembersPing &) const = default;
};

/// To all members.
struct MembersFrame {
	std::string bytes;

	bool operator==(const MembersFrame &) const = default;
};

/// What swpath-members is told.
using MembersOrder = std::variant<MembersPing, MembersFrame>;

/// The answer to each ping.
struct MembersPong {
	bool operator==(const MembersPong &) const = default;
};

/// What keeps this host out of its cluster, as ClusterEngine::trouble().
struct MembersTrouble {
	int error_number = 0; ///< 0: nothing does
	std::string text;     ///< Error::context, at most text_bytes_max

	static constexpr std::size_t text_bytes_max = 1024;
	bool operator==(const MembersTrouble &) const = default;

	[[nodiscard]] std::optional<Error> error() const
	{
		if (error_number == 0)
			return std::nullopt;
		return Error{{error_number, std::generic_category()}, text};
	}
};

/// What it tells.
using MembersNews = std::variant<MembersPong, MembersTrouble, Membership, ClusterFrame>;

[[nodiscard]] std::string encode(const MembersOrder &order);
[[nodiscard]] std::string encode(const MembersNews &news);

/// Errors of both: EPROTONOSUPPORT another version; EMSGSIZE longer than members_packet_bytes_max,
/// or more than members_max members; EBADMSG anything else.
[[nodiscard]] Result<MembersOrder> decode_members_order(std::string_view packet);
[[nodiscard]] Result<MembersNews> decode_members_news(std::string_view packet);

} // namespace swpath
