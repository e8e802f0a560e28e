// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/sync_message.h"

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "libpath/cluster/message_bytes.h"

namespace swpath
{
namespace
{

constexpr MessageHead head{sync_magic, sync_version, "a recovery message"};

class Writer : public ByteWriter
{
public:
	void tag(const SyncTag &value)
	{
		text(value.ring.leader, member_host_bytes_max);
		number(value.ring.sequence);
		number(value.epoch);
	}

	void body(const SyncExchange &value)
	{
		number(static_cast<std::uint8_t>(value.again));
		tag(value.last);
		number(static_cast<std::uint16_t>(value.members.size()));
		for (const auto &each : value.members)
			write_member(*this, each);
		number(static_cast<std::uint16_t>(value.services.size()));
		for (const auto each : value.services)
			number(static_cast<std::uint16_t>(each));
	}
	void body(const SyncData &value)
	{
		number(static_cast<std::uint16_t>(value.service));
		number(value.number);
		bytes += value.bytes;
	}
	void body(const SyncStep &value)
	{
		number(value.step);
		number(value.messages);
	}
	void body(const SyncAsk &value)
	{
		write_member(*this, value.whom);
		number(value.step);
		number(value.have);
	}
	void body(const SyncNews &value)
	{
		number(static_cast<std::uint16_t>(value.service));
		bytes += value.bytes;
	}
};

class Reader : public ByteReader
{
public:
	using ByteReader::ByteReader;

	SyncTag tag()
	{
		SyncTag value;
		value.ring.leader = text(member_host_bytes_max);
		value.ring.sequence = number<std::uint64_t>();
		value.epoch = number<std::uint64_t>();
		expect(value.epoch <= sync_epoch_max);
		return value;
	}
	/// Lists are in order without doubles, so that equal ones are equal bytes.
	template <class T>
	static bool in_order(const std::vector<T> &list)
	{
		return std::adjacent_find(list.begin(), list.end(), std::greater_equal<T>()) ==
		       list.end();
	}
	SyncExchange exchange()
	{
		SyncExchange value;
		value.again = flag();
		value.last = tag();
		const auto members = number<std::uint16_t>();
		expect(members >= 1 && members <= members_max);
		for (unsigned i = 0; i < members && good(); i++)
			value.members.push_back(read_member(*this));
		const auto services = number<std::uint16_t>();
		expect(services <= sync_services_max);
		for (unsigned i = 0; i < services && good(); i++)
			value.services.push_back(static_cast<ServiceId>(number<std::uint16_t>()));
		expect(in_order(value.members) && in_order(value.services));
		return value;
	}
	SyncData data()
	{
		SyncData value;
		value.service = static_cast<ServiceId>(number<std::uint16_t>());
		value.number = number<std::uint32_t>();
		value.bytes = take_rest();
		expect(value.bytes.size() <= sync_data_bytes_max);
		return value;
	}
	SyncStep step()
	{
		SyncStep value;
		value.step = number<std::uint32_t>();
		value.messages = number<std::uint32_t>();
		expect(value.step >= 1 && value.step <= 2 * sync_services_max);
		return value;
	}
	SyncAsk ask()
	{
		SyncAsk value;
		value.whom = read_member(*this);
		value.step = number<std::uint32_t>();
		value.have = number<std::uint32_t>();
		expect(value.step >= 1 && value.step <= 2 * sync_services_max);
		return value;
	}
	SyncNews news()
	{
		SyncNews value;
		value.service = static_cast<ServiceId>(number<std::uint16_t>());
		value.bytes = take_rest();
		expect(value.bytes.size() <= sync_data_bytes_max);
		return value;
	}
};

} // namespace

std::string encode(const SyncMessage &message)
{
	Writer to;
	write_head(to, head);
	to.number(static_cast<std::uint8_t>(message.body.index()));
	to.tag(message.tag);
	std::visit([&](const auto &body) { to.body(body); }, message.body);
	return to.bytes;
}

Result<SyncMessage> decode_sync_message(std::string_view bytes)
{
	if (bytes.size() > sync_frame_bytes_max)
		return fail(EMSGSIZE, fmt::format("a recovery message of {} bytes", bytes.size()));
	Reader from(bytes);
	if (auto ours = read_head(from, head); !ours)
		return tl::unexpected(ours.error());
	const auto kind = from.number<std::uint8_t>();
	SyncMessage message;
	message.tag = from.tag();
	from.expect(message.tag.valid());
	switch (kind) {
	case 0:
		message.body = from.exchange();
		break;
	case 1:
		message.body = from.data();
		break;
	case 2:
		message.body = from.step();
		break;
	case 3:
		message.body = from.ask();
		break;
	case 4:
		message.body = from.news();
		break;
	default:
		return fail(EBADMSG, fmt::format("a recovery message of kind {}", kind));
	}
	if (!from.at_end())
		return fail(
			EBADMSG,
			fmt::format("a recovery message of kind {} is not as it should be", kind));
	return message;
}

} // namespace swpath
