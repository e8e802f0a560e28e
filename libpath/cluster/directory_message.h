// SPDX-License-Identifier: LGPL-2.1-or-later
/// What hosts say to each other of who serves which disk, as bytes and back. docs/protocol.md has
/// the layout. Pure and bounded: a message is at most sync_data_bytes_max.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/cluster/member.h"

namespace swpath
{

inline constexpr std::uint32_t directory_magic = 0x53575044; ///< "SWPD"
inline constexpr std::uint16_t directory_version = 2;
inline constexpr std::size_t directory_disk_bytes_max = 256;
inline constexpr std::size_t directory_unit_bytes_max = 64;
inline constexpr std::size_t directory_address_bytes_max = 128;
inline constexpr std::size_t directory_disks_max = 1024; ///< of a host

/// Who can serve a disk.
struct DiskServer {
	Member member;
	std::string address;        ///< for a client to connect to
	std::uint16_t priority = 0; ///< the lowest is asked first

	bool operator==(const DiskServer &) const = default;
};

/// "I can serve these disks." Several messages if there are many; the first of them replaces all
/// that the sender had said before.
struct DirectoryOffers {
	struct Disk {
		std::string disk; ///< WWID
		std::uint16_t priority = 0;
		std::string unit; ///< what the sender calls it; may be empty

		bool operator==(const Disk &) const = default;
	};
	bool first = true;
	std::string address;
	std::vector<Disk> disks;

	bool operator==(const DirectoryOffers &) const = default;
};

/// What is longer than it may be is cut; all must fit (see offer_messages()).
[[nodiscard]] std::string encode(const DirectoryOffers &offers);
/// Errors: EPROTONOSUPPORT another version; EMSGSIZE longer than sync_data_bytes_max; EBADMSG
/// anything else.
[[nodiscard]] Result<DirectoryOffers> decode_offers(std::string_view bytes);

/// As many messages as the disks need, at least one.
[[nodiscard]] std::vector<std::string>
offer_messages(const std::string &address, const std::vector<DirectoryOffers::Disk> &disks);

} // namespace swpath
