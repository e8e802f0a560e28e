// SPDX-License-Identifier: LGPL-2.1-or-later
/// The latest export that a peer has granted to a unit, and what the fence has to know of those
/// before it.
///
/// A revocation answers for the last export alone. But writes in doubt may have gone to an earlier
/// one, which was ended and followed by another while the unit waited: then the last one has lost
/// nothing, and its host has not booted since, and neither says anything of those writes. So from
/// the moment when the unit is not online any more until it is again, it is remembered when the
/// first of these exports was granted, whether any of them lost a request, and whether all of them
/// were on one nexus of the peer: its SCSI layer has ended what it sent by that nexus, and knows
/// nothing of what another one, or a layer before it, has left in the disk.
///
/// Alternative: a server that adds up what all its exports have lost. It would not know when a
/// fence has dealt with that, and could never again prove anything by itself.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "libpath/policy/fence.h"

namespace swpath
{

struct ExportGrant {
	std::uint64_t epoch = 0; ///< 0: there was none
	std::string boot;        ///< of the peer, when it granted this one
	std::uint64_t nexus = 0; ///< of the peer, which this one is on; 0: not known
	std::uint64_t key = 0;   ///< reservation key of that nexus; 0: none, or not known
	/// Of the peer, when it granted the first export that writes in doubt may have gone to.
	std::string doubt_boot;
	/// An export that writes in doubt may have gone to has lost requests.
	bool lost = false;
	/// Not all exports that writes in doubt may have gone to, and this one, are on one nexus of
	/// one boot of the peer.
	bool moved = false;
	/// Of the nexuses that those exports, and this one, are on.
	std::set<std::uint64_t> doubt_keys;
	/// Every key that the peer has said of any nexus of its own since there is such an export:
	/// it may have given another key to the one that the export is on, and may use each. 0 is
	/// among them if they were too many.
	std::set<std::uint64_t> keys;

	/// The peer has granted another one. `online`: the unit is, and not by this path, so that
	/// nothing is in doubt there.
	void renew(std::uint64_t new_epoch, const std::string &new_boot, std::uint64_t new_nexus,
		   std::uint64_t new_key, bool online);
	/// The peer has said which keys its nexuses may have. True: this is news.
	bool attested(const std::vector<std::uint64_t> &new_keys);
	/// The unit is online, and what it sends by this path goes to the latest export. True: this
	/// is news.
	bool settle();
	/// A revocation has ended, whoever wanted it: so many requests were lost.
	void revoked(std::uint64_t requests_lost) { lost = lost || requests_lost != 0; }
	/// Puts into the answer of a revocation what is known of all exports in doubt. `boot_now`:
	/// the peer's; empty: not known.
	void complete(FenceAnswer &answer, const std::string &boot_now) const;

	bool operator==(const ExportGrant &) const = default;
};

} // namespace swpath
