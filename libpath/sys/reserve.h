// SPDX-License-Identifier: LGPL-2.1-or-later
/// PERSISTENT RESERVE IN and OUT (SPC-4 6.15, 6.16) through one nexus, and what shows that it is
/// shut out.
///
/// Every call BLOCKS, as those of ScsiDisk do: on the path's own worker thread only. Errors of
/// every call: those of ScsiDisk; ScsiOutcome::IllegalRequest the disk has no such service;
/// ScsiOutcome::ReservationConflict our key is not registered, or another reservation is in the
/// way.
#pragma once

#include "libpath/sys/scsi.h"
#include "libpath/unit/reservation.h"

namespace swpath
{

class Reserver
{
public:
	explicit Reserver(ScsiDisk disk) noexcept : disk_(disk) {}

	[[nodiscard]] Result<ReservationKeys> keys();
	[[nodiscard]] Result<ReservationHolder> holder();
	[[nodiscard]] Result<ReservationCapabilities> capabilities();
	[[nodiscard]] Result<std::vector<ReservationRegistrant>> status();

	/// REGISTER AND IGNORE EXISTING KEY: whatever the nexus had, it has `key` now; 0
	/// unregisters. Over a loss of power if the disk can (APTPL), else not.
	[[nodiscard]] Result<void> register_key(std::uint64_t key);
	/// REGISTER: the same, but only if the nexus has `had` (0: nothing), which the disk
	/// decides. Errors also: ENOENT it has not.
	[[nodiscard]] Result<void> replace_key(std::uint64_t had, std::uint64_t key);
	/// Is the nexus registered with `key`? REGISTER of the key that it has changes nothing
	/// (5.12.7), and one of another key is refused; what is kept over a loss of power stays.
	[[nodiscard]] Result<bool> has_key(std::uint64_t key);
	[[nodiscard]] Result<void> reserve(std::uint64_t key, ReservationType type);
	[[nodiscard]] Result<void> release(std::uint64_t key, ReservationType type);
	/// Every key and the reservation, of everybody.
	[[nodiscard]] Result<void> clear(std::uint64_t key);
	/// Takes `victim`'s registrations away; what it had queued goes on.
	/// Errors also: ENOENT no nexus has this key.
	[[nodiscard]] Result<void> preempt(std::uint64_t key, std::uint64_t victim,
					   ReservationType type);
	/// The same, and returns when its commands have ended (5.12.11.2.6).
	[[nodiscard]] Result<void> preempt_and_abort(std::uint64_t key, std::uint64_t victim,
						     ReservationType type);

	/// Would a write through this nexus be rejected? Sends a WRITE(10) of no blocks, which
	/// changes nothing and is subject to a reservation like any other (SBC-3 table 13).
	[[nodiscard]] Result<bool> is_shut_out();

private:
	[[nodiscard]] Result<void> register_by(std::uint8_t action, std::uint64_t had,
					       std::uint64_t key, const char *what);
	[[nodiscard]] Result<std::vector<std::uint8_t>> in(std::uint8_t action, const char *what);
	[[nodiscard]] Result<void> out(std::uint8_t action, ReservationType type, std::uint64_t key,
				       std::uint64_t service_key, bool persist, const char *what);
	[[nodiscard]] Result<void> preempt_by(std::uint8_t action, std::uint64_t key,
					      std::uint64_t victim, ReservationType type,
					      const char *what);
	ScsiDisk disk_;
};

} // namespace swpath
