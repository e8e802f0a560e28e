// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "libpath/control/wall_time.h"

namespace swpath
{
namespace
{

TEST(WallTime, IsWrittenInUtcToTheMillisecond)
{
	EXPECT_EQ(rfc3339(WallTime{}), "1970-01-01T00:00:00.000Z");
	EXPECT_EQ(rfc3339(WallTime(std::chrono::milliseconds(1795183331482))),
		  "2026-11-20T14:02:11.482Z");
}

TEST(WallTime, ReadsWhatItWrites)
{
	for (const std::int64_t ms :
	     {0LL, 999LL, 951782399999LL, 951782400000LL, 1795183331482LL}) {
		const WallTime time{std::chrono::milliseconds(ms)};
		EXPECT_EQ(parse_rfc3339(rfc3339(time)), time) << ms;
	}
}

TEST(WallTime, TakesFractionsOfAnyLengthAndCutsThemOff)
{
	const WallTime whole = *parse_rfc3339("2026-11-20T14:02:11Z");
	EXPECT_EQ(parse_rfc3339("2026-11-20T14:02:11.5Z"), whole + std::chrono::milliseconds(500));
	EXPECT_EQ(parse_rfc3339("2026-11-20T14:02:11.482999999Z"),
		  whole + std::chrono::milliseconds(482));
}

TEST(WallTime, RefusesWhatIsNoTimeInUtc)
{
	for (const char *text :
	     {"", "Z", "2026-11-20", "2026-11-20T14:02:11", "2026-11-20T14:02:11+01:00",
	      "2026-11-20 14:02:11Z", "2026-13-20T14:02:11Z", "2026-02-29T14:02:11Z",
	      "2026-11-20T24:02:11Z", "2026-11-20T14:60:11Z", "2026-11-20T14:02:61Z",
	      "2026-11-20T14:02:11.Z", "2026-11-20T14:02:11.1234567890Z", "1969-12-31T23:59:59Z",
	      "2026-11-20T14:02:11.4x2Z", "-026-11-20T14:02:11Z"})
		EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(WallTime, AnAgeIsTheSameWhateverTheClockIsSetTo)
{
	using namespace std::chrono_literals;
	const Instant then{10s}, now{25s};
	const auto wall = *parse_rfc3339("2026-11-20T14:02:11.500Z");
	for (const auto set : {0h, 5h, -48h}) {
		const WallTime today = wall + set;
		EXPECT_EQ(today - wall_time(then, now, today), 15s);
		EXPECT_EQ(wall_time(now + 3s, now, today) - today, 3s);
	}
}

} // namespace
} // namespace swpath
