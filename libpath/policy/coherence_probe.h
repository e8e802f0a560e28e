// SPDX-License-Identifier: LGPL-2.1-or-later
/// Does a path show what was acknowledged on the active one?
///
/// The kernel keeps checksums of some acknowledged writes that nothing has overwritten since (the
/// unit's `witness` records). A path has to show them: an old replica behind the same name does
/// not, nor a server that answers from its page cache (nbd-server, nbdkit's file plugin, qemu-nbd
/// with its default caching), nor the direct path beside a server that acknowledges writes before
/// they are on the disk. The records are asked for before and after the path is read; one that is
/// the same both times was what the disk has to show all that while, so that one difference is
/// proof.
///
/// A server's page cache can only be stale for what was read through it before it was written
/// elsewhere. Reading the records does that by itself: a block that is written again and again (a
/// journal, a superblock, a database's log) is read through the path at each check.
///
/// Alternatives: to write to a reserved place (there is none that is ours), to believe the server's
/// word (our own opens O_DIRECT, others do not say), to compare fixed blocks (MediumCompare does,
/// without asking the kernel for anything; blocks that never change prove nothing).
///
/// A disk that another host writes, too, has other contents than this host's records say, and is
/// no disk for this: `witness` is 0 unless the administrator sets it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/unit/unit_status.h"

namespace swpath
{

/// The unit's records as of `at`.
struct WitnessList {
	std::vector<WitnessRecord> records;
	Instant at{};
};

/// What a path shows in a record's place.
struct WitnessSight {
	std::uint64_t sector = 0;
	std::uint32_t bytes = 0;
	std::uint32_t crc = 0;
};

enum class Coherence : std::uint8_t {
	Unknown,    ///< too little was written to tell
	Coherent,   ///< shows what was written, as often as was asked for
	Incoherent, ///< did not
};

class CoherenceProbe
{
public:
	/// Blocks that were seen to change, for a path to be coherent.
	static constexpr unsigned fresh_needed = 3;
	/// Places of which it is remembered what the path showed. The oldest give way.
	static constexpr std::size_t places_max = 2 * SW_WITNESS_MAX;

	struct Finding {
		unsigned compared = 0;              ///< records that could be judged
		std::optional<WitnessRecord> stale; ///< the first that the path does not show
	};

	/// The path was read between the two lists. What could not be read is left out of `shown`.
	Finding check(const WitnessList &before, std::span<const WitnessSight> shown,
		      const WitnessList &after);

	[[nodiscard]] Coherence verdict() const noexcept;
	/// Another connection, or another device. One that follows a path which was not coherent is
	/// not taken for better until it has shown that it is: mostly it is a new connection to the
	/// same server.
	void forget();
	/// The path was not coherent for a pathd before this one: as after forget().
	void distrust() noexcept { suspect_ = true; }

private:
	using Place = std::pair<std::uint64_t, std::uint32_t>; ///< sector, bytes

	[[nodiscard]] static bool same(const WitnessRecord &a, Instant a_at, const WitnessRecord &b,
				       Instant b_at);
	bool changed(const WitnessSight &sight);

	std::map<Place, std::uint32_t> shown_;
	std::deque<Place> order_; ///< of shown_, oldest first
	unsigned fresh_ = 0;
	bool stale_ = false;
	bool suspect_ = false; ///< follows one that was stale
};

} // namespace swpath
