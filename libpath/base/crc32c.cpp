// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/base/crc32c.h"

#include <array>

namespace swpath
{
namespace
{

constexpr std::uint32_t polynomial = 0x82f63b78;
constexpr std::size_t slices = 8;

// tables[0] is the usual byte table; tables[n] is that followed by n zero bytes, so that eight
// bytes are folded at once: in an interpreted VM the checksum is most of the writer's work.
constexpr auto make_tables()
{
	std::array<std::array<std::uint32_t, 256>, slices> tables{};
	for (std::uint32_t i = 0; i < 256; i++) {
		std::uint32_t crc = i;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
		tables[0][i] = crc;
	}
	for (std::size_t slice = 1; slice < slices; slice++) {
		for (std::size_t i = 0; i < 256; i++) {
			const std::uint32_t before = tables[slice - 1][i];
			tables[slice][i] = (before >> 8) ^ tables[0][before & 0xff];
		}
	}
	return tables;
}

constexpr auto tables = make_tables();

} // namespace

std::uint32_t crc32c(std::span<const std::byte> data)
{
	std::uint32_t crc = ~0U;
	while (data.size() >= slices) {
		std::uint32_t folded = 0;
		for (std::size_t i = 0; i < slices; i++) {
			const auto byte = std::to_integer<std::uint32_t>(data[i]) ^
					  (i < 4 ? (crc >> (8 * i)) & 0xff : 0);
			folded ^= tables[slices - 1 - i][byte];
		}
		crc = folded;
		data = data.subspan(slices);
	}
	for (const std::byte byte : data)
		crc = (crc >> 8) ^ tables[0][(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff];
	return ~crc;
}

} // namespace swpath
