// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/nbd_handshake.h"

#include <algorithm>

#include <fmt/core.h>
#include <linux/nbd.h>

#include "libpath/base/text.h"

namespace swpath
{
namespace
{

// Numbers of the protocol (doc/proto.md of the NBD project); linux/nbd.h has those of the data
// phase only.
constexpr std::uint64_t greeting_magic = 0x4e42444d41474943; // "NBDMAGIC"
constexpr std::uint64_t option_magic = 0x49484156454f5054;   // "IHAVEOPT"
constexpr std::uint64_t reply_magic = 0x0003e889045565a9;
constexpr std::uint16_t server_fixed_newstyle = 1U << 0;
constexpr std::uint16_t server_no_zeroes = 1U << 1;
constexpr std::uint32_t client_fixed_newstyle = 1U << 0;
constexpr std::uint32_t client_no_zeroes = 1U << 1;
constexpr std::uint32_t option_starttls = 5;
constexpr std::uint32_t option_go = 7;
constexpr std::uint32_t reply_ack = 1;
constexpr std::uint32_t reply_info = 3;
constexpr std::uint32_t reply_error_bit = 1U << 31;
constexpr std::uint16_t info_export = 0;
constexpr std::uint16_t info_block_size = 3;

constexpr std::size_t greeting_bytes = 18;
constexpr std::size_t reply_header_bytes = 20;
constexpr std::size_t name_bytes_max = 4096;

using Bytes = std::span<const std::uint8_t>;

std::uint64_t big_endian(Bytes bytes)
{
	std::uint64_t value = 0;
	for (const auto byte : bytes)
		value = value << 8 | byte;
	return value;
}

void put(std::vector<std::uint8_t> &out, std::uint64_t value, unsigned bytes)
{
	for (unsigned left = bytes; left-- > 0;)
		out.push_back(static_cast<std::uint8_t>(value >> (8 * left)));
}

/// A server's text for people, made safe for a terminal and a log.
std::string server_text(Bytes bytes)
{
	constexpr std::size_t kept = 256;
	std::string text;
	for (const auto byte : bytes.first(std::min(bytes.size(), kept)))
		text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '?';
	return std::string(trimmed(text));
}

struct Refusal {
	std::uint32_t type;
	int error;
	std::string_view text;
};
constexpr Refusal refusals[] = {
	{1, EOPNOTSUPP, "does not know the option"},
	{2, EACCES, "refuses by policy"},
	{3, EPROTO, "calls the option invalid"},
	{4, EOPNOTSUPP, "is not made for this platform"},
	{5, EPROTONOSUPPORT, "wants TLS"},
	{6, ENOENT, "has no such export"},
	{7, ESHUTDOWN, "is shutting down"},
	{8, EPROTO, "wants its block size to be asked for"},
	{9, EPROTO, "calls the option too big"},
};

auto broken(std::string why)
{
	return fail(EPROTO, "NBD server " + std::move(why));
}

bool is_power_of_two(std::uint32_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

} // namespace

bool NbdExport::read_only() const noexcept
{
	return (flags & NBD_FLAG_READ_ONLY) != 0;
}

bool NbdExport::can_flush() const noexcept
{
	return (flags & NBD_FLAG_SEND_FLUSH) != 0;
}

bool NbdExport::can_fua() const noexcept
{
	return (flags & NBD_FLAG_SEND_FUA) != 0;
}

bool NbdExport::can_trim() const noexcept
{
	return (flags & NBD_FLAG_SEND_TRIM) != 0;
}

NbdHandshake::NbdHandshake(std::string_view export_name, bool tls)
	: export_name_(export_name.substr(0, name_bytes_max)), tls_(tls), wants_(greeting_bytes)
{
}

Result<std::vector<std::uint8_t>> NbdHandshake::step(Bytes bytes)
{
	if (wants_ == 0 || bytes.size() != wants_)
		return fail(EINVAL, "NBD handshake: step out of turn");
	auto answer = [&]() -> Result<std::vector<std::uint8_t>> {
		switch (stage_) {
		case Stage::Greeting:
			return greeting(bytes);
		case Stage::ReplyHeader:
			return header(bytes);
		default:
			return reply(bytes);
		}
	}();
	if (!answer) {
		stage_ = Stage::Broken;
		wants_ = 0;
	}
	return answer;
}

Result<std::vector<std::uint8_t>> NbdHandshake::greeting(Bytes bytes)
{
	if (big_endian(bytes.first(8)) != greeting_magic)
		return broken("has another greeting: it is none");
	if (big_endian(bytes.subspan(8, 8)) != option_magic)
		return fail(EOPNOTSUPP, "NBD server speaks the old style");
	const auto flags = static_cast<std::uint16_t>(big_endian(bytes.subspan(16, 2)));
	if (!(flags & server_fixed_newstyle))
		return fail(EOPNOTSUPP, "NBD server has no fixed newstyle");

	std::vector<std::uint8_t> out;
	put(out, client_fixed_newstyle | (flags & server_no_zeroes ? client_no_zeroes : 0U), 4);
	if (tls_) {
		option_ = option_starttls;
		put(out, option_magic, 8);
		put(out, option_, 4);
		put(out, 0, 4);
	} else {
		put_go(out);
	}
	stage_ = Stage::ReplyHeader;
	wants_ = reply_header_bytes;
	return out;
}

Result<std::vector<std::uint8_t>> NbdHandshake::secured()
{
	if (stage_ != Stage::Tls)
		return fail(EINVAL, "NBD handshake: secured out of turn");
	std::vector<std::uint8_t> out;
	put_go(out);
	stage_ = Stage::ReplyHeader;
	wants_ = reply_header_bytes;
	return out;
}

void NbdHandshake::put_go(std::vector<std::uint8_t> &out)
{
	option_ = option_go;
	// NBD_OPT_GO: the name, and one request for information: the block sizes.
	constexpr std::uint16_t requests[] = {info_block_size};
	put(out, option_magic, 8);
	put(out, option_go, 4);
	put(out, 4 + export_name_.size() + 2 + 2 * std::size(requests), 4);
	put(out, export_name_.size(), 4);
	out.insert(out.end(), export_name_.begin(), export_name_.end());
	put(out, std::size(requests), 2);
	for (const auto request : requests)
		put(out, request, 2);
}

Result<std::vector<std::uint8_t>> NbdHandshake::header(Bytes bytes)
{
	if (big_endian(bytes.first(8)) != reply_magic)
		return broken("sends something that is no reply to an option");
	if (big_endian(bytes.subspan(8, 4)) != option_)
		return broken("answers an option that was not sent");
	if (++replies_ > replies_max)
		return broken(fmt::format("sends more than {} replies", replies_max));
	reply_type_ = static_cast<std::uint32_t>(big_endian(bytes.subspan(12, 4)));
	const auto length = big_endian(bytes.subspan(16, 4));
	if (length > reply_bytes_max)
		return broken(fmt::format("sends a reply of {} bytes", length));
	if (length == 0)
		return reply({});
	stage_ = Stage::ReplyData;
	wants_ = length;
	return std::vector<std::uint8_t>{};
}

Result<std::vector<std::uint8_t>> NbdHandshake::reply(Bytes data)
{
	if (reply_type_ & reply_error_bit) {
		const auto number = reply_type_ & ~reply_error_bit;
		const auto *known =
			std::find_if(std::begin(refusals), std::end(refusals),
				     [&](const Refusal &each) { return each.type == number; });
		auto text = known != std::end(refusals)
				    ? fmt::format("NBD server {}", known->text)
				    : fmt::format("NBD server refuses with error {}", number);
		if (const auto own = server_text(data); !own.empty())
			text += fmt::format(" (\"{}\")", own);
		return fail(known != std::end(refusals) ? known->error : EPROTO, std::move(text));
	}
	if (option_ == option_starttls) {
		if (reply_type_ != reply_ack || !data.empty())
			return broken("answers something else to a request for TLS");
		stage_ = Stage::Tls;
		wants_ = 0;
		return std::vector<std::uint8_t>{};
	}
	stage_ = Stage::ReplyHeader;
	wants_ = reply_header_bytes;
	if (reply_type_ == reply_info)
		return information(data);
	if (reply_type_ != reply_ack)
		return std::vector<std::uint8_t>{}; // unknown and no error: to be ignored
	if (!have_export_)
		return broken("acknowledges without saying what it exports");
	stage_ = Stage::Done;
	wants_ = 0;
	return std::vector<std::uint8_t>{};
}

Result<std::vector<std::uint8_t>> NbdHandshake::information(Bytes data)
{
	if (data.size() < 2)
		return broken("sends information without a type");
	const auto type = big_endian(data.first(2));
	if (type == info_export) {
		if (data.size() != 12)
			return broken(fmt::format("describes its export in {} bytes", data.size()));
		export_.size_bytes = big_endian(data.subspan(2, 8));
		export_.flags = static_cast<std::uint16_t>(big_endian(data.subspan(10, 2)));
		have_export_ = true;
		constexpr std::uint64_t bytes_max = 1ULL << 62;
		if (export_.size_bytes == 0 || export_.size_bytes > bytes_max ||
		    export_.size_bytes % 512 != 0)
			return fail(EINVAL, fmt::format("NBD export of {} bytes is no disk",
							export_.size_bytes));
		if (!(export_.flags & NBD_FLAG_HAS_FLAGS))
			return broken("sends no transmission flags");
	} else if (type == info_block_size) {
		if (data.size() != 14)
			return broken(fmt::format("describes its blocks in {} bytes", data.size()));
		export_.min_block_bytes =
			static_cast<std::uint32_t>(big_endian(data.subspan(2, 4)));
		export_.preferred_block_bytes =
			static_cast<std::uint32_t>(big_endian(data.subspan(6, 4)));
		export_.max_payload_bytes =
			static_cast<std::uint32_t>(big_endian(data.subspan(10, 4)));
		if (!is_power_of_two(export_.min_block_bytes) ||
		    !is_power_of_two(export_.preferred_block_bytes) ||
		    export_.min_block_bytes > 65536 ||
		    export_.max_payload_bytes < export_.min_block_bytes)
			return broken("has block sizes that make no sense");
	}
	return std::vector<std::uint8_t>{};
}

} // namespace swpath
