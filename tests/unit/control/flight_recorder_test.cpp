// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/flight_recorder.h"

#include <nlohmann/json.hpp>

#include "libpath/control/report_json.h"
#include "tests/unit/control/reports.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::noon;

struct Recorded : ::testing::Test {
	FlightRecorder recorder;
	UnitStatus status = *parse_status(testing::online_line);
	std::array<FlightRecorder::Path, 2> paths = {
		FlightRecorder::Path{MonitorWord::Ok, Instant(95s), "vpd83"},
		FlightRecorder::Path{MonitorWord::Ok, Instant(98s), "export"}};
	Duration now = 100s;

	/// A look `later`; the wall clock stands at noon when the host is up for 100 s.
	void look(Duration later = 0s)
	{
		now += later;
		recorder.look(
			status, paths,
			noon + std::chrono::duration_cast<std::chrono::milliseconds>(now - 100s),
			Instant(now));
	}
	[[nodiscard]] std::size_t count() const { return recorder.samples().size(); }
	/// As the kernel would, to `path`.
	void switch_to(unsigned path)
	{
		status.epoch++;
		status.mv++;
		status.active = path;
	}
	[[nodiscard]] SwitchReport certified(unsigned to) const
	{
		SwitchReport report;
		report.record.mv = status.mv;
		report.record.to = to;
		recorder.certify(std::span(&report, 1));
		return report;
	}
};

