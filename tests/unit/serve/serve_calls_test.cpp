// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "libpath/control/frame_reader.h"
#include "libpath/control/wire.h"
#include "libpath/serve/serve_calls.h"
#include "tests/unit/serve/orders.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Handler : ServeHandler {
	std::optional<ExportOrder> exported;
	std::optional<RevokeOrder> revoked;

	Answered<ExportedReply> export_disk(const ExportOrder &order) override
	{
		exported = order;
		return ExportedReply{order.name.text(), 1 << 20, 512, 4096, order.read_only, 42};
	}
	Answered<RevokedReply> revoke(const RevokeOrder &order) override
	{
		revoked = order;
		RevokedReply reply;
		reply.in_flight = 3;
		reply.oldest_ms = 2345;
		reply.connections = 1;
		reply.connections_ended = 2;
		reply.served_here = true;
		reply.text = revocation_text(order.name, reply);
		return reply;
	}
	ServeReport report() override { return {}; }
};

/// A message as it comes from the socket.
Reply answer(const std::string &text, Handler &handler)
{
	FrameReader reader(request_limits);
	EXPECT_TRUE(reader.feed(text + '\0'));
	return answer_serve_call(*parse_call(**reader.next()), handler);
}

TEST(ServeCalls, WhatIsAskedArrives)
{
	Handler handler;
	auto order = order_for("naa.1", 7, "/dev/sdx", "10.0.0.0/24");
	order.read_only = true;
	const auto exported =
		exported_from_json(answer_serve_call(export_call(order), handler).parameters);
	EXPECT_EQ(handler.exported, order);
	ASSERT_TRUE(exported);
	EXPECT_EQ(*exported, (ExportedReply{"naa.1@alpha@7", 1 << 20, 512, 4096, true, 42}));

	const RevokeOrder revoke{{"naa.1", "alpha", 7}, 1500ms, {"/dev/sdx", "/dev/sdy"}};
	const auto revoked =
		revoked_from_json(answer_serve_call(revoke_call(revoke), handler).parameters);
	EXPECT_EQ(handler.revoked, revoke);
	ASSERT_TRUE(revoked);
	EXPECT_FALSE(revoked->drained);
	EXPECT_EQ(
		revoked->text,
		"naa.1@alpha@7 draining: 3 in flight, oldest 2.3 s, 1 of 2 connections still open");
}

TEST(ServeCalls, WhatIsWrongIsNamedAndNothingIsDone)
{
	const char *cases[][2] = {
		{R"({"method":"io.swpath.Serve.Export","parameters":{"wwid":"a","client":"c","epoch":1,"device":"/d"}})",
		 "'clients' is missing"},
		{R"({"method":"io.swpath.Serve.Export","parameters":{"wwid":"a","client":"c","epoch":1,"device":"/d","clients":[]}})",
		 "nobody could connect"},
		{R"({"method":"io.swpath.Serve.Export","parameters":{"wwid":"a","client":"c","epoch":1,"device":"/d","clients":["beta"]}})",
		 "client 'beta'"},
		{R"({"method":"io.swpath.Serve.Export","parameters":{"wwid":"a","client":"c","epoch":-1,"device":"/d","clients":["any"]}})",
		 "'epoch' is not a number"},
		{R"({"method":"io.swpath.Serve.Export","parameters":{"wwid":"a","client":"c","epoch":1,"device":"d","clients":["any"]}})",
		 "'device' is not an absolute path"},
		{R"({"method":"io.swpath.Serve.Export","parameters":{"wwid":"","client":"c","epoch":1,"device":"/d","clients":["any"]}})",
		 "the WWID is empty"},
		{R"({"method":"io.swpath.Serve.Export","parameters":{"wwid":"a","client":"c","epoch":1,"device":"/d","clients":["any"],"force":true}})",
		 "'force' is not known"},
		{R"({"method":"io.swpath.Serve.Revoke","parameters":{"wwid":"a","epoch":1}})",
		 "'client' is missing"},
		{R"({"method":"io.swpath.Serve.Revoke","parameters":{"wwid":"a","client":"c@d","epoch":1}})",
		 "has an '@'"},
		{R"({"method":"io.swpath.Serve.Revoke","parameters":{"wwid":"a","client":"c"}})",
		 "'epoch' is missing"},
		{R"({"method":"io.swpath.Serve.Revoke","parameters":{"wwid":"a","client":"c","epoch":1,"wait_ms":60001}})",
		 "'wait_ms' is more than 60000"},
		{R"({"method":"io.swpath.Serve.Status","parameters":{"x":1}})", "'x' is not known"},
		{R"({"method":"io.swpath.Serve.Halt"})", "no method 'io.swpath.Serve.Halt'"},
		{R"({"method":"io.swpath.Serve.Status","more":true})", "streams"},
	};
	for (const auto &[text, expected] : cases) {
		Handler handler;
		const auto reply = answer(text, handler);
		EXPECT_FALSE(handler.exported || handler.revoked) << text;
		EXPECT_EQ(reply.error, "io.swpath.Control.BadRequest") << text;
		EXPECT_THAT(reply.parameters["message"].get<std::string>(), HasSubstr(expected));
	}
}

TEST(ServeCalls, AReportIsReadAsItWasWritten)
{
	ServeReport report;
	report.pid = 812;
	report.tls = true;
	ServeReport::Entry entry;
	entry.view.order = order_for("naa.1", 7, "/dev/sdx", "10.0.0.0/24");
	entry.view.state = ExportState::Draining;
	entry.view.in_flight = 3;
	entry.view.oldest = 2345ms;
	entry.view.requests = 1ULL << 40;
	entry.since_ms = 99;
	report.exports.push_back(entry);
	report.refusals.push_back({5, "10.0.0.9", "may not"});
	const auto json = Json::parse(to_json(report).dump());
	const auto read = serve_report_from_json(json);
	ASSERT_TRUE(read) << read.error().message;
	EXPECT_EQ(to_json(*read), json);
	EXPECT_EQ(read->exports[0].view.order, entry.view.order);

	const std::pair<const char *, Json> wrongs[] = {
		{"state", "shut"}, {"epoch", -1}, {"clients", "any"}, {"in_flight", Json()}};
	for (const auto &[key, wrong] : wrongs) {
		auto other = json;
		other["exports"][0][key] = wrong;
		const auto refused = serve_report_from_json(other);
		ASSERT_FALSE(refused) << key;
		EXPECT_THAT(refused.error().message, HasSubstr(key));
	}
	for (const auto &other : {Json(7), Json::object(), Json{{"exports", 1}}})
		EXPECT_FALSE(serve_report_from_json(other));
}

TEST(ServeCalls, TheLineSaysWhatTheProofIs)
{
	RevokedReply reply;
	reply.drained = true;
	reply.served_here = true;
	reply.connections_ended = 2;
	reply.requests = 812;
	EXPECT_EQ(
		revocation_text({"naa.1", "alpha", 7}, reply),
		"naa.1@alpha@7 revoked and drained: 2 connections ended, 812 requests completed, 0 "
		"refused");
	reply.lost = 12;
	EXPECT_THAT(
		revocation_text({"naa.1", "alpha", 7}, reply),
		HasSubstr("800 requests completed, 12 ended in an error of its path, 0 refused"));
	reply.served_here = false;
	EXPECT_THAT(revocation_text({"naa.1", "alpha", 7}, reply),
		    HasSubstr("no I/O of an earlier one"));
	reply.drained = false;
	EXPECT_THAT(revocation_text({"naa.1", "alpha", 7}, reply), HasSubstr("still in the disk"));
}

} // namespace
} // namespace swpath
