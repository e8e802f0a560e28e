// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/frame_reader.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace swpath
{
namespace
{

using namespace std::string_literals;

TEST(FrameReader, CutsMessagesWhereverTheBytesBreak)
{
	const std::string bytes = "{\"a\":1}\0{\"b\":[2]}\0"s;
	for (std::size_t cut = 0; cut <= bytes.size(); cut++) {
		FrameReader reader(request_limits);
		std::string got;
		const auto take = [&] {
			for (;;) {
				auto message = reader.next();
				ASSERT_TRUE(message);
				if (!*message)
					return;
				got += (**message).dump();
			}
		};
		ASSERT_TRUE(reader.feed(bytes.substr(0, cut)));
		take();
		ASSERT_TRUE(reader.feed(bytes.substr(cut)));
		take();
		EXPECT_EQ(got, "{\"a\":1}{\"b\":[2]}") << cut;
		EXPECT_FALSE(reader.partial());
	}
}

TEST(FrameReader, SaysWhetherAMessageHasBegun)
{
	FrameReader reader(request_limits);
	EXPECT_FALSE(reader.partial());
	ASSERT_TRUE(reader.feed("{"));
	EXPECT_TRUE(reader.partial());
	ASSERT_TRUE(reader.feed("}\0"s));
	EXPECT_FALSE(reader.partial());
}

TEST(FrameReader, RefusesAMessageThatIsTooLong)
{
	FrameReader reader({.message_bytes_max = 10, .depth_max = 4});
	ASSERT_TRUE(reader.feed("{\"a\":123}\0"s)); // 9 bytes
	ASSERT_TRUE(reader.next());
	ASSERT_TRUE(reader.feed("{\"a\":12345"));
	EXPECT_EQ(reader.feed("6}").error().code.value(), EMSGSIZE);

	FrameReader whole({.message_bytes_max = 4, .depth_max = 4});
	EXPECT_FALSE(whole.feed("{\"a\":1}\0"s));
}

TEST(FrameReader, ManyShortMessagesMayArriveAtOnce)
{
	FrameReader reader({.message_bytes_max = 4, .depth_max = 4});
	std::string bytes;
	for (int i = 0; i < 100; i++)
		bytes += "{}\0"s;
	ASSERT_TRUE(reader.feed(bytes));
	for (int i = 0; i < 100; i++) {
		const auto message = reader.next();
		ASSERT_TRUE(message);
		EXPECT_TRUE(*message);
	}
}

TEST(FrameReader, RefusesWhatIsNoObject)
{
	for (const auto &text : {"\0"s, "[]\0"s, "1\0"s, "null\0"s, "{\0"s, "{}{}\0"s,
				 "{\"a\":1,}\0"s, "{\"a\":\"\xff\"}\0"s}) {
		FrameReader reader(request_limits);
		ASSERT_TRUE(reader.feed(text));
		const auto message = reader.next();
		ASSERT_FALSE(message) << text;
		EXPECT_EQ(message.error().code.value(), EBADMSG);
	}
}

TEST(FrameReader, RefusesDeepNestingButNotBracketsInTexts)
{
	FrameReader reader({.message_bytes_max = 1000, .depth_max = 3});
	ASSERT_TRUE(reader.feed("{\"a\":[[1]]}\0{\"a\":[[[1]]]}\0"s));
	EXPECT_TRUE(reader.next());
	EXPECT_EQ(reader.next().error().code.value(), EBADMSG);

	FrameReader texts({.message_bytes_max = 1000, .depth_max = 3});
	ASSERT_TRUE(texts.feed("{\"a\":\"[[[[\\\"[[[\"}\0"s));
	EXPECT_TRUE(texts.next());
}

} // namespace
} // namespace swpath
