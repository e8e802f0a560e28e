// SPDX-License-Identifier: LGPL-2.1-or-later
/// Persistent reservations as SPC-4 has them on the wire (5.12, 6.15, 6.16), and our own keys.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/result.h"

namespace swpath
{

/// The TYPE field (SPC-4 table 67). Of other values nothing is known; they are kept as they are.
enum class ReservationType : std::uint8_t {
	None = 0, ///< no reservation
	WriteExclusive = 1,
	ExclusiveAccess = 3,
	WriteExclusiveRegistrants = 5,
	ExclusiveAccessRegistrants = 6,
	WriteExclusiveAllRegistrants = 7,
	ExclusiveAccessAllRegistrants = 8,
};

/// "write exclusive, registrants only"; "type 4" for one that the standard does not have.
[[nodiscard]] std::string reservation_type_text(ReservationType type);

/// READ KEYS (6.15.2). A key appears once for each nexus that registered it.
struct ReservationKeys {
	std::uint32_t generation = 0; ///< PRGENERATION: counts changes
	std::vector<std::uint64_t> keys;

	bool operator==(const ReservationKeys &) const = default;
};

/// READ RESERVATION (6.15.3).
struct ReservationHolder {
	std::uint32_t generation = 0;
	ReservationType type = ReservationType::None;
	std::uint64_t key = 0; ///< 0 with no reservation, and with those of all registrants

	bool operator==(const ReservationHolder &) const = default;
};

/// REPORT CAPABILITIES (6.15.4).
struct ReservationCapabilities {
	bool persists = false;         ///< PTPL_C: can keep everything over a loss of power
	bool persists_now = false;     ///< PTPL_A: does so
	bool all_target_ports = false; ///< ATP_C
	bool types_valid = false;      ///< TMV: `types` says something
	std::uint16_t types = 0;       ///< a bit for each ReservationType, by its value

	bool operator==(const ReservationCapabilities &) const = default;
};

/// One descriptor of READ FULL STATUS (6.15.5).
struct ReservationRegistrant {
	std::uint64_t key = 0;
	bool holder = false;
	bool all_target_ports = false;
	ReservationType type = ReservationType::None; ///< of the reservation, if it is a holder
	std::uint16_t target_port = 0;                ///< relative target port identifier
	std::vector<std::uint8_t> transport_id;       ///< of the initiator port (7.6.4)

	bool operator==(const ReservationRegistrant &) const = default;
};

/// A disk's registrations, and which of them is that of the nexus that they were read through.
struct NexusView {
	std::vector<std::uint64_t> keys; ///< sorted; one appears for each nexus that registered it
	ReservationType type = ReservationType::None;
	std::uint64_t own = 0; ///< the nexus's; 0: it is not registered

	[[nodiscard]] bool has(std::uint64_t key) const;
	bool operator==(const NexusView &) const = default;
};

/// What a nexus is to be registered with, and what it was registered with when that was decided: if
/// it has another key by then, somebody else has decided otherwise. 0: not registered.
struct NexusChange {
	std::uint64_t had = 0;
	std::uint64_t key = 0;

	bool operator==(const NexusChange &) const = default;
};

/// Who is not registered may not write (all of them), or neither write nor read (some).
[[nodiscard]] constexpr bool for_registrants(ReservationType type) noexcept
{
	return type == ReservationType::WriteExclusiveRegistrants ||
	       type == ReservationType::ExclusiveAccessRegistrants ||
	       type == ReservationType::WriteExclusiveAllRegistrants ||
	       type == ReservationType::ExclusiveAccessAllRegistrants;
}

/// Pure. Errors of each: EBADMSG the data is cut off or contradicts itself; the context says where.
[[nodiscard]] Result<ReservationKeys> parse_reservation_keys(std::span<const std::uint8_t> data);
[[nodiscard]] Result<ReservationHolder>
parse_reservation_holder(std::span<const std::uint8_t> data);
[[nodiscard]] Result<ReservationCapabilities>
parse_reservation_capabilities(std::span<const std::uint8_t> data);
[[nodiscard]] Result<std::vector<ReservationRegistrant>>
parse_reservation_status(std::span<const std::uint8_t> data);

/// For people: "iqn.2026-01.org.example:host,i,0x80123d0001" for an iSCSI initiator port, else
/// "protocol 0: " and the bytes in hexadecimal.
[[nodiscard]] std::string transport_id_text(std::span<const std::uint8_t> transport_id);

/// The basic parameter list of PERSISTENT RESERVE OUT (6.16.3). `persist`: APTPL.
[[nodiscard]] std::array<std::uint8_t, 24>
reserve_out_parameters(std::uint64_t key, std::uint64_t service_key, bool persist) noexcept;

/// The key that a host registers for its way `path` to the disk `wwid`: "SW" in the two high bytes,
/// so that a person who reads the keys of a disk knows whose they are, then 48 bits of SHA-256 over
/// the three. The same on every boot, different for two ways of one host, and never 0. `host`:
/// /etc/machine-id's text.
[[nodiscard]] std::uint64_t reservation_key(std::string_view host, std::string_view wwid,
					    std::string_view path);

/// "0x5357a1b2c3d4e5f6": as sg_persist and multipath.conf write them.
[[nodiscard]] std::string reservation_key_text(std::uint64_t key);

} // namespace swpath
