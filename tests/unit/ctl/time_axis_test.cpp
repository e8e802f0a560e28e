// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/time_axis.h"

#include "tests/unit/control/reports.h"

namespace swpath::ctl
{
namespace
{

using namespace std::chrono_literals;
using swpath::testing::noon;

std::vector<std::string> texts(const std::vector<Tick> &ticks)
{
	std::vector<std::string> list;
	for (const auto &tick : ticks)
		list.push_back(tick.text);
	return list;
}

using Texts = std::vector<std::string>;

TEST(TimeAxis, PlacesTimesAndKeepsToItsEdges)
{
	const TimeAxis axis(noon - 100s, noon, 50, 250);
	EXPECT_DOUBLE_EQ(axis.x(noon - 100s), 50);
	EXPECT_DOUBLE_EQ(axis.x(noon - 25s), 200);
	EXPECT_DOUBLE_EQ(axis.x(noon + 1h), 250);
	EXPECT_DOUBLE_EQ(axis.x(noon - 1h), 50);
}

TEST(TimeAxis, TicksAreRoundTimes)
{
	EXPECT_EQ(texts(TimeAxis(noon - 10s, noon, 0, 1).ticks(6)),
		  (Texts{"11:59:50", "11:59:52", "11:59:54", "11:59:56", "11:59:58", "12:00:00"}));
	EXPECT_EQ(texts(TimeAxis(noon - 47min, noon, 0, 1).ticks(5)),
		  (Texts{"11:20", "11:30", "11:40", "11:50", "12:00"}));
	EXPECT_EQ(texts(TimeAxis(noon - 70h, noon, 0, 1).ticks(4)),
		  (Texts{"2026-11-18", "2026-11-19", "2026-11-20"}));
}

TEST(TimeAxis, ADayIsNamedWhereItBegins)
{
	const auto ticks = TimeAxis(noon - 14h, noon + 2h, 0, 1).ticks(10);
	EXPECT_EQ(ticks.front().day, "2026-11-19");
	EXPECT_EQ(std::count_if(ticks.begin(), ticks.end(),
				[](const Tick &tick) { return !tick.day.empty(); }),
		  2);
}

TEST(TimeAxis, AnySpanHasAFewTicks)
{
	for (std::chrono::seconds span = 10s; span < 24h * 365 * 8; span = span * 3 / 2) {
		const auto count = TimeAxis(noon - span, noon, 0, 1).ticks(10).size();
		EXPECT_GE(count, 2u) << span.count();
		EXPECT_LE(count, 10u) << span.count();
	}
}

TEST(DurationAxis, GoesFromOnePowerOfTenToAnother)
{
	const DurationAxis axis(30ms, 12s, 400, 100);
	EXPECT_EQ(texts(axis.ticks()), (Texts{"10 ms", "100 ms", "1 s", "10 s", "100 s"}));
	EXPECT_DOUBLE_EQ(axis.y(10ms), 400);
	EXPECT_DOUBLE_EQ(axis.y(100s), 100);
	EXPECT_DOUBLE_EQ(axis.y(1s), 250);
	EXPECT_DOUBLE_EQ(axis.y(0s), 400);
	EXPECT_EQ(texts(DurationAxis(7us, 9us, 1, 0).ticks()), (Texts{"1 µs", "10 µs"}));
	EXPECT_EQ(texts(DurationAxis(0us, 0us, 1, 0).ticks()), (Texts{"1 µs", "10 µs"}));
	EXPECT_EQ(texts(DurationAxis(1h, 1h, 1, 0).ticks()), (Texts{"1000 s", "10000 s"}));
}

} // namespace
} // namespace swpath::ctl
