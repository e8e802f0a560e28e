// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/hints/hint_value.h"

#include <algorithm>
#include <cerrno>
#include <concepts>

#include <fmt/core.h>

#include "libpath/base/crc32c.h"
#include "libpath/hints/fnv.h"

namespace swpath
{
namespace
{

constexpr std::uint16_t hint_magic = 0x5357;
constexpr std::uint8_t hint_version = 1;
constexpr std::uint8_t flag_shared = 0x01;
constexpr std::uint8_t flag_serves = 0x02;
constexpr std::uint8_t flag_disputed = 0x04;
constexpr std::size_t crc_offset = 28;
constexpr std::uint16_t port_max = BusName::letter_max - BusName::letter_min + 1;

/// Numbers one after the other, the most significant byte first.
class Writer
{
public:
	explicit Writer(HintBytes &bytes) : bytes_(bytes) {}

	template <std::unsigned_integral T>
	void put(T value)
	{
		for (std::size_t left = sizeof(T); left > 0; left--)
			bytes_[at_++] = static_cast<std::byte>(value >> (8 * (left - 1)));
	}

private:
	HintBytes &bytes_;
	std::size_t at_ = 0;
};

class Reader
{
public:
	explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

	template <std::unsigned_integral T>
	[[nodiscard]] T take()
	{
		std::uint64_t value = 0;
		for (std::size_t i = 0; i < sizeof(T); i++)
			value = (value << 8) | std::to_integer<std::uint64_t>(bytes_[at_++]);
		return static_cast<T>(value);
	}

private:
	std::span<const std::byte> bytes_;
	std::size_t at_ = 0;
};

} // namespace

std::uint64_t disk_hash(const Identity &identity)
{
	std::uint64_t hash = fnv1a_basis;
	const auto designators = identity.of_unit();
	for (const auto &each : designators)
		hash = fnv1a("\n", fnv1a(each.text(), hash));
	if (designators.empty())
		hash = fnv1a(identity.wwid);
	return std::max<std::uint64_t>(hash, 1);
}

Result<HintBytes> HintValue::encode() const
{
	if (bus.allocation_class == 0)
		return fail(EINVAL, "hint: the allocation class is 0");
	if (bus.letter < BusName::letter_min || bus.letter > BusName::letter_max)
		return fail(EINVAL, "hint: the port is no letter from A to Z");
	if (server == 0)
		return fail(EINVAL, "hint: the number of the host is 0");
	if (epoch == 0)
		return fail(EINVAL, "hint: the epoch is 0");
	if (disk == 0)
		return fail(EINVAL, "hint: no disk stands for the bus");

	HintBytes bytes{};
	Writer writer(bytes);
	writer.put(hint_magic);
	writer.put(hint_version);
	writer.put(static_cast<std::uint8_t>((shared ? flag_shared : 0) |
					     (serves ? flag_serves : 0) |
					     (disputed ? flag_disputed : 0)));
	writer.put(bus.allocation_class);
	writer.put(static_cast<std::uint16_t>(bus.letter - BusName::letter_min + 1));
	writer.put(server);
	writer.put(epoch);
	writer.put(disk);
	writer.put(crc32c(std::span(bytes).first(crc_offset)));
	return bytes;
}

Result<HintValue> HintValue::decode(std::span<const std::byte> bytes)
{
	if (bytes.size() != hint_bytes)
		return fail(EMSGSIZE,
			    fmt::format("hint: {} bytes, a hint has {}", bytes.size(), hint_bytes));
	if (std::all_of(bytes.begin(), bytes.end(),
			[](std::byte each) { return each == std::byte{0}; }))
		return fail(ENODATA, "hint: nobody has left a mark");

	Reader reader(bytes);
	if (const auto magic = reader.take<std::uint16_t>(); magic != hint_magic)
		return fail(EBADMSG, fmt::format("hint: begins with {:#06x}, a hint with {:#06x}",
						 magic, hint_magic));
	const auto version = reader.take<std::uint8_t>();
	const auto crc = Reader(bytes.subspan(crc_offset)).take<std::uint32_t>();
	if (const auto found = crc32c(bytes.first(crc_offset)); found != crc)
		return fail(EBADMSG, fmt::format("hint: damaged, its CRC is {:#010x}, its bytes "
						 "make {:#010x}",
						 crc, found));
	if (version != hint_version)
		return fail(EPROTONOSUPPORT,
			    fmt::format("hint: of version {}, this host reads version {}", version,
					hint_version));

	HintValue value;
	const auto flags = reader.take<std::uint8_t>();
	if ((flags & ~(flag_shared | flag_serves | flag_disputed)) != 0)
		return fail(EBADMSG, fmt::format("hint: unknown flags {:#04x}", flags));
	value.shared = (flags & flag_shared) != 0;
	value.serves = (flags & flag_serves) != 0;
	value.disputed = (flags & flag_disputed) != 0;
	value.bus.allocation_class = reader.take<std::uint32_t>();
	if (value.bus.allocation_class == 0)
		return fail(EBADMSG, "hint: the allocation class is 0");
	const auto port = reader.take<std::uint16_t>();
	if (port == 0 || port > port_max)
		return fail(EBADMSG,
			    fmt::format("hint: port {} is none from 1 to {}", port, port_max));
	value.bus.letter = static_cast<char>(BusName::letter_min + port - 1);
	value.server = reader.take<std::uint16_t>();
	if (value.server == 0)
		return fail(EBADMSG, "hint: the number of the host is 0");
	value.epoch = reader.take<std::uint64_t>();
	if (value.epoch == 0)
		return fail(EBADMSG, "hint: the epoch is 0");
	value.disk = reader.take<std::uint64_t>();
	if (value.disk == 0)
		return fail(EBADMSG, "hint: no disk stands for the bus");
	return value;
}

} // namespace swpath
