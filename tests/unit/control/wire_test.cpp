// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/frame_reader.h"
#include "libpath/control/wire.h"

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

TEST(Wire, CallSurvivesTheRoundTrip)
{
	const Call call{"io.swpath.Control.Events", {{"unit", "sw0"}}, true, false};
	FrameReader reader(request_limits);
	ASSERT_TRUE(reader.feed(encode_call(call)));
	const auto message = reader.next();
	ASSERT_TRUE(message && *message);
	const auto again = parse_call(**message);
	ASSERT_TRUE(again);
	EXPECT_EQ(again->method, call.method);
	EXPECT_EQ(again->parameters, call.parameters);
	EXPECT_TRUE(again->more);
	EXPECT_FALSE(again->oneway);
}

TEST(Wire, BytesOfACallAreThoseOfTheStandard)
{
	EXPECT_EQ(encode_call({"org.varlink.service.GetInfo", Json::object(), false, false}),
		  "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{}}\0"s);
	EXPECT_EQ(encode_reply({{}, {{"seq", 1}}, true}),
		  "{\"parameters\":{\"seq\":1},\"continues\":true}\0"s);
}

TEST(Wire, MalformedCallsAreRefused)
{
	for (const char *text :
	     {"{}", "{\"method\":1}", "{\"method\":\"a.B\",\"parameters\":[]}",
	      "{\"method\":\"a.B\",\"more\":1}", "{\"method\":\"a.B\",\"oneway\":\"x\"}",
	      "{\"method\":\"a.B\",\"upgrade\":true}"}) {
		const auto call = parse_call(Json::parse(text));
		ASSERT_FALSE(call) << text;
		EXPECT_EQ(call.error().code.value(), EBADMSG);
	}
}

TEST(Wire, MalformedRepliesAreRefused)
{
	for (const char *text :
	     {"{\"error\":1}", "{\"error\":\"\"}", "{\"parameters\":1}", "{\"continues\":2}"})
		EXPECT_FALSE(parse_reply(Json::parse(text))) << text;
}

TEST(Wire, EveryRefusalSurvivesTheRoundTrip)
{
	for (unsigned kind = 0; kind < Words<RefusalKind>::all.size(); kind++) {
		const Refusal refusal{RefusalKind(kind), "cannot", "do this"};
		EXPECT_EQ(refusal_of(reply_of(refusal)), refusal);
		EXPECT_EQ(exit_status(refusal.kind), int(kind) + 1);
	}
}

TEST(Wire, ErrorsOfTheStandardAreUsageAndNameTheCause)
{
	const Reply reply{"org.varlink.service.MethodNotFound", {{"method", "io.x.Y"}}, false};
	const auto refusal = refusal_of(reply);
	EXPECT_EQ(refusal.kind, RefusalKind::Usage);
	EXPECT_EQ(refusal.message, "org.varlink.service.MethodNotFound (method 'io.x.Y')");
	EXPECT_EQ(refusal_of(Reply{"com.other.Boom", Json::object(), false}).kind,
		  RefusalKind::Failed);
}

} // namespace
} // namespace swpath
