// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/log.h"

#include <string>

#include <gtest/gtest.h>

namespace swpath::log
{
namespace
{

/// Once in a process, whichever test comes first.
bool started()
{
	static const bool once = start(LogLevel::Info).has_value();
	return once;
}

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
	ASSERT_TRUE(started());
	flush(std::chrono::seconds(30));
	// The count of the lost ones is a message of its own, after those that were kept.
	std::string text = testing::internal::GetCapturedStderr();
	EXPECT_NE(text.find("sw0: 0 xxx"), std::string::npos);
	EXPECT_NE(text.find("sw0: 511 xxx"), std::string::npos);
	EXPECT_EQ(text.find("sw0: 512 xxx"), std::string::npos);
}

// journalctl shows a text that is not printable, or not UTF-8, as its size and nothing else.
TEST(Log, ATextIsPrintableWhateverNamesAreInIt)
{
	testing::internal::CaptureStderr();
	ASSERT_TRUE(started());
	say(Message::Notice, {.unit = "sw0"}, "{}", "a\x1b[2J\x7f\rb\tc\nd \xc3\xa9 \xc2\x9b");
	say(Message::Notice, {.unit = "sw1"}, "{}", std::string(479, 'x') + "\xc3\xa9");
	say(Message::Notice, {.unit = "sw2"}, "{}", "e\xff\xc3g\xe2\x82 \xe2\x82\xac");
	flush(std::chrono::seconds(30));
	const std::string text = testing::internal::GetCapturedStderr();
	EXPECT_NE(text.find("sw0: a?[2J??b\tc\nd \xc3\xa9 ??\n"), std::string::npos) << text;
	EXPECT_NE(text.find("sw1: " + std::string(479, 'x') + "?\n"), std::string::npos) << text;
	EXPECT_NE(text.find("sw2: e??g?? \xe2\x82\xac\n"), std::string::npos) << text;
}

} // namespace
} // namespace swpath::log
