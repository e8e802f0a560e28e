// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/timeline.h"

#include "tests/unit/ctl/flights.h"

namespace swpath::ctl
{
namespace
{

using namespace std::chrono_literals;
using swpath::testing::flight_of;
using swpath::testing::noon;
using swpath::testing::sample_at;
using swpath::testing::switch_at;
using swpath::testing::unit_with;

std::vector<UnitPast> pasts(const std::vector<Span<UnitPast>> &spans)
{
	std::vector<UnitPast> list;
	for (const auto &span : spans)
		list.push_back(span.past);
	return list;
}
using Pasts = std::vector<UnitPast>;

TEST(Timeline, NothingIsAShortStretchOfNotKnowing)
{
	const auto line = make_timeline({}, flight_of({}));
	EXPECT_GE(line.to - line.from, 10s);
	EXPECT_EQ(line.to, noon);
	EXPECT_EQ(pasts(line.unit), Pasts{UnitPast::Unknown});
	EXPECT_EQ(line.paths.size(), 2u);
	EXPECT_TRUE(line.holds.empty());
	EXPECT_FALSE(line.clock_was_set);
}

TEST(Timeline, RecordsTellWhatWasBetweenThem)
{
	const auto unit = unit_with({switch_at(1, noon - 3h, {}, 0), switch_at(2, noon - 2h, 0, 1),
				     switch_at(3, noon - 1h, 1, {})});
	const auto line = make_timeline(unit, flight_of({}));
	EXPECT_EQ(pasts(line.unit), (Pasts{UnitPast::Unknown, UnitPast::Online, UnitPast::Failed}));
	EXPECT_EQ(line.unit[1].from, noon - 3h);
	EXPECT_EQ(line.unit[1].to, noon - 1h);
	EXPECT_FALSE(line.unit[1].recorded);
	const auto &served = line.paths[1].spans;
	ASSERT_EQ(served.size(), 3u);
	EXPECT_EQ(served[1].past, PathPast::Active);
	EXPECT_EQ(served[1].from, noon - 2h);
	EXPECT_EQ(served[1].to, noon - 1h);
	EXPECT_LT(line.from, noon - 3h);
}

TEST(Timeline, FromTheFirstSampleOnSamplesTell)
{
	const auto unit = unit_with({switch_at(2, noon - 2h, 0, 1)});
	auto failed = sample_at(10min, UnitState::ONLINE, 1, 2);
	failed.paths[0] = {PathState::FAILED, MonitorWord::Failed};
	auto absent = sample_at(5min, UnitState::ONLINE, 1, 2);
	absent.paths[0].state = PathState::ABSENT;
	const auto line = make_timeline(
		unit, flight_of({sample_at(1h, UnitState::ONLINE, 1, 2), failed, absent}));
	const auto &direct = line.paths[0].spans;
	ASSERT_EQ(direct.size(), 4u);
	EXPECT_EQ(direct[0].past, PathPast::Unknown);
	EXPECT_EQ(direct[1].past, PathPast::Ready);
	EXPECT_TRUE(direct[1].recorded);
	EXPECT_EQ(direct[2].past, PathPast::NotReady);
	EXPECT_EQ(direct[2].from, noon - 10min);
	EXPECT_EQ(direct[3].past, PathPast::Absent);
	EXPECT_EQ(direct[3].to, noon);
}

TEST(Timeline, AHoldThatGoesOnIsOneOfTheHolds)
{
	const auto line = make_timeline(unit_with({switch_at(2, noon - 2h, 0, 1)}),
					flight_of({sample_at(1min, UnitState::ONLINE, 1, 2),
						   sample_at(40s, UnitState::VERIFY, {}, 3),
						   sample_at(20s, UnitState::VERIFY, {}, 3)}));
	ASSERT_EQ(line.holds.size(), 2u);
	EXPECT_EQ(line.holds[1].record, nullptr);
	EXPECT_EQ(line.holds[1].mv, 3u);
	EXPECT_EQ(line.holds[1].at, noon - 40s);
	EXPECT_EQ(line.holds[1].length, 40s);
}

TEST(Timeline, AHoldBeganBeforeThePathdThatFoundIt)
{
	auto found = sample_at(12s, UnitState::VERIFY, {}, 3);
	found.since_ms = 50 * 60'000;
	const auto line =
		make_timeline(unit_with({switch_at(2, noon - 2h, 0, 1)}), flight_of({found}));
	ASSERT_EQ(line.holds.size(), 2u);
	EXPECT_EQ(line.holds[1].at, noon - 50min - 12s);
	EXPECT_EQ(line.holds[1].length, 50min + 12s);
	EXPECT_EQ(pasts(line.unit),
		  (Pasts{UnitPast::Unknown, UnitPast::Online, UnitPast::Verify, UnitPast::Verify}));
	EXPECT_EQ(line.unit[2].from, noon - 50min - 12s);
	EXPECT_FALSE(line.unit[2].recorded);
}

TEST(Timeline, WithoutPathdTheKernelsStateIsWhatGoesOn)
{
	auto unit = unit_with({switch_at(2, noon - 2h, 0, 1)});
	unit.number = DevNumber{254, 0};
	unit.kernel_state = UnitState::VERIFY;
	unit.since = noon - 30min;
	unit.mv = 3;
	const auto held = make_timeline(unit, flight_of({}));
	ASSERT_EQ(held.holds.size(), 2u);
	EXPECT_EQ(held.holds[1].record, nullptr);
	EXPECT_EQ(held.holds[1].mv, 3u);
	EXPECT_EQ(held.holds[1].length, 30min);
	EXPECT_EQ(pasts(held.unit), (Pasts{UnitPast::Unknown, UnitPast::Online, UnitPast::Verify}));
	EXPECT_EQ(held.unit[2].from, noon - 30min);
	EXPECT_EQ(held.paths[1].spans.back().past, PathPast::Unknown);

	unit.kernel_state = UnitState::FAILED;
	const auto failed = make_timeline(unit, flight_of({}));
	EXPECT_EQ(failed.holds.size(), 1u);
	EXPECT_EQ(pasts(failed.unit),
		  (Pasts{UnitPast::Unknown, UnitPast::Online, UnitPast::Failed}));

	unit.kernel_state = UnitState::ONLINE;
	EXPECT_EQ(pasts(make_timeline(unit, flight_of({})).unit),
		  (Pasts{UnitPast::Unknown, UnitPast::Online}));
}

TEST(Timeline, AClockThatWasSetBackMovesNothingThatWasSeen)
{
	// The hold and its sample were stamped when the clock was an hour fast.
	auto seen = sample_at(10min, UnitState::ONLINE, 1, 2);
	seen.at += 1h;
	const auto unit = unit_with({switch_at(2, noon - 10min - 2s + 1h, 0, 1)});
	const auto line = make_timeline(unit, flight_of({seen}));
	EXPECT_TRUE(line.clock_was_set);
	ASSERT_TRUE(line.holds[0].at);
	EXPECT_EQ(*line.holds[0].at, noon - 10min - 2s);
	EXPECT_EQ(line.without_time, 0u);
}

TEST(Timeline, StampsThatCannotBeHaveNoPlace)
{
	const auto line = make_timeline(
		unit_with({switch_at(1, noon - 24h * 365, {}, 0), switch_at(2, noon + 1h, 0, 1),
			   switch_at(3, noon - 1h, 1, 0)}),
		flight_of({}));
	EXPECT_EQ(line.without_time, 2u);
	EXPECT_TRUE(line.clock_was_set);
	EXPECT_FALSE(line.holds[0].at);
	EXPECT_FALSE(line.holds[1].at);
	EXPECT_EQ(line.holds[2].at, noon - 1h);
	EXPECT_GT(line.from, noon - 2h);
}

TEST(Timeline, RecordsOutOfOrderAreNoticed)
{
	const auto line = make_timeline(
		unit_with({switch_at(1, noon - 1h, {}, 0), switch_at(2, noon - 2h, 0, 1)}),
		flight_of({}));
	EXPECT_TRUE(line.clock_was_set);
	for (const auto &span : line.unit)
		EXPECT_LT(span.from, span.to);
}

TEST(Timeline, LateIoComesInStretches)
{
	const auto late = [](std::chrono::milliseconds ago, std::uint64_t oldest) {
		auto sample = sample_at(ago, UnitState::ONLINE, 0, 1);
		sample.oldest_ms = oldest;
		return sample;
	};
	const auto line =
		make_timeline({}, flight_of({late(60s, 0), late(50s, 1000), late(49s, 2000),
					     late(48s, 3), late(30s, 500), late(29s, 0)}));
	ASSERT_EQ(line.late.size(), 2u);
	EXPECT_EQ(line.late[0].back().oldest_ms, 2000u);
	EXPECT_EQ(line.late[1].back().at, noon - 30s);
	for (const auto &stretch : line.late)
		for (std::size_t i = 1; i < stretch.size(); i++)
			EXPECT_LT(stretch[i - 1].at, stretch[i].at);
}

TEST(Timeline, PathsThatAreGoneKeepTheirRecordedName)
{
	auto flight = flight_of({});
	flight.path_names = {"direct sda"};
	auto unit = unit_with({switch_at(2, noon - 2h, 0, 1)});
	EXPECT_EQ(make_timeline(unit, flight).paths.at(1).name, "served beta");
	unit.history[0].record.to = 4'000'000'000u;
	EXPECT_EQ(make_timeline(unit, flight).paths.size(), std::size_t{SW_PATHS_MAX});
}

} // namespace
} // namespace swpath::ctl
