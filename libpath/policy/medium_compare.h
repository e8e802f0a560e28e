// SPDX-License-Identifier: LGPL-2.1-or-later
/// Do two paths show the same medium? The only evidence there is for a served path until its server
/// attests which disk it serves, and a test for servers that answer from a stale cache.
///
/// Every check reads the same few blocks ("landmarks") through its path. Contents may change
/// between two reads, so a difference counts only if the reference showed one and the same thing
/// before and after the candidate showed another; and only if that happens twice in a row, so that
/// a block which was changed and changed back does not condemn a path. What cannot be told stays
/// unknown and condemns nobody: blank disks of one size look alike.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "libpath/base/instant.h"
#include "libpath/unit/kinds.h"

namespace swpath
{

inline constexpr std::size_t landmark_count = 4;
inline constexpr std::uint64_t landmark_bytes = 4096;

/// Byte offsets of the landmarks on a disk of `capacity_bytes`, each a multiple of landmark_bytes;
/// nothing where the disk is too small for a landmark of its own.
[[nodiscard]] std::array<std::optional<std::uint64_t>, landmark_count>
landmarks(std::uint64_t capacity_bytes);

/// What one check of one path saw.
struct MediumSample {
	Instant began{};
	Instant ended{};
	/// Digest of each landmark; nothing: it could not be read.
	std::array<std::optional<std::uint64_t>, landmark_count> digests;
};

enum class MediumVerdict : std::uint8_t { Unknown, Same, Differs };

class MediumCompare
{
public:
	void add(unsigned path, const MediumSample &sample);
	/// Another device stands behind the path: its samples are void. One that follows a path
	/// which differed is taken to differ, too, until it shows the same: mostly it is a new
	/// connection to the same server, and the first checks of it can tell nothing yet.
	void forget(unsigned path);

	/// Judges `candidate` by what `reference` showed around it. The verdict stands until a
	/// later judgement says otherwise; Unknown does not overrule it.
	MediumVerdict judge(unsigned reference, unsigned candidate);
	[[nodiscard]] MediumVerdict verdict(unsigned path) const;

private:
	struct Seen {
		std::optional<MediumSample> last;
		std::optional<MediumSample> before;
		std::optional<Instant> judged; ///< begin of the sample that was judged last
		unsigned strikes = 0;
		MediumVerdict verdict = MediumVerdict::Unknown;
	};
	std::array<Seen, SW_PATHS_MAX> paths_;
};

} // namespace swpath
