// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which disks each host sees with its own eyes, the same on all members: so that hosts find out
/// what they share without a lock manager, and whatever their buses are called. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/cluster/member_book.h"

namespace swpath
{

inline constexpr std::uint32_t sightings_magic = 0x53575042; ///< "SWPB"
inline constexpr std::uint16_t sightings_version = 1;
inline constexpr std::size_t sightings_max = 4096; ///< of a host

/// disk_hash() (hint_value.h) of each.
using DiskHashes = std::set<std::uint64_t>;

/// As many messages as they need, at least one; docs/protocol.md has the layout.
[[nodiscard]] std::vector<std::string> sighting_messages(const DiskHashes &disks);

struct SightingMessage {
	bool first = true; ///< all that the sender said before is void
	DiskHashes disks;
};
/// Errors: EPROTONOSUPPORT another version; EMSGSIZE longer than sync_data_bytes_max; EBADMSG
/// anything else.
[[nodiscard]] Result<SightingMessage> decode_sightings(std::string_view bytes);

class DiskSightings final : public MemberBook<DiskHashes>
{
public:
	using MemberBook::MemberBook;

	/// What this host sees; of more than sightings_max, the first.
	void set_own(DiskHashes disks);
	/// What other members see.
	[[nodiscard]] DiskHashes of_others() const;

	[[nodiscard]] ServiceId id() const override { return ServiceId::DiskSightings; }

private:
	[[nodiscard]] std::vector<std::string> write(const DiskHashes &said) const override;
	void read(std::string_view message, DiskHashes &into) const override;
};

} // namespace swpath
