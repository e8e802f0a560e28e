// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/event.h"

#include "tests/unit/control/reports.h"

namespace swpath
{
namespace
{

using testing::report_of;
using testing::unit_from;

std::string text_of(const Event &event)
{
	std::string text =
		std::to_string(event.seq) + " " + std::string(word(event.kind)) + " " + event.unit;
	if (event.path)
		text += "/" + std::to_string(*event.path);
	for (const auto &change : event.changes)
		text += " " + change.field + ":" + change.before + "->" + change.now;
	if (event.switched)
		text += " " + event.switched->from + "->" + event.switched->to;
	return text;
}

TEST(Events, DumpNamesEverythingAndEnds)
{
	const auto events = dump_events(
		report_of(unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Ok)), 40);
	ASSERT_EQ(events.size(), 4u);
	EXPECT_EQ(text_of(events[0]),
		  "40 exists sw0 state:->online number:->253:3 "
		  "wwid:->naa.60014051234567890abcdef012345678 size_bytes:->1099511627776 "
		  "kernel_state:->online phase:->- mv:->3 epoch:->7 active:->0 fence:->prove "
		  "pinned:->false");
	EXPECT_EQ(text_of(events[2]),
		  "40 exists sw0/1 state:->ok kind:->served label:->beta device:->nbd0 "
		  "number:->43:0 endpoint:->beta:10809 active:->false kernel_state:->ready "
		  "reason_code:->none monitor:->ok");
	EXPECT_EQ(text_of(events[3]), "40 end ");
}

TEST(Events, DumpOfNothingIsOnlyItsEnd)
{
	const auto events = dump_events(Report{}, 0);
	ASSERT_EQ(events.size(), 1u);
	EXPECT_EQ(events[0].kind, EventKind::End);
}

TEST(Events, SwitchIsTheChangesAndItsRecordInOrder)
{
	const auto before = unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Ok);
	auto after = unit_from(testing::on_served_line, MonitorWord::Failed, MonitorWord::Ok);
	const SwitchRecord records[] = {testing::timeout_switch()};
	set_history(after, records);
	const auto events = diff_events(report_of(before), report_of(after), 40);
	ASSERT_EQ(events.size(), 4u);
	EXPECT_EQ(text_of(events[0]),
		  "41 change sw0 state:online->degraded "
		  "reason:->direct sda: command timeout; there is no path to switch to mv:3->4 "
		  "active:0->1 fence:prove->drain");
	EXPECT_EQ(text_of(events[1]), "42 change sw0/0 state:ok->failed active:true->false "
				      "kernel_state:ready->failed reason_code:none->timeout "
				      "monitor:ok->failed");
	EXPECT_EQ(text_of(events[2]), "43 change sw0/1 active:false->true");
	EXPECT_EQ(text_of(events[3]), "44 switch sw0 direct sda->served beta");
}

TEST(Events, CountersAndAgesAreNoChange)
{
	const auto before = unit_from(testing::online_line);
	auto after = before;
	after.oldest_ms = 99;
	after.since = testing::noon;
	after.paths[0].inflight_bios = 1;
	after.paths[0].errors++;
	after.paths[0].ticket_left_ms = 1;
	after.paths[0].last_probe = testing::noon;
	EXPECT_TRUE(diff_events(report_of(before), report_of(after), 40).empty());
}

TEST(Events, KnownRecordsAreNotToldAgain)
{
	auto before = unit_from(testing::on_served_line);
	SwitchRecord first = testing::timeout_switch();
	SwitchRecord second = first;
	second.mv++;
	second.at_ms += 1000;
	set_history(before, std::vector{first});
	auto after = before;
	set_history(after, std::vector{first, second});
	const auto events = diff_events(report_of(before), report_of(after), 0);
	ASSERT_EQ(events.size(), 1u);
	EXPECT_EQ(events[0].switched->record.mv, second.mv);
}

TEST(Events, OverwrittenHistoryIsToldWhole)
{
	auto before = unit_from(testing::on_served_line);
	SwitchRecord record = testing::timeout_switch();
	set_history(before, std::vector{record});
	std::vector<SwitchRecord> later;
	for (int i = 0; i < 3; i++) {
		record.mv++;
		record.at_ms += 10;
		later.push_back(record);
	}
	auto after = before;
	set_history(after, later);
	EXPECT_EQ(diff_events(report_of(before), report_of(after), 0).size(), 3u);
}

TEST(Events, UnitsAndPathsComeAndGo)
{
	const auto unit = unit_from(testing::online_line);
	Report none;
	const auto came = diff_events(none, report_of(unit), 0);
	ASSERT_EQ(came.size(), 3u);
	EXPECT_EQ(came[0].kind, EventKind::Change);
	const auto went = diff_events(report_of(unit), none, 0);
	ASSERT_EQ(went.size(), 1u);
	EXPECT_EQ(went[0].kind, EventKind::Gone);
	EXPECT_FALSE(went[0].path);

	auto fewer = unit;
	fewer.paths.pop_back();
	const auto path_went = diff_events(report_of(unit), report_of(fewer), 0);
	ASSERT_EQ(path_went.back().kind, EventKind::Gone);
	EXPECT_EQ(path_went.back().path, 1u);
}

TEST(Events, NumbersFollowEachOther)
{
	Report before = report_of(unit_from(testing::online_line));
	Report after = report_of(unit_from(testing::failed_line));
	std::uint64_t expected = 100;
	for (const auto &event : diff_events(before, after, 100))
		EXPECT_EQ(event.seq, ++expected);
	EXPECT_GT(expected, 101u);
}

} // namespace
} // namespace swpath
