// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stamp/ledger.h"

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

namespace swpath::stamp
{

Ledger::Ledger(const JournalHead &head) : head_(head), blocks_(head.blocks) {}

Result<Ledger> Ledger::replay(const JournalContent &content)
{
	Ledger ledger(content.head);
	for (const JournalRecord &record : content.records) {
		Versions &block = ledger.blocks_[record.block];
		const bool is_next = record.version == block.submitted + 1;
		const bool is_last = record.version == block.submitted;
		if (record.fate == Fate::Submit ? !is_next : !is_last)
			return fail(EINVAL,
				    fmt::format("block {}: version {} after {} in the log",
						record.block, record.version, block.submitted));
		if (record.fate == Fate::Submit)
			ledger.sequence_ =
				std::max(ledger.submit(record.block).sequence, record.sequence);
		else if (record.fate == Fate::Ack)
			ledger.acknowledge(record.block, record.version);
	}
	return ledger;
}

Stamp Ledger::submit(std::uint64_t block)
{
	Versions &versions = blocks_[block];
	if (versions.acknowledged != versions.submitted)
		unacknowledged_.insert(key(block, versions.submitted));
	return {.run = head_.run,
		.unit = head_.unit,
		.block = block,
		.version = ++versions.submitted,
		.sequence = ++sequence_,
		.sector = block * sectors_per_block()};
}

void Ledger::acknowledge(std::uint64_t block, std::uint64_t version)
{
	blocks_[block].acknowledged = static_cast<std::uint32_t>(version);
}

Finding Ledger::judge_sector(std::uint64_t block, std::uint64_t sector, SectorView data) const
{
	const Versions &versions = blocks_[block];
	const auto stamp = decode(data);
	if (!stamp) {
		// Before the first acknowledged write anything may be there.
		if (versions.acknowledged == 0)
			return {};
		return {Verdict::Corrupt,
			fmt::format("sector {}: no sound stamp, version {} expected", sector,
				    versions.acknowledged)};
	}
	const auto found = [&](Verdict verdict, std::string_view what) -> Finding {
		return {verdict,
			fmt::format(
				"sector {}: {}: found block {} version {} sequence {} sector {}, "
				"acknowledged is version {} and submitted {}",
				sector, what, stamp->block, stamp->version, stamp->sequence,
				stamp->sector, versions.acknowledged, versions.submitted)};
	};
	if (stamp->unit != head_.unit || stamp->block != block || stamp->sector != sector) {
		// What an earlier writer left is not ours to judge until we have written over it.
		if (stamp->run != head_.run && versions.acknowledged == 0)
			return {};
		return found(Verdict::Misplaced,
			     stamp->unit != head_.unit ? "another unit's" : "another place's");
	}
	if (stamp->run != head_.run) {
		if (versions.acknowledged == 0)
			return {};
		return found(Verdict::Lost, "from before this log");
	}
	if (stamp->version > versions.submitted)
		return found(Verdict::Ghost, "never submitted");
	if (stamp->version >= versions.acknowledged)
		return {};
	if (unacknowledged_.contains(key(block, stamp->version)))
		return found(Verdict::Ghost, "a write in doubt came after an acknowledged one");
	return found(Verdict::Lost, "older than acknowledged");
}

Finding Ledger::judge(std::uint64_t block, std::span<const std::byte> data) const
{
	for (std::uint64_t i = 0; i < sectors_per_block(); i++) {
		const SectorView sector(data.subspan(i * sector_bytes).first<sector_bytes>());
		auto finding = judge_sector(block, block * sectors_per_block() + i, sector);
		if (finding.verdict != Verdict::Good)
			return finding;
	}
	return {};
}

void encode_block(const Stamp &first, std::span<std::byte> data)
{
	Stamp stamp = first;
	for (; !data.empty(); data = data.subspan(sector_bytes), stamp.sector++)
		encode(stamp, data.first<sector_bytes>());
}

} // namespace swpath::stamp
