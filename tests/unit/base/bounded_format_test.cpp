// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/base/bounded_format.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

TEST(BoundedFormat, GivesTheWholeLengthAndWritesWhatFits)
{
	std::array<char, 8> room;
	const auto written = [&](std::size_t length) {
		return std::string_view(room.data(), std::min(length, room.size()));
	};
	room.fill('#');
	EXPECT_EQ(bounded_format(room, "{} of {}", 3, "x"), 6U);
	EXPECT_EQ(written(8), "3 of x##");
	EXPECT_EQ(bounded_format(room, "{}", "12345678"), 8U);
	EXPECT_EQ(written(8), "12345678");
	EXPECT_EQ(bounded_format(room, "{}-{:04}", "abcdef", 42), 11U);
	EXPECT_EQ(written(11), "abcdef-0");
	EXPECT_EQ(bounded_format({}, "{}", "abc"), 3U);
}

} // namespace
} // namespace swpath
