// SPDX-License-Identifier: LGPL-2.1-or-later
/// Does a served path show what is on the disk, or what its server remembers?
///
/// A server with a page cache (nbd-server, nbdkit's file plugin, qemu-nbd with its default caching)
/// shows a block as it was when it read it first, whatever another path has written since. To see
/// that, a block must be read through the candidate, then change, then be read through it again. A
/// probe may not write: there is no place on the disk that is ours. So it uses the writes that the
/// caller makes anyway. A block that was just written is likely to be written again (a journal, a
/// superblock, a database's log), so it is read through the candidate: *primed*, now a cache would
/// hold it. When it is written again, the candidate must show the new contents, as the reference
/// shows them before and after; the old contents, or anything else, is stale.
///
/// The reference is the active path. It also works the other way round, when the served path is
/// active: a server that acknowledges writes before they are on the disk shows what the direct path
/// does not, and it is the pair that is not coherent: the served one of the two is to blame.
///
/// Alternatives: to write to a reserved place (there is none), to believe the server's word (our
/// own server attests that it opens O_DIRECT, others do not), to compare fixed blocks
/// (MediumCompare does; blocks that never change prove nothing).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace swpath
{

enum class Coherence : std::uint8_t {
	Unknown,    ///< too little was written to tell
	Coherent,   ///< shows what was written, as often as was asked for
	Incoherent, ///< showed old contents: to be rejected (`stale-data`)
};

class CoherenceProbe
{
public:
	/// Fresh answers that make a path coherent, and stale ones that make it incoherent: two,
	/// because a block that changes and changes back around the reads looks stale once.
	static constexpr unsigned fresh_needed = 3;
	static constexpr unsigned stale_needed = 2;
	/// Blocks that are remembered, and steps that wait. The oldest give way.
	static constexpr std::size_t blocks_max = 64;

	struct Step {
		enum class Kind : std::uint8_t {
			Prime, ///< read the block through the candidate; report primed()
			Check, ///< read it through reference, candidate, reference; report
			       ///< checked()
		};
		Kind kind = Kind::Prime;
		std::uint64_t block = 0;

		bool operator==(const Step &) const = default;
	};

	/// A write to `block` was acknowledged on the active path. Any numbering of blocks.
	void written(std::uint64_t block);
	/// The next read to make; nothing: wait for writes. Taken once.
	[[nodiscard]] std::optional<Step> next();

	/// What was read, as a digest. A read that failed is not reported.
	void primed(std::uint64_t block, std::uint64_t shown);
	void checked(std::uint64_t block, std::uint64_t before, std::uint64_t shown,
		     std::uint64_t after);

	[[nodiscard]] Coherence verdict() const noexcept;
	/// Another connection or another server: nothing is known of it.
	void forget() { *this = {}; }

private:
	void queue(Step step);

	/// What the candidate showed of a block, which a cache in the server would show again.
	std::map<std::uint64_t, std::uint64_t> shown_;
	std::deque<std::uint64_t> order_; ///< of shown_, oldest first
	std::deque<Step> steps_;
	unsigned fresh_ = 0;
	unsigned stale_ = 0;
};

} // namespace swpath
