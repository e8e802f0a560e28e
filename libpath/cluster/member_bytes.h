// SPDX-License-Identifier: LGPL-2.1-or-later
/// A member in what hosts say to each other: its host (text, 1 to member_host_bytes_max), its
/// incarnation (u64).
#pragma once

#include "libpath/base/byte_order.h"
#include "libpath/cluster/member.h"

namespace swpath
{

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
