// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/peer_message.h"

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "libpath/base/byte_order.h"

namespace swpath
{
namespace
{

constexpr std::uint16_t answer_bit = 0x8000;

class Writer : public ByteWriter
{
public:
	void text(std::string_view value) { ByteWriter::text(value, peer_text_bytes_max); }
	void id(const PeerId &value) { bytes.append(value.begin(), value.end()); }
	void hello(const PeerHello &value)
	{
		number(value.version_min);
		number(value.version_max);
		id(value.host);
		id(value.boot);
		number(value.incarnation);
		text(value.name);
	}
	void keys(const std::vector<std::uint64_t> &values, std::size_t max)
	{
		const auto count = std::min(values.size(), max);
		number(static_cast<std::uint16_t>(count));
		for (std::size_t i = 0; i < count; i++)
			number(values[i]);
	}
};

class Reader : public ByteReader
{
public:
	using ByteReader::ByteReader;

	std::string text() { return ByteReader::text(peer_text_bytes_max); }
	PeerId id()
	{
		PeerId value{};
		const auto bytes = take(value.size());
		std::copy(bytes.begin(), bytes.end(), value.begin());
		return value;
	}
	PeerHello hello()
	{
		PeerHello value;
		value.version_min = number<std::uint16_t>();
		value.version_max = number<std::uint16_t>();
		value.host = id();
		value.boot = id();
		value.incarnation = number<std::uint64_t>();
		value.name = text();
		expect(value.version_min <= value.version_max);
		return value;
	}
	std::vector<std::uint64_t> keys()
	{
		std::vector<std::uint64_t> values;
		const auto count = number<std::uint16_t>();
		for (unsigned i = 0; i < count && good(); i++)
			values.push_back(number<std::uint64_t>());
		return values;
	}
	ReservationType type() { return static_cast<ReservationType>(number<std::uint8_t>()); }
};

bool names_disk(PeerVerb verb)
{
	return verb != PeerVerb::Hello && verb != PeerVerb::Status && verb != PeerVerb::Cast;
}

std::string frame(std::uint16_t kind, std::uint64_t id, const std::string &body)
{
	Writer head;
	head.number(peer_magic);
	head.number(peer_version);
	head.number(kind);
	head.number(id);
	head.number(static_cast<std::uint32_t>(body.size()));
	return head.bytes + body;
}

PeerRequest read_request(PeerVerb verb, std::uint64_t id, Reader &from)
{
	PeerRequest request;
	request.verb = verb;
	request.id = id;
	request.clock = from.number<std::uint64_t>();
	request.deadline_ms = from.number<std::uint32_t>();
	if (verb == PeerVerb::Hello)
		request.hello = from.hello();
	else if (names_disk(verb))
		request.wwid = from.text();
	switch (verb) {
	case PeerVerb::Export:
		request.epoch = from.number<std::uint64_t>();
		request.read_only = from.flag();
		break;
	case PeerVerb::Revoke:
		request.epoch = from.number<std::uint64_t>();
		break;
	case PeerVerb::Register:
	case PeerVerb::Carry:
		request.key = from.number<std::uint64_t>();
		break;
	case PeerVerb::Reserve:
		request.key = from.number<std::uint64_t>();
		request.type = from.type();
		break;
	case PeerVerb::PreemptAbort:
		request.key = from.number<std::uint64_t>();
		request.victim = from.number<std::uint64_t>();
		request.type = from.type();
		request.mv = from.number<std::uint64_t>();
		break;
	case PeerVerb::Cast:
		request.cast = from.ByteReader::text(peer_cast_bytes_max);
		break;
	default:
		break;
	}
	return request;
}

PeerAnswer read_answer(PeerVerb verb, std::uint64_t id, Reader &from)
{
	PeerAnswer answer;
	answer.verb = verb;
	answer.id = id;
	answer.clock = from.number<std::uint64_t>();
	const auto status = from.number<std::uint16_t>();
	// One that a later version may add: all that counts is that it is not Ok.
	answer.status = status < Words<PeerStatus>::all.size() ? static_cast<PeerStatus>(status)
							       : PeerStatus::Failed;
	answer.text = from.text();
	if (answer.status != PeerStatus::Ok)
		return answer;
	switch (verb) {
	case PeerVerb::Hello:
		answer.hello = from.hello();
		break;
	case PeerVerb::Attest: {
		answer.direct = from.flag();
		answer.write_protected = from.flag();
		answer.reservations = from.flag();
		answer.lu_reset = from.flag();
		answer.capacity_bytes = from.number<std::uint64_t>();
		answer.logical_block_bytes = from.number<std::uint32_t>();
		answer.physical_block_bytes = from.number<std::uint32_t>();
		answer.epoch = from.number<std::uint64_t>();
		answer.key = from.number<std::uint64_t>();
		answer.boot = from.id();
		answer.keys = from.keys();
		const auto count = from.number<std::uint16_t>();
		for (unsigned i = 0; i < count && from.good(); i++)
			answer.designators.push_back(from.text());
		break;
	}
	case PeerVerb::Export:
		answer.export_name = from.text();
		answer.port = from.number<std::uint16_t>();
		answer.nexus = from.number<std::uint64_t>();
		answer.key = from.number<std::uint64_t>();
		break;
	case PeerVerb::Revoke:
		answer.ended = from.number<std::uint64_t>();
		answer.lost = from.number<std::uint64_t>();
		break;
	case PeerVerb::Keys:
		answer.generation = from.number<std::uint32_t>();
		answer.type = from.type();
		answer.keys = from.keys();
		break;
	case PeerVerb::Status:
		answer.uptime_s = from.number<std::uint32_t>();
		break;
	default:
		break;
	}
	return answer;
}

} // namespace

int errno_of(PeerStatus status) noexcept
{
	switch (status) {
	case PeerStatus::Ok:
		return 0;
	case PeerStatus::InProgress:
		return EINPROGRESS;
	case PeerStatus::NotRegistered:
		return ENOENT;
	case PeerStatus::Conflict:
		return EBADE;
	case PeerStatus::Unsupported:
		return EOPNOTSUPP;
	case PeerStatus::Refused:
		return EACCES;
	case PeerStatus::UnknownDisk:
		return ENODEV;
	case PeerStatus::Timeout:
		return ETIMEDOUT;
	case PeerStatus::Busy:
		return EAGAIN;
	case PeerStatus::BadRequest:
		return EINVAL;
	case PeerStatus::Failed:
		break;
	}
	return EIO;
}

std::string encode(const PeerRequest &request)
{
	Writer to;
	to.number(request.clock);
	to.number(request.deadline_ms);
	if (request.verb == PeerVerb::Hello)
		to.hello(request.hello);
	else if (names_disk(request.verb))
		to.text(request.wwid);
	switch (request.verb) {
	case PeerVerb::Export:
		to.number(request.epoch);
		to.number(static_cast<std::uint8_t>(request.read_only));
		break;
	case PeerVerb::Revoke:
		to.number(request.epoch);
		break;
	case PeerVerb::Register:
	case PeerVerb::Carry:
		to.number(request.key);
		break;
	case PeerVerb::Reserve:
		to.number(request.key);
		to.number(static_cast<std::uint8_t>(request.type));
		break;
	case PeerVerb::PreemptAbort:
		to.number(request.key);
		to.number(request.victim);
		to.number(static_cast<std::uint8_t>(request.type));
		to.number(request.mv);
		break;
	case PeerVerb::Cast:
		to.ByteWriter::text(request.cast, peer_cast_bytes_max);
		break;
	default:
		break;
	}
	return frame(static_cast<std::uint16_t>(request.verb), request.id, to.bytes);
}

std::string encode(const PeerAnswer &answer)
{
	// What does not fit is cut: 4096 bytes for the rest leave room for 1500 keys.
	constexpr std::size_t keys_max = 1500, own_keys_max = 64, designators_max = 12;
	Writer to;
	to.number(answer.clock);
	to.number(static_cast<std::uint16_t>(answer.status));
	to.text(answer.text);
	if (answer.status == PeerStatus::Ok) {
		switch (answer.verb) {
		case PeerVerb::Hello:
			to.hello(answer.hello);
			break;
		case PeerVerb::Attest: {
			to.number(static_cast<std::uint8_t>(answer.direct));
			to.number(static_cast<std::uint8_t>(answer.write_protected));
			to.number(static_cast<std::uint8_t>(answer.reservations));
			to.number(static_cast<std::uint8_t>(answer.lu_reset));
			to.number(answer.capacity_bytes);
			to.number(answer.logical_block_bytes);
			to.number(answer.physical_block_bytes);
			to.number(answer.epoch);
			to.number(answer.key);
			to.id(answer.boot);
			to.keys(answer.keys, own_keys_max);
			const auto count = std::min(answer.designators.size(), designators_max);
			to.number(static_cast<std::uint16_t>(count));
			for (std::size_t i = 0; i < count; i++)
				to.text(answer.designators[i]);
			break;
		}
		case PeerVerb::Export:
			to.text(answer.export_name);
			to.number(answer.port);
			to.number(answer.nexus);
			to.number(answer.key);
			break;
		case PeerVerb::Revoke:
			to.number(answer.ended);
			to.number(answer.lost);
			break;
		case PeerVerb::Keys:
			to.number(answer.generation);
			to.number(static_cast<std::uint8_t>(answer.type));
			to.keys(answer.keys, keys_max);
			break;
		case PeerVerb::Status:
			to.number(answer.uptime_s);
			break;
		default:
			break;
		}
	}
	return frame(static_cast<std::uint16_t>(answer.verb) | answer_bit, answer.id, to.bytes);
}

Result<std::optional<PeerFrame>> decode_peer_frame(std::string_view bytes)
{
	// Refuse what is no frame as soon as it shows, not when enough of it has come.
	Writer magic;
	magic.number(peer_magic);
	const auto known = std::min(bytes.size(), magic.bytes.size());
	if (bytes.substr(0, known) != std::string_view(magic.bytes).substr(0, known))
		return fail(EBADMSG, "not the peer protocol");
	if (bytes.size() < peer_header_bytes)
		return std::nullopt;
	Reader head(bytes.substr(4, peer_header_bytes - 4));
	const auto version = head.number<std::uint16_t>();
	const auto kind = head.number<std::uint16_t>();
	const auto id = head.number<std::uint64_t>();
	const auto length = head.number<std::uint32_t>();
	const auto number = static_cast<std::uint16_t>(kind & ~answer_bit);
	if (length > peer_body_bytes_max)
		return fail(EMSGSIZE, fmt::format("a frame of {} bytes", length));
	if (version != peer_version && number != static_cast<std::uint16_t>(PeerVerb::Hello))
		return fail(EPROTONOSUPPORT, fmt::format("protocol version {}", version));
	if (number >= Words<PeerVerb>::all.size())
		return fail(EBADMSG, fmt::format("unknown verb {}", number));
	if (bytes.size() < peer_header_bytes + length)
		return std::nullopt;

	const auto verb = static_cast<PeerVerb>(number);
	Reader body(bytes.substr(peer_header_bytes, length));
	PeerFrame result;
	result.bytes = peer_header_bytes + length;
	if ((kind & answer_bit) != 0)
		result.answer = read_answer(verb, id, body);
	else
		result.request = read_request(verb, id, body);
	// A later version may add to the end of a Hello.
	if (!body.good() || (version == peer_version && !body.at_end()))
		return fail(EBADMSG, fmt::format("'{}' is not as it should be", word(verb)));
	return result;
}

} // namespace swpath
