// SPDX-License-Identifier: GPL-2.0-or-later
/// What each block must hold, from the log, and the verdict on what it does hold.
///
/// A block's writes are numbered, and the writer has never two of one block under way. So with the
/// last acknowledged version `a`, each sector must hold `a` or a later version that was submitted:
/// those are open (they ended in an error or never came back). Everything else is a fault, and the
/// stamp tells which.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "tests/stamp/journal.h"
#include "tests/stamp/stamp.h"

namespace swpath::stamp
{

enum class Verdict : std::uint8_t {
	Good,
	Lost,  ///< an acknowledged write is not there: older acknowledged data are
	Ghost, ///< a write that nobody may see: open when a later one was acknowledged, or never
	       ///< submitted
	Misplaced, ///< a sound stamp of another place or unit
	Corrupt,   ///< no sound stamp where an acknowledged write must be
};

struct Finding {
	Verdict verdict = Verdict::Good;
	std::string detail; ///< of the first bad sector; empty if Good
};

class Ledger
{
public:
	explicit Ledger(const JournalHead &head);
	/// Replays a log. Errors: EINVAL the records contradict each other.
	static Result<Ledger> replay(const JournalContent &content);

	/// The next write of `block`: its stamp, with the sector of the block's start.
	Stamp submit(std::uint64_t block);
	void acknowledge(std::uint64_t block, std::uint64_t version);

	[[nodiscard]] Finding judge(std::uint64_t block, std::span<const std::byte> data) const;

	[[nodiscard]] const JournalHead &head() const { return head_; }
	[[nodiscard]] bool is_written(std::uint64_t block) const
	{
		return blocks_[block].submitted > 0;
	}
	[[nodiscard]] std::uint64_t sectors_per_block() const
	{
		return head_.block_bytes / sector_bytes;
	}

private:
	struct Versions {
		std::uint32_t submitted = 0;    ///< the last one
		std::uint32_t acknowledged = 0; ///< the last one
	};

	[[nodiscard]] static std::uint64_t key(std::uint64_t block, std::uint64_t version)
	{
		return block << 24 | (version & 0xffffff);
	}
	[[nodiscard]] Finding judge_sector(std::uint64_t block, std::uint64_t sector,
					   SectorView data) const;

	JournalHead head_;
	std::vector<Versions> blocks_;
	/// key() of writes that were not acknowledged before the block's next one was submitted.
	std::unordered_set<std::uint64_t> unacknowledged_;
	std::uint64_t sequence_ = 0;
};

/// A block's data for a stamp that submit() gave: each sector with its own number.
void encode_block(const Stamp &first, std::span<std::byte> data);

} // namespace swpath::stamp
