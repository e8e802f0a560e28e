// SPDX-License-Identifier: GPL-2.0-or-later
/// Each class of fault is put into a block and must be called by its name; what a write in doubt
/// may leave must not be called a fault.
#include "tests/stamp/ledger.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace swpath::stamp
{
namespace
{

constexpr JournalHead head{.run = 77, .unit = 5, .block_bytes = 4096, .blocks = 16};
constexpr std::uint64_t block = 3;
using Data = std::vector<std::byte>;

Data data_of(const Stamp &stamp)
{
	Data data(head.block_bytes);
	encode_block(stamp, data);
	return data;
}

class LedgerTest : public testing::Test
{
protected:
	Stamp acknowledged_write(std::uint64_t of = block)
	{
		const Stamp stamp = ledger.submit(of);
		ledger.acknowledge(of, stamp.version);
		return stamp;
	}
	Verdict verdict_on(const Data &data) const { return ledger.judge(block, data).verdict; }

	Ledger ledger{head};
};

TEST_F(LedgerTest, TheLastAcknowledgedWriteIsGood)
{
	acknowledged_write();
	EXPECT_EQ(verdict_on(data_of(acknowledged_write())), Verdict::Good);
}

TEST_F(LedgerTest, AnOlderAcknowledgedWriteIsALostOne)
{
	const Stamp older = acknowledged_write();
	acknowledged_write();
	EXPECT_EQ(verdict_on(data_of(older)), Verdict::Lost);
}

TEST_F(LedgerTest, AnOpenWriteMayBeThereOrNot)
{
	const Stamp first = acknowledged_write();
	const Stamp open = ledger.submit(block);
	EXPECT_EQ(verdict_on(data_of(first)), Verdict::Good);
	EXPECT_EQ(verdict_on(data_of(open)), Verdict::Good);
}

TEST_F(LedgerTest, AnyOfSeveralOpenWritesMayBeThere)
{
	acknowledged_write();
	const Stamp one = ledger.submit(block);
	const Stamp two = ledger.submit(block);
	EXPECT_EQ(verdict_on(data_of(one)), Verdict::Good);
	EXPECT_EQ(verdict_on(data_of(two)), Verdict::Good);
}

TEST_F(LedgerTest, AnOpenWriteThatComesAfterALaterAcknowledgedOneIsAGhost)
{
	acknowledged_write();
	const Stamp open = ledger.submit(block);
	acknowledged_write();
	EXPECT_EQ(verdict_on(data_of(open)), Verdict::Ghost);
}

TEST_F(LedgerTest, AWriteThatWasNeverSubmittedIsAGhost)
{
	Stamp stamp = acknowledged_write();
	stamp.version++;
	EXPECT_EQ(verdict_on(data_of(stamp)), Verdict::Ghost);
}

TEST_F(LedgerTest, AnotherBlocksWriteIsMisplaced)
{
	acknowledged_write();
	EXPECT_EQ(verdict_on(data_of(acknowledged_write(block + 1))), Verdict::Misplaced);
}

TEST_F(LedgerTest, AnotherBlocksWriteIsMisplacedEvenBeforeTheFirstAcknowledgedOne)
{
	ledger.submit(block);
	EXPECT_EQ(verdict_on(data_of(acknowledged_write(block + 1))), Verdict::Misplaced);
}

TEST_F(LedgerTest, AnotherUnitsWriteIsMisplaced)
{
	Stamp stamp = acknowledged_write();
	stamp.unit++;
	EXPECT_EQ(verdict_on(data_of(stamp)), Verdict::Misplaced);
}

TEST_F(LedgerTest, ShiftedSectorsAreMisplaced)
{
	Data data = data_of(acknowledged_write());
	std::rotate(data.begin(), data.begin() + sector_bytes, data.end());
	EXPECT_EQ(verdict_on(data), Verdict::Misplaced);
}

TEST_F(LedgerTest, OneFlippedBitIsCorruption)
{
	Data data = data_of(acknowledged_write());
	data[3000] ^= std::byte{0x10};
	EXPECT_EQ(verdict_on(data), Verdict::Corrupt);
}

TEST_F(LedgerTest, AZeroedBlockIsCorruption)
{
	acknowledged_write();
	EXPECT_EQ(verdict_on(Data(head.block_bytes)), Verdict::Corrupt);
}

TEST_F(LedgerTest, AWriteOfAnEarlierLogIsALostOneOnceWeHaveWritten)
{
	Stamp earlier = ledger.submit(block);
	earlier.run++;
	EXPECT_EQ(verdict_on(data_of(earlier)), Verdict::Good);
	acknowledged_write();
	EXPECT_EQ(verdict_on(data_of(earlier)), Verdict::Lost);
}

TEST_F(LedgerTest, ATornOpenWriteIsGood)
{
	Data data = data_of(acknowledged_write());
	const Data open = data_of(ledger.submit(block));
	std::copy_n(open.begin(), 3 * sector_bytes, data.begin());
	EXPECT_EQ(verdict_on(data), Verdict::Good);
}

TEST_F(LedgerTest, ATornAcknowledgedWriteIsALostOne)
{
	const Data older = data_of(acknowledged_write());
	Data data = data_of(acknowledged_write());
	constexpr auto sixth = static_cast<std::ptrdiff_t>(5 * sector_bytes);
	std::copy_n(older.begin() + sixth, sector_bytes, data.begin() + sixth);
	EXPECT_EQ(verdict_on(data), Verdict::Lost);
}

TEST_F(LedgerTest, AnythingMayBeWhereNoWriteWasAcknowledged)
{
	ledger.submit(block);
	EXPECT_EQ(verdict_on(Data(head.block_bytes, std::byte{0xa5})), Verdict::Good);
}

JournalRecord record(Fate fate, std::uint64_t version, std::uint64_t sequence)
{
	return {fate, 0, 0, block, version, sequence};
}

TEST(LedgerReplay, KnowsWhatTheWriterKnew)
{
	const auto ledger = Ledger::replay(
		{head,
		 {record(Fate::Submit, 1, 1), record(Fate::Ack, 1, 1), record(Fate::Submit, 2, 2),
		  record(Fate::Error, 2, 2), record(Fate::Submit, 3, 3), record(Fate::Ack, 3, 3),
		  record(Fate::Submit, 4, 4)}});
	ASSERT_TRUE(ledger);
	const auto verdict_on_version = [&](std::uint64_t version) {
		const Data data =
			data_of({head.run, head.unit, block, version, version, block * 8});
		return ledger->judge(block, data).verdict;
	};
	EXPECT_EQ(verdict_on_version(1), Verdict::Lost);
	EXPECT_EQ(verdict_on_version(2), Verdict::Ghost);
	EXPECT_EQ(verdict_on_version(3), Verdict::Good);
	EXPECT_EQ(verdict_on_version(4), Verdict::Good);
	EXPECT_EQ(verdict_on_version(5), Verdict::Ghost);
	EXPECT_TRUE(ledger->is_written(block));
	EXPECT_FALSE(ledger->is_written(block + 1));
}

TEST(LedgerReplay, GoesOnWithTheNextVersionAndSequence)
{
	auto ledger = Ledger::replay({head, {record(Fate::Submit, 1, 9)}});
	ASSERT_TRUE(ledger);
	const Stamp next = ledger->submit(block);
	EXPECT_EQ(next.version, 2U);
	EXPECT_EQ(next.sequence, 10U);
}

TEST(LedgerReplay, RefusesRecordsThatContradictEachOther)
{
	EXPECT_FALSE(Ledger::replay({head, {record(Fate::Ack, 1, 1)}}));
	EXPECT_FALSE(Ledger::replay({head, {record(Fate::Submit, 2, 1)}}));
}

} // namespace
} // namespace swpath::stamp
