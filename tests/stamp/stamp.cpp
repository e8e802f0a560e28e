// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stamp/stamp.h"

#include <cstring>

#include "libpath/base/crc32c.h"

namespace swpath::stamp
{
namespace
{

constexpr std::uint64_t magic = 0x53572d7374616d70; // "SW-stamp"

// As it lies in the sector, in the byte order of the machine: a log never leaves it.
struct Layout {
	std::uint64_t magic;
	Stamp stamp;
	std::array<std::uint64_t, 56> filler;
	std::uint32_t reserved;
	std::uint32_t crc; ///< over all before it
};
static_assert(sizeof(Layout) == sector_bytes);

} // namespace

std::uint64_t unit_id(std::string_view name)
{
	std::uint64_t hash = 0xcbf29ce484222325;
	for (const char c : name) {
		hash ^= static_cast<unsigned char>(c);
		hash *= 0x100000001b3;
	}
	return hash;
}

void encode(const Stamp &stamp, std::span<std::byte, sector_bytes> sector)
{
	Layout layout{};
	layout.magic = magic;
	layout.stamp = stamp;
	std::uint64_t filler = (stamp.sequence << 20) ^ stamp.sector ^ stamp.run;
	for (auto &word : layout.filler) {
		filler = filler * 6364136223846793005 + 1442695040888963407;
		word = filler;
	}
	std::memcpy(sector.data(), &layout, sizeof(layout));
	layout.crc = crc32c(sector.first<sector_bytes - sizeof(layout.crc)>());
	std::memcpy(sector.data() + offsetof(Layout, crc), &layout.crc, sizeof(layout.crc));
}

std::optional<Stamp> decode(SectorView sector)
{
	Layout layout;
	std::memcpy(&layout, sector.data(), sizeof(layout));
	if (layout.magic != magic ||
	    layout.crc != crc32c(sector.first<sector_bytes - sizeof(layout.crc)>()))
		return std::nullopt;
	return layout.stamp;
}

} // namespace swpath::stamp
