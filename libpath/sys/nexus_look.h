// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which of the keys on a disk is the one of the nexus that one asks through.
///
/// No command says so: READ FULL STATUS names initiator ports, by identifiers that the kernel does
/// not show for every transport. A REGISTER of the key that a nexus has is accepted and changes
/// nothing, one of any other key is refused; so each key is tried, once for each change of the
/// disk's registrations.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "libpath/sys/reserve.h"
#include "libpath/unit/reservation.h"

namespace swpath
{

/// Of one nexus. Belongs to one thread.
class NexusLook
{
public:
	/// BLOCKS as Reserver does. Errors: Reserver's; EAGAIN the registrations do not stop
	/// changing.
	[[nodiscard]] Result<NexusView> look(Reserver &disk);
	/// Another device stands for the nexus.
	void forget() { seen_.reset(); }

private:
	std::optional<std::vector<ReservationRegistrant>> seen_;
	std::uint64_t own_ = 0;
};

/// Registers the nexus as `change` says; with a key only if another nexus has it before and after,
/// so that one that was preempted meanwhile does not come back. The view after it.
/// BLOCKS. Errors: NexusLook's; ENOENT no other nexus has the key, or this one has not what it had.
[[nodiscard]] Result<NexusView> copy_key(NexusLook &nexus, Reserver &disk,
					 const NexusChange &change);

} // namespace swpath
