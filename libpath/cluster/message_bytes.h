// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the messages of the cluster's hosts have in common: the head, and a member in them.
#pragma once

#include <cerrno>

#include <fmt/core.h>

#include "libpath/base/byte_order.h"
#include "libpath/base/result.h"
#include "libpath/cluster/member.h"

namespace swpath
{

/// Four letters (u32) that tell what it is, and the version (u16).
struct MessageHead {
	std::uint32_t magic = 0;
	std::uint16_t version = 0;
	const char *what; ///< for people: "a recovery message"
};

inline void write_head(ByteWriter &to, const MessageHead &head)
{
	to.number(head.magic);
	to.number(head.version);
}

/// Errors: EBADMSG it is something else, or cut; EPROTONOSUPPORT another version.
[[nodiscard]] inline Result<void> read_head(ByteReader &from, const MessageHead &head)
{
	const auto magic = from.number<std::uint32_t>();
	const auto version = from.number<std::uint16_t>();
	if (!from.good() || magic != head.magic)
		return fail(EBADMSG, fmt::format("not {}", head.what));
	if (version != head.version)
		return fail(EPROTONOSUPPORT, fmt::format("{} of version {}, this host has {}",
							 head.what, version, head.version));
	return {};
}

/// Its host (text, 1 to member_host_bytes_max), its incarnation (u64).
inline void write_member(ByteWriter &to, const Member &member)
{
	to.text(member.host, member_host_bytes_max);
	to.number(member.incarnation);
}

inline Member read_member(ByteReader &from)
{
	Member member;
	member.host = from.text(member_host_bytes_max);
	member.incarnation = from.number<std::uint64_t>();
	from.expect(!member.host.empty());
	return member;
}

} // namespace swpath
