// SPDX-License-Identifier: GPL-2.0-or-later
#include "knowledge.h"

#include <algorithm>

#include "libpath/base/byte_order.h"

namespace swpath::members
{

std::string Knowledge::put_before(std::string_view frame) const
{
	ByteWriter to;
	to.number(static_cast<std::uint16_t>(known_.size()));
	for (const auto &[member, count] : known_) {
		to.text(member.host, member_host_bytes_max);
		to.number(member.incarnation);
		to.number(count);
	}
	return to.bytes.append(frame);
}

std::string_view Knowledge::learn(std::string_view frame)
{
	ByteReader from(frame);
	const auto entries = from.number<std::uint16_t>();
	for (unsigned i = 0; i < entries && from.good(); i++) {
		Member member{from.text(member_host_bytes_max), 0};
		member.incarnation = from.number<std::uint64_t>();
		auto &known = known_[member];
		known = std::max(known, from.number<std::uint64_t>());
	}
	return from.take_rest();
}

} // namespace swpath::members