TEST_F(Recorded, KeepsTheFirstLookWithAllThatItSaw)
{
	look();
	ASSERT_EQ(count(), 1u);
	const auto sample = recorder.samples()[0];
	EXPECT_EQ(sample.at, noon);
	EXPECT_EQ(sample.uptime_ms, 100'000u);
	EXPECT_EQ(sample.state, UnitState::ONLINE);
	EXPECT_EQ(sample.mv, status.mv);
	EXPECT_EQ(sample.epoch, status.epoch);
	EXPECT_EQ(sample.active, 0u);
	EXPECT_EQ(sample.oldest_ms, status.oldest_ms);
	ASSERT_EQ(sample.nr_paths, 2u);
	EXPECT_EQ(sample.paths[1], (FlightPath{PathState::READY, MonitorWord::Ok}));
}

TEST_F(Recorded, AQuietUnitCostsNothing)
{
	for (int i = 0; i < 1000; i++) {
		status.oldest_ms = std::uint64_t(i % 90);
		status.paths[0].inflight++;
		look(1s);
	}
	EXPECT_EQ(count(), 1u);
}

TEST_F(Recorded, EveryChangeIsKeptHoweverSoonItComes)
{
	look();
	status.state = UnitState::VERIFY;
	status.phase = Phase::DRAIN;
	look(1ms);
	status.phase = Phase::PROVE;
	look(1ms);
	paths[0].monitor = MonitorWord::Failed;
	look(1ms);
	status.paths[0].state = PathState::FAILED;
	look(1ms);
	status.doubt = 1;
	look(1ms);
	EXPECT_EQ(count(), 6u);
	status.doubt = 2;
	look(1ms);
	EXPECT_EQ(count(), 6u) << "a count alone is no change";
}

TEST_F(Recorded, LateIoIsKeptOnceASecondAndItsEndToo)
{
	look();
	for (int i = 0; i < 50; i++) {
		status.oldest_ms = std::uint64_t(100 + i * 100);
		look(100ms);
	}
	EXPECT_GE(count(), 5u);
	EXPECT_LE(count(), 6u);
	status.oldest_ms = 3;
	const auto before = count();
	look(1s);
	look(1s);
	EXPECT_EQ(count(), before + 1);
	EXPECT_EQ(recorder.samples().back().oldest_ms, 3u);
}

TEST_F(Recorded, AnHourOfHoldingDoesNotPushOutHowItBegan)
{
	look();
	status.state = UnitState::VERIFY;
	status.held_bios = 37;
	for (int i = 0; i < 36'000; i++)
		look(100ms);
	EXPECT_GT(count(), 60u);
	EXPECT_LT(count(), 300u);
	EXPECT_EQ(recorder.samples()[1].uptime_ms, 100'100u);
	EXPECT_LT(now - Instant(0s).time_since_epoch() -
			  std::chrono::milliseconds(recorder.samples().back().uptime_ms),
		  2min);
}

TEST_F(Recorded, OnlyTheLastSamplesStay)
{
	for (std::size_t i = 0; i < flight_samples_max + 7; i++) {
		status.mv = i;
		look(1ms);
	}
	const auto samples = recorder.samples();
	ASSERT_EQ(samples.size(), flight_samples_max);
	EXPECT_EQ(samples.front().mv, 7u);
	EXPECT_EQ(samples.back().mv, flight_samples_max + 6);
}

TEST_F(Recorded, IdentityIsTheProofThatWasAliveBeforeTheSwitch)
{
	look();
	switch_to(1);
	paths[1] = {MonitorWord::Ok, Instant(104s), "younger"};
	look(5s);
	const auto report = certified(1);
	EXPECT_EQ(report.identity, "export");
	EXPECT_EQ(report.proved, noon - 2s);
	EXPECT_FALSE(certified(0).proved) << "another path";
}

TEST_F(Recorded, EachTimeItGoesOnWithTheSamePathHasAProofOfItsOwn)
{
	look();
	switch_to(1);
	look(5s);
	EXPECT_EQ(certified(1).proved, noon - 2s);
	// An error, and the same path again: the kernel keeps the epoch.
	status.state = UnitState::VERIFY;
	status.mv++;
	look(10s);
	paths[1].proved_at = Instant(115s);
	look(1s);
	status.state = UnitState::ONLINE;
	look(1s);
	EXPECT_EQ(certified(1).proved, noon + 15s);
	status.mv--;
	EXPECT_EQ(certified(1).proved, noon - 2s);
}

TEST_F(Recorded, AFirstOpeningThatWasSeenHasAProof)
{
	status.state = UnitState::VERIFY;
	look();
	status.state = UnitState::ONLINE;
	look(1s);
	EXPECT_EQ(certified(0).identity, "vpd83");
	recorder.forget_proofs();
	EXPECT_FALSE(certified(0).proved) << "of another unit of the name";
}

TEST_F(Recorded, ASwitchThatNobodySawHasNoIdentity)
{
	EXPECT_FALSE(certified(0).proved);
	look();
	EXPECT_FALSE(certified(0).proved) << "it happened before this process";
	paths[1].proved_at.reset();
	look();
	switch_to(1);
	look();
	EXPECT_FALSE(certified(1).proved) << "no proof was alive";
	SwitchReport failed;
	failed.record.mv = status.mv;
	recorder.certify(std::span(&failed, 1));
	EXPECT_FALSE(failed.proved);
}

TEST_F(Recorded, ProofsOfTheLastSwitchesStay)
{
	look();
	for (int i = 0; i < SW_HISTORY_MAX + 3; i++) {
		switch_to(unsigned(i) % 2);
		look(10ms);
	}
	const auto last = status.mv;
	EXPECT_TRUE(certified((SW_HISTORY_MAX + 2) % 2).proved);
	status.mv = last - SW_HISTORY_MAX + 1;
	EXPECT_TRUE(certified((SW_HISTORY_MAX + 2 - SW_HISTORY_MAX + 1) % 2).proved);
	status.mv = last - SW_HISTORY_MAX;
	EXPECT_FALSE(certified(0).proved || certified(1).proved);
}

TEST_F(Recorded, MorePathsInTheKernelThanAreWatchedAreNotWatched)
{
	recorder.look(status, std::span(paths).first(1), noon, Instant(now));
	EXPECT_EQ(recorder.samples()[0].paths[1].monitor, MonitorWord::None);
}

TEST(FlightJson, SurvivesTheRoundTrip)
{
	FlightReport report;
	report.generated = noon;
	report.source = Source::Pathd;
	report.version = "0.1.0";
	report.name = "sw0";
	report.uptime_ms = 100'000;
	report.path_names = {"direct sda", "served beta"};
	FlightSample sample;
	sample.at = noon - 1s;
	sample.uptime_ms = 99'000;
	sample.state = UnitState::VERIFY;
	sample.since_ms = 800;
	sample.phase = Phase::PROVE;
	sample.reason = Reason::STALL;
	sample.mv = 4;
	sample.epoch = 7;
	sample.held_bios = 37;
	sample.held_bytes = 151552;
	sample.oldest_ms = 1080;
	sample.doubt = 2;
	sample.nr_paths = 2;
	sample.paths[0] = {PathState::FAILED, MonitorWord::Failed};
	sample.paths[1] = {PathState::READY, MonitorWord::Ok};
	report.samples = {sample, sample};
	report.samples[1].active = 1;
	const auto again = flight_from_json(Json::parse(to_json(report).dump()));
	ASSERT_TRUE(again) << again.error().message();
	EXPECT_EQ(*again, report);
}

TEST(FlightJson, WrongFormsAreRefusedByName)
{
	Json json = to_json(FlightReport{});
	json["samples"] = Json::array({{{"at", "yesterday"}}});
	EXPECT_EQ(flight_from_json(json).error().context, "sample: 'at' has an unexpected value");
	json["samples"] = Json::array({{{"paths", Json(std::vector<Json>(9, Json::object()))}}});
	EXPECT_EQ(flight_from_json(json).error().context, "sample: 'paths' has too many elements");
	json["samples"] = 3;
	EXPECT_EQ(flight_from_json(json).error().context, "flight: 'samples' is not an array");
	json = to_json(FlightReport{});
	json["path_names"] = {1};
	EXPECT_FALSE(flight_from_json(json));
	json["schema"] = "swpath.history";
	EXPECT_EQ(flight_from_json(json).error().code.value(), EPROTONOSUPPORT);
}

} // namespace
} // namespace swpath
