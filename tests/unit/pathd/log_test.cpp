// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/log.h"

#include <string>

#include <gtest/gtest.h>

namespace swpath::log
{
namespace
{

/// Before start() nobody takes messages out: the ring fills up.
TEST(Log, DropsAndCountsInsteadOfWaiting)
{
	set_level(LogLevel::Info);
	ASSERT_EQ(dropped(), 0U);
	const std::string longest(4000, 'x');
	for (int i = 0; i < 600; i++)
		say(Message::Notice, {.unit = "sw0", .path = longest}, "{} {}", i, longest);
	EXPECT_EQ(dropped(), 600U - 512U);
	say(Message::Debug, {}, "below the level: not even counted");
	EXPECT_EQ(dropped(), 600U - 512U);

	testing::internal::CaptureStderr();
	ASSERT_TRUE(start(LogLevel::Info));
	flush(std::chrono::seconds(30));
	// The count of the lost ones is a message of its own, after those that were kept.
	std::string text = testing::internal::GetCapturedStderr();
	EXPECT_NE(text.find("sw0: 0 xxx"), std::string::npos);
	EXPECT_NE(text.find("sw0: 511 xxx"), std::string::npos);
	EXPECT_EQ(text.find("sw0: 512 xxx"), std::string::npos);
}

} // namespace
} // namespace swpath::log
