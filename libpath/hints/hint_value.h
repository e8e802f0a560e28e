// SPDX-License-Identifier: LGPL-2.1-or-later
/// The lock value block of a bus: the mark that a host leaves for the others.
///
/// 32 bytes, whatever the engine of the lock space; numbers are big-endian:
///
///   offset bytes
///        0     2  0x5357, "SW"
///        2     1  version, 1
///        3     1  flags: 0x01 shared, 0x02 serves, 0x04 disputed; the others are 0
///        4     4  allocation class, 1 to 2^32-1
///        8     2  port: 1 for A to 26 for Z
///       10     2  number of the host that left the mark, 1 to 65535
///       12     8  epoch, from 1 on: grows with each mark
///       20     8  hash of the disk that stands for the bus; not 0
///       28     4  CRC-32C of the 28 bytes before
///
/// "SW", the version and the CRC stay where they are in every version, so that a host can tell a
/// later version from damage.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "libpath/base/result.h"
#include "libpath/hints/bus_name.h"
#include "libpath/unit/identity.h"

namespace swpath
{

inline constexpr std::size_t hint_bytes = 32;
using HintBytes = std::array<std::byte, hint_bytes>;

/// Which disk, in 64 bits: a hash of all its logical unit's designators, or of its wwid if it has
/// none. Never 0. Two disks may share one; who acts on it compares the identity itself.
[[nodiscard]] std::uint64_t disk_hash(const Identity &identity);

struct HintValue {
	BusName bus;
	bool shared = false;      ///< the host knows that it is not alone on the bus
	bool serves = false;      ///< the host serves disks of the bus to others
	std::uint16_t server = 0; ///< the host that left the mark
	std::uint64_t epoch = 0;
	std::uint64_t disk = 0; ///< disk_hash() of a disk that the host has directly on the bus
	/// Another host, which is on a bus of this name, does not see that disk there. All else is
	/// as `server` has left it.
	bool disputed = false;

	bool operator==(const HintValue &) const = default;

	/// Errors: EINVAL a field is out of the range of the layout, with which one.
	[[nodiscard]] Result<HintBytes> encode() const;
	/// Pure. Errors, each with its cause:
	///   EMSGSIZE         not 32 bytes
	///   ENODATA          all are 0: nobody has left a mark yet
	///   EBADMSG          does not begin with "SW"; the CRC does not fit; a field is out of its
	///                    range, or a flag is set that this version does not have
	///   EPROTONOSUPPORT  sound, but of another version
	[[nodiscard]] static Result<HintValue> decode(std::span<const std::byte> bytes);
};

} // namespace swpath
