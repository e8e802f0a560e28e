// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/members_message.h"

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

namespace swpath
{
namespace
{

enum class Kind : std::uint8_t { Ping = 1, Frame = 2, Pong = 3, Trouble = 4, Membership = 5 };

constexpr std::size_t count_bytes = 2, head_bytes = 2;
constexpr std::size_t member_bytes_max = count_bytes + member_host_bytes_max + 8;
/// A number of linux/errno.h is below this.
constexpr std::uint32_t error_number_max = 4095;

static_assert(head_bytes + member_bytes_max + sync_frame_bytes_max <= members_packet_bytes_max);
static_assert(head_bytes + member_bytes_max + 2 * count_bytes +
		      members_max * (2 * member_bytes_max) <=
	      members_packet_bytes_max);

void write_head(ByteWriter &to, Kind kind)
{
	to.number(members_version);
	to.number(static_cast<std::uint8_t>(kind));
}

void write(ByteWriter &to, const MembersPing &)
{
	write_head(to, Kind::Ping);
}

void write(ByteWriter &to, const MembersFrame &frame)
{
	write_head(to, Kind::Frame);
	to.bytes += frame.bytes;
}

void write(ByteWriter &to, const MembersPong &)
{
	write_head(to, Kind::Pong);
}

void write(ByteWriter &to, const MembersTrouble &trouble)
{
	write_head(to, Kind::Trouble);
	to.number(static_cast<std::uint32_t>(trouble.error_number));
	to.text(trouble.text, MembersTrouble::text_bytes_max);
}

void write(ByteWriter &to, const Membership &membership)
{
	write_head(to, Kind::Membership);
	to.text(membership.ring.leader, member_host_bytes_max);
	to.number(membership.ring.sequence);
	to.number(static_cast<std::uint16_t>(membership.members.size()));
	for (const auto &each : membership.members)
		write_member(to, each);
	to.number(static_cast<std::uint16_t>(membership.hosts.size()));
	for (const auto &each : membership.hosts)
		to.text(each, member_host_bytes_max);
}

void write(ByteWriter &to, const ClusterFrame &frame)
{
	write_head(to, Kind::Frame);
	write_member(to, frame.from);
	to.bytes += frame.bytes;
}

template <class Message>
std::string encode_any(const Message &message)
{
	ByteWriter to;
	std::visit([&](const auto &each) { write(to, each); }, message);
	return to.bytes;
}

MembersTrouble read_trouble(ByteReader &from)
{
	MembersTrouble trouble;
	const auto number = from.number<std::uint32_t>();
	from.expect(number <= error_number_max);
	trouble.error_number = static_cast<int>(number);
	trouble.text = from.text(MembersTrouble::text_bytes_max);
	return trouble;
}

/// Nothing: more members than there may be.
std::optional<Membership> read_membership(ByteReader &from)
{
	Membership membership;
	membership.ring.leader = from.text(member_host_bytes_max);
	membership.ring.sequence = from.number<std::uint64_t>();
	const auto members = from.number<std::uint16_t>();
	if (members > members_max)
		return std::nullopt;
	for (unsigned i = 0; i < members && from.good(); i++)
		membership.members.push_back(read_member(from));
	from.expect(std::is_sorted(membership.members.begin(), membership.members.end()) &&
		    std::adjacent_find(membership.members.begin(), membership.members.end()) ==
			    membership.members.end());
	const auto hosts = from.number<std::uint16_t>();
	if (hosts > members_max)
		return std::nullopt;
	for (unsigned i = 0; i < hosts && from.good(); i++)
		membership.hosts.push_back(from.text(member_host_bytes_max));
	return membership;
}

/// Reads the head. Errors: those of both decoders.
Result<Kind> read_head(ByteReader &from, std::string_view packet)
{
	if (packet.size() > members_packet_bytes_max)
		return fail(EMSGSIZE, fmt::format("a packet of {} bytes", packet.size()));
	const auto version = from.number<std::uint8_t>();
	if (from.good() && version != members_version)
		return fail(EPROTONOSUPPORT,
			    fmt::format("a packet of version {}, this is {}: pathd and "
					"swpath-members are not of one installation",
					version, members_version));
	return static_cast<Kind>(from.number<std::uint8_t>());
}

} // namespace

std::string encode(const MembersOrder &order)
{
	return encode_any(order);
}

std::string encode(const MembersNews &news)
{
	return encode_any(news);
}

Result<MembersOrder> decode_members_order(std::string_view packet)
{
	ByteReader from(packet);
	const auto kind = read_head(from, packet);
	if (!kind)
		return tl::unexpected(kind.error());
	MembersOrder order;
	if (*kind == Kind::Frame) {
		const auto bytes = from.take_rest();
		if (bytes.size() > sync_frame_bytes_max)
			return fail(EMSGSIZE, fmt::format("a frame of {} bytes", bytes.size()));
		order = MembersFrame{std::string(bytes)};
	} else if (*kind != Kind::Ping) {
		from.expect(false);
	}
	if (!from.at_end())
		return fail(EBADMSG, "an order that is not as it should be");
	return order;
}

Result<MembersNews> decode_members_news(std::string_view packet)
{
	ByteReader from(packet);
	const auto kind = read_head(from, packet);
	if (!kind)
		return tl::unexpected(kind.error());
	MembersNews news;
	switch (*kind) {
	case Kind::Pong:
		break;
	case Kind::Trouble:
		news = read_trouble(from);
		break;
	case Kind::Membership:
		if (auto membership = read_membership(from))
			news = std::move(*membership);
		else
			return fail(EMSGSIZE,
				    fmt::format("a membership of more than {}", members_max));
		break;
	case Kind::Frame: {
		ClusterFrame frame;
		frame.from = read_member(from);
		frame.bytes = from.take_rest();
		if (frame.bytes.size() > sync_frame_bytes_max)
			return fail(EMSGSIZE,
				    fmt::format("a frame of {} bytes", frame.bytes.size()));
		news = std::move(frame);
		break;
	}
	default:
		from.expect(false);
	}
	if (!from.at_end())
		return fail(EBADMSG, "news that are not as they should be");
	return news;
}

} // namespace swpath
