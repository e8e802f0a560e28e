// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/base/crc32c.h"

#include <array>
#include <string_view>

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

TEST(Crc32c, GivesTheCheckValueOfTheStandard)
{
	const std::string_view text = "123456789";
	EXPECT_EQ(crc32c(std::as_bytes(std::span(text))), 0xe3069283U);
	const std::array<std::byte, 32> zeroes{}; // RFC 3720 B.4
	EXPECT_EQ(crc32c(zeroes), 0x8a9136aaU);
}

} // namespace
} // namespace swpath
