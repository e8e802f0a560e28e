// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which disks each host sees with its own eyes, and on which bus, the same on all members: so that
/// hosts find out which of their buses they share, without a lock manager. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/cluster/member_book.h"
#include "libpath/hints/bus_name.h"

namespace swpath
{

inline constexpr std::uint32_t sightings_magic = 0x53575042; ///< "SWPB"
inline constexpr std::uint16_t sightings_version = 1;
inline constexpr std::size_t sightings_max = 4096; ///< of a host

/// A disk on a bus.
struct BusSighting {
	BusName bus;            ///< class 0: it has no name
	std::uint64_t disk = 0; ///< disk_hash() (hint_value.h)

	auto operator<=>(const BusSighting &) const = default;
};

using BusSightingSet = std::set<BusSighting>;

/// As many messages as they need, at least one; docs/protocol.md has the layout.
[[nodiscard]] std::vector<std::string> sighting_messages(const BusSightingSet &sightings);

struct SightingMessage {
	bool first = true; ///< all that the sender said before is void
	BusSightingSet sightings;
};
/// Errors: EPROTONOSUPPORT another version; EMSGSIZE longer than sync_data_bytes_max; EBADMSG
/// anything else.
[[nodiscard]] Result<SightingMessage> decode_sightings(std::string_view bytes);

class BusSightings final : public MemberBook<BusSightingSet>
{
public:
	using MemberBook::MemberBook;

	/// What this host sees; of more than sightings_max, the first.
	void set_own(BusSightingSet sightings);
	/// What other members see.
	[[nodiscard]] BusSightingSet of_others() const;
	/// Of the same, the disks, on whatever buses: hosts can be on different ports of an array.
	[[nodiscard]] std::set<std::uint64_t> disks_of_others() const;

	[[nodiscard]] ServiceId id() const override { return ServiceId::BusSightings; }

private:
	[[nodiscard]] std::vector<std::string> write(const BusSightingSet &said) const override;
	void read(std::string_view message, BusSightingSet &into) const override;
};

} // namespace swpath
