// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/wire.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libpath/control/frame_reader.h"

namespace swpath
{
namespace
{

using namespace std::string_literals;

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
