// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/picture.h"

#include "tests/unit/ctl/flights.h"
#include "tests/unit/ctl/xml.h"

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
using swpath::testing::xml_problem;

bool has(const std::string &text, std::string_view part)
{
	return text.find(part) != text.npos;
}

std::size_t count(const std::string &text, std::string_view part)
{
	std::size_t number = 0;
	for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1))
		number++;
	return number;
}

/// What holds for every picture.
void expect_sound(const std::string &picture)
{
	EXPECT_EQ(xml_problem(picture), "");
	EXPECT_TRUE(has(picture, "role=\"img\" aria-labelledby=\"title what\""));
	EXPECT_TRUE(has(picture, "<title id=\"title\">"));
	EXPECT_TRUE(has(picture, "<desc id=\"what\">"));
	EXPECT_TRUE(has(picture, "prefers-color-scheme: dark"));
	EXPECT_FALSE(has(picture, "<script"));
	EXPECT_FALSE(has(picture, "href"));
	EXPECT_EQ(count(picture, "http"), 1u) << "the name space is the only address";
	EXPECT_FALSE(has(picture, "nan"));
	EXPECT_FALSE(has(picture, "inf,"));
	EXPECT_FALSE(has(picture, "width=\"-"));
}

TEST(Picture, OfOneSwitchHasItsWholeCertificate)
{
	auto one = switch_at(4, noon - 9s, 0, 1);
	one.record.method = Method::PREEMPT_ABORT;
	one.record.evidence = "0x5357,by=beta";
	one.record.doubt = 2;
	one.identity = "export+size+medium";
	one.proved = noon - 10s;
	const auto picture = render_picture(unit_with({one}),
					    flight_of({sample_at(1min, UnitState::ONLINE, 0, 3),
						       sample_at(8s, UnitState::ONLINE, 1, 4)}),
					    "");
	expect_sound(picture);
	for (const auto *part :
	     {"direct sda → served beta", "command timeout", "11:59:51.000 UTC, epoch 7",
	      "drain 1.08 s", "prove 30 ms", "release 4 ms",
	      "fence: preempt-abort (0x5357,by=beta)",
	      "identity: export+size+medium, 1 s before the hold", "1.11 s", "37 I/Os, 148 KiB",
	      "2 writes in doubt", "time, UTC", "mount verification 4", "2 samples of pathd"})
		EXPECT_TRUE(has(picture, part)) << part;
	EXPECT_FALSE(has(picture, "No samples"));
	EXPECT_FALSE(has(picture, "wall clock was set"));
}

TEST(Picture, WithoutPathdSaysWhatItDoesNotKnow)
{
	const auto picture = render_picture(unit_with({switch_at(4, noon - 1h, 0, 1)}),
					    flight_of({}), "pathd is not running");
	expect_sound(picture);
	EXPECT_TRUE(has(picture, "No samples: pathd is not running."));
	EXPECT_TRUE(has(picture, "The kernel's history alone"));
	EXPECT_TRUE(has(picture, "pale: concluded from the kernel's history"));
	EXPECT_TRUE(has(picture, "identity: not recorded, no pathd saw it"));
}

TEST(Picture, OfNoSwitchSaysSo)
{
	for (const auto &flight :
	     {flight_of({}), flight_of({sample_at(1h, UnitState::ONLINE, 0, 0)}), FlightReport{}}) {
		const auto picture = render_picture(unit_with({}), flight, "");
		expect_sound(picture);
		EXPECT_TRUE(has(picture, "No switch so far"));
		EXPECT_TRUE(has(picture, "The kernel remembers none"));
	}
}

TEST(Picture, OfAFullHistoryHasARowForEachSwitch)
{
	std::vector<SwitchReport> history;
	for (unsigned i = 0; i < SW_HISTORY_MAX; i++)
		history.push_back(switch_at(i + 1, noon - 1h + i * 90s, i % 2, 1 - i % 2));
	const auto picture = render_picture(unit_with(history), flight_of({}), "");
	expect_sound(picture);
	EXPECT_EQ(count(picture, "class=\"badge\""), std::size_t{SW_HISTORY_MAX});
	EXPECT_TRUE(has(picture, "32 switches; I/O was held for 1.11 s at the longest"));
	// The last one first.
	EXPECT_LT(picture.find("<title>mount verification 32<"),
		  picture.find("<title>mount verification 1<"));
}

