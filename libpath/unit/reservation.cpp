// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/unit/reservation.h"

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>
#include <gnutls/crypto.h>
#include <scsi/sg_unaligned.h>

#include "libpath/base/text.h"

namespace swpath
{
namespace
{

constexpr std::size_t header_bytes = 8; // PRGENERATION and ADDITIONAL LENGTH

/// What follows the header, as long as the header says.
Result<std::span<const std::uint8_t>> body_of(std::span<const std::uint8_t> data, const char *what)
{
	if (data.size() < header_bytes)
		return fail(EBADMSG, fmt::format("{}: {} bytes are no header", what, data.size()));
	const std::size_t length = sg_get_unaligned_be32(&data[4]);
	if (length > data.size() - header_bytes)
		return fail(EBADMSG, fmt::format("{}: says {} bytes, has {}", what, length,
						 data.size() - header_bytes));
	return data.subspan(header_bytes, length);
}

} // namespace

std::string reservation_type_text(ReservationType type)
{
	switch (type) {
	case ReservationType::None:
		return "none";
	case ReservationType::WriteExclusive:
		return "write exclusive";
	case ReservationType::ExclusiveAccess:
		return "exclusive access";
	case ReservationType::WriteExclusiveRegistrants:
		return "write exclusive, registrants only";
	case ReservationType::ExclusiveAccessRegistrants:
		return "exclusive access, registrants only";
	case ReservationType::WriteExclusiveAllRegistrants:
		return "write exclusive, all registrants";
	case ReservationType::ExclusiveAccessAllRegistrants:
		return "exclusive access, all registrants";
	}
	return fmt::format("type {}", static_cast<unsigned>(type));
}

bool NexusView::has(std::uint64_t key) const
{
	return std::binary_search(keys.begin(), keys.end(), key);
}

Result<ReservationKeys> parse_reservation_keys(std::span<const std::uint8_t> data)
{
	constexpr std::size_t key_bytes = 8;
	const auto body = body_of(data, "reservation keys");
	if (!body)
		return tl::unexpected(body.error());
	if (body->size() % key_bytes != 0)
		return fail(EBADMSG,
			    fmt::format("reservation keys: {} bytes are no whole number of keys",
					body->size()));
	ReservationKeys keys;
	keys.generation = sg_get_unaligned_be32(data.data());
	for (std::size_t at = 0; at < body->size(); at += key_bytes)
		keys.keys.push_back(sg_get_unaligned_be64(&(*body)[at]));
	return keys;
}

Result<ReservationHolder> parse_reservation_holder(std::span<const std::uint8_t> data)
{
	const auto body = body_of(data, "reservation");
	if (!body)
		return tl::unexpected(body.error());
	ReservationHolder holder;
	holder.generation = sg_get_unaligned_be32(data.data());
	if (body->empty())
		return holder;
	if (body->size() < 16)
		return fail(EBADMSG,
			    fmt::format("reservation: {} bytes are no descriptor", body->size()));
	holder.key = sg_get_unaligned_be64(body->data());
	const unsigned type = (*body)[13] & 0x0f;
	if (type == 0)
		return fail(EBADMSG, "reservation: there is one, of type 0");
	holder.type = static_cast<ReservationType>(type);
	return holder;
}

Result<ReservationCapabilities> parse_reservation_capabilities(std::span<const std::uint8_t> data)
{
	if (data.size() < 8 || sg_get_unaligned_be16(data.data()) < 8)
		return fail(EBADMSG,
			    fmt::format("reservation capabilities: {} bytes", data.size()));
	ReservationCapabilities capabilities;
	capabilities.persists = (data[2] & 0x01) != 0;
	capabilities.all_target_ports = (data[2] & 0x04) != 0;
	capabilities.persists_now = (data[3] & 0x01) != 0;
	capabilities.types_valid = (data[3] & 0x80) != 0;
	// The mask's bits are the types' values: byte 4 has 1 (bit 1) to 7 (bit 7), byte 5 has 8
	// (bit 0).
	if (capabilities.types_valid)
		capabilities.types =
			static_cast<std::uint16_t>((data[4] & 0xea) | (data[5] & 0x01) << 8);
	return capabilities;
}

Result<std::vector<ReservationRegistrant>>
parse_reservation_status(std::span<const std::uint8_t> data)
{
	constexpr std::size_t descriptor_bytes = 24;
	auto body = body_of(data, "reservation status");
	if (!body)
		return tl::unexpected(body.error());
	auto rest = *body;
	std::vector<ReservationRegistrant> registrants;
	while (!rest.empty()) {
		if (rest.size() < descriptor_bytes)
			return fail(EBADMSG, "reservation status: a descriptor is cut off");
		const std::size_t more = sg_get_unaligned_be32(&rest[20]);
		if (more > rest.size() - descriptor_bytes)
			return fail(EBADMSG, "reservation status: a transport id is cut off");
		ReservationRegistrant one;
		one.key = sg_get_unaligned_be64(rest.data());
		one.holder = (rest[12] & 0x01) != 0;
		one.all_target_ports = (rest[12] & 0x02) != 0;
		if (one.holder)
			one.type = static_cast<ReservationType>(rest[13] & 0x0f);
		one.target_port = sg_get_unaligned_be16(&rest[18]);
		const auto id = rest.subspan(descriptor_bytes, more);
		one.transport_id.assign(id.begin(), id.end());
		registrants.push_back(std::move(one));
		rest = rest.subspan(descriptor_bytes + more);
	}
	return registrants;
}

std::string transport_id_text(std::span<const std::uint8_t> id)
{
	constexpr unsigned iscsi = 5;
	// SPC-4 table 394: a length of two bytes, then the name, padded with zeros to a multiple
	// of 4.
	if (id.size() > 4 && (id[0] & 0x0f) == iscsi) {
		std::string name;
		for (const auto byte : id.subspan(4)) {
			if (byte == 0)
				break;
			name += byte > 0x20 && byte < 0x7f ? static_cast<char>(byte) : '?';
		}
		return name;
	}
	std::string text = fmt::format("protocol {}: ", id.empty() ? 0 : id[0] & 0x0f);
	for (const auto byte : id)
		text += fmt::format("{:02x}", byte);
	return text;
}

std::array<std::uint8_t, 24> reserve_out_parameters(std::uint64_t key, std::uint64_t service_key,
						    bool persist) noexcept
{
	std::array<std::uint8_t, 24> parameters{};
	sg_put_unaligned_be64(key, parameters.data());
	sg_put_unaligned_be64(service_key, &parameters[8]);
	parameters[20] = persist ? 0x01 : 0;
	return parameters;
}

std::uint64_t reservation_key(std::string_view host, std::string_view wwid, std::string_view path)
{
	constexpr std::uint64_t mark = 0x5357ULL << 48; // "SW"
	// Each with its length: "a" + "bc" is not "ab" + "c".
	const std::string text = fmt::format("{}:{}{}:{}{}:{}", host.size(), host, wwid.size(),
					     wwid, path.size(), path);
	std::array<std::uint8_t, 32> digest{};
	gnutls_hash_fast(GNUTLS_DIG_SHA256, text.data(), text.size(), digest.data());
	return mark | sg_get_unaligned_be48(digest.data());
}

std::string reservation_key_text(std::uint64_t key)
{
	return fmt::format("{:#x}", key);
}

} // namespace swpath