TEST(Picture, NamesCannotBreakIt)
{
	auto unit = unit_with({switch_at(4, noon - 1h, 0, 1)});
	unit.name = "sw<0>&\"'\x01\xff";
	unit.history[0].to = "</text><script>alert(1)</script>";
	unit.history[0].record.evidence = "<&>";
	unit.history[0].identity = "]]>";
	unit.history[0].proved = noon;
	auto flight = flight_of({sample_at(1min, UnitState::ONLINE, 1, 4)});
	flight.path_names[1] = "a & b <c> which is a name longer than its place";
	const auto picture = render_picture(unit, flight, "why & <how>");
	expect_sound(picture);
	EXPECT_TRUE(has(picture, "a &amp; b &lt;c&gt; which is a name longer than its place"))
		<< "the whole name is in the title";
}

TEST(Picture, AClockThatGoesBackIsToldOf)
{
	auto early = sample_at(30min, UnitState::ONLINE, 0, 1);
	early.at += 2h;
	const auto picture = render_picture(
		unit_with({switch_at(1, noon - 1h, {}, 0), switch_at(2, noon - 3h, 0, 1),
			   switch_at(3, noon + 24h, 1, 0)}),
		flight_of({early, sample_at(1min, UnitState::ONLINE, 0, 3)}), "");
	expect_sound(picture);
	EXPECT_TRUE(has(picture, "The wall clock was set"));
	EXPECT_TRUE(has(picture, "1 hold has a stamp of before the boot or of the future"));
	EXPECT_EQ(count(picture, "class=\"badge\""), 3u) << "every hold has its row";
}

TEST(Picture, AHoldThatGoesOnIsTheFirstRow)
{
	auto last = sample_at(5s, UnitState::VERIFY, {}, 5);
	last.phase = Phase::PROVE;
	last.reason = Reason::TRANSPORT;
	last.held_bios = 3;
	last.held_bytes = 12288;
	last.doubt = 1;
	const auto picture =
		render_picture(unit_with({switch_at(4, noon - 1h, 0, 1)}),
			       flight_of({sample_at(1min, UnitState::ONLINE, 1, 4),
					  sample_at(40s, UnitState::VERIFY, {}, 5), last}),
			       "");
	expect_sound(picture);
	for (const auto *part : {"I/O is held now", "40 s so far", "phase: prove",
				 "transport error", "3 I/Os, 12 KiB", "1 write in doubt"})
		EXPECT_TRUE(has(picture, part)) << part;
	EXPECT_LT(picture.find("I/O is held now"), picture.find("direct sda → served beta<"));
}

TEST(Picture, AHoldThatEndedInErrorsIsMarked)
{
	auto failed = switch_at(4, noon - 1h, 0, {});
	failed.record.reason = Reason::MV_TIMEOUT;
	failed.record.drain_us = failed.record.prove_us = failed.record.release_us = 0;
	const auto picture = render_picture(unit_with({failed}), flight_of({}), "");
	expect_sound(picture);
	EXPECT_TRUE(has(picture, "failed on direct sda"));
	EXPECT_TRUE(has(picture, "1 hold ended in errors"));
	EXPECT_TRUE(has(picture, "no time was measured"));
	EXPECT_TRUE(has(picture, "fence: none, no path was proved"));
}

TEST(Picture, APathThatWasTakenOutSinceIsNoFailure)
{
	auto to = switch_at(4, noon - 2h, 0, {});
	auto from = switch_at(5, noon - 1h, {}, 0);
	to.record.method = from.record.method = Method::EXPORT_REVOKED;
	const auto picture = render_picture(unit_with({to, from}), flight_of({}), "");
	expect_sound(picture);
	EXPECT_TRUE(has(picture, "direct sda → a path that is gone"));
	EXPECT_TRUE(has(picture, "a path that is gone → direct sda"));
	EXPECT_TRUE(has(picture, "2 switches;"));
	EXPECT_FALSE(has(picture, "failed on"));
	EXPECT_FALSE(has(picture, "no path was proved"));
}

TEST(Picture, IsAFunctionOfWhatGoesIn)
{
	const auto unit = unit_with({switch_at(4, noon - 1h, 0, 1)});
	const auto flight = flight_of({sample_at(1min, UnitState::ONLINE, 1, 4)});
	EXPECT_EQ(render_picture(unit, flight, ""), render_picture(unit, flight, ""));
}

} // namespace
} // namespace swpath::ctl
