// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/service.h"

#include <nlohmann/json.hpp>

#include "libpath/control/report_json.h"
#include "libpath/control/wire.h"
#include "tests/unit/control/handler.h"

namespace swpath
{
namespace
{

constexpr uid_t root = 0;
constexpr uid_t somebody = 1000;

struct Service : ::testing::Test {
	testing::RecordingHandler handler;

	Dispatched ask(const std::string &method, Json parameters = Json::object(),
		       uid_t uid = root, bool more = false)
	{
		const bool full = method.find('.') != method.npos;
		return dispatch({full ? method : "io.swpath.Control." + method,
				 std::move(parameters), more, false},
				uid, 7, handler);
	}
	std::string error(const std::string &method, Json parameters = Json::object(),
			  uid_t uid = root)
	{
		const auto done = ask(method, std::move(parameters), uid);
		return done.reply ? done.reply->error : "no reply";
	}
};

TEST_F(Service, ReadingIsForEverybody)
{
	for (const uid_t uid : {root, somebody}) {
		const auto status = ask("Status", {{"unit", "/dev/sw0"}}, uid);
		ASSERT_TRUE(status.reply);
		EXPECT_EQ(status.reply->error, "");
		const auto report = report_from_json(status.reply->parameters);
		ASSERT_TRUE(report);
		EXPECT_EQ(report->units.at(0).name, "sw0");
		EXPECT_EQ(error("History", Json::object(), uid), "");
		EXPECT_TRUE(ask("Events", Json::object(), uid, true).stream);
	}
}

TEST_F(Service, FlightIsOfOneUnitAndForEverybody)
{
	handler.flown.samples.resize(3);
	const auto done = ask("Flight", {{"unit", "253:3"}}, somebody);
	ASSERT_TRUE(done.reply);
	const auto flight = flight_from_json(done.reply->parameters);
	ASSERT_TRUE(flight);
	EXPECT_EQ(flight->name, "sw0");
	EXPECT_EQ(flight->samples.size(), 3u);
	EXPECT_EQ(error("Flight"), "org.varlink.service.InvalidParameter");
	EXPECT_EQ(error("Flight", {{"unit", "sw0"}, {"since", 1}}),
		  "org.varlink.service.InvalidParameter");
	EXPECT_EQ(error("Flight", {{"unit", "sw9"}}), "io.swpath.Control.NotFound");
}

TEST_F(Service, ChangingIsForRoot)
{
	for (const auto verb : Words<Verb>::all) {
		std::string method(verb);
		method.front() = char(method.front() - 'a' + 'A');
		EXPECT_EQ(error(method, {{"unit", "sw0"}, {"path", "0"}}, somebody),
			  "io.swpath.Control.Permission")
			<< method;
	}
	EXPECT_EQ(error("Reload", Json::object(), somebody), "io.swpath.Control.Permission");
	EXPECT_TRUE(handler.orders.empty());
	EXPECT_TRUE(handler.reloads.empty());
}

TEST_F(Service, OrderArrivesWithItsUnitAndPathFound)
{
	const auto done =
		ask("Switch", {{"unit", "/dev/dm-3"}, {"path", "beta"}, {"forced", true}});
	EXPECT_FALSE(done.reply);
	ASSERT_EQ(handler.orders.size(), 1u);
	EXPECT_EQ(handler.orders[0].first, 7u);
	EXPECT_EQ(handler.orders[0].second, (Order{Verb::Switch, "sw0", 1, true, false}));
	ask("Hold", {{"unit", "sw0"}, {"dry_run", true}});
	EXPECT_EQ(handler.orders[1].second, (Order{Verb::Hold, "sw0", {}, false, true}));
	ask("Reload", {{"dry_run", true}});
	EXPECT_EQ(handler.reloads.at(0), std::pair(CallId(7), true));
}

TEST_F(Service, WhatDoesNotExistIsNotFound)
{
	EXPECT_EQ(error("Status", {{"unit", "sw9"}}), "io.swpath.Control.NotFound");
	EXPECT_EQ(error("Hold", {{"unit", "sw9"}}), "io.swpath.Control.NotFound");
	EXPECT_EQ(error("Fail", {{"unit", "sw0"}, {"path", "x"}}), "io.swpath.Control.NotFound");
	EXPECT_TRUE(handler.orders.empty());
}

TEST_F(Service, ParametersThatAreWrongAreNamed)
{
	const auto wrong = [&](const std::string &method, Json parameters) {
		const auto done = ask(method, std::move(parameters));
		if (!done.reply || done.reply->error != "org.varlink.service.InvalidParameter")
			return std::string("accepted");
		return done.reply->parameters["parameter"].get<std::string>();
	};
	EXPECT_EQ(wrong("Status", {{"unit", 1}}), "unit");
	EXPECT_EQ(wrong("Status", {{"unti", "sw0"}}), "unti");
	EXPECT_EQ(wrong("Hold", Json::object()), "unit");
	EXPECT_EQ(wrong("Hold", {{"unit", "sw0"}, {"forced", true}}), "forced");
	EXPECT_EQ(wrong("Hold", {{"unit", "sw0"}, {"dry_run", "yes"}}), "dry_run");
	EXPECT_EQ(wrong("Hold", {{"unit", "sw0"}, {"path", "0"}}), "path");
	EXPECT_EQ(wrong("Switch", {{"unit", "sw0"}}), "path");
	EXPECT_EQ(wrong("Reinstate", {{"unit", "sw0"}, {"path", "0"}, {"forced", true}}), "forced");
	EXPECT_EQ(wrong("Reload", {{"unit", "sw0"}}), "unit");
	EXPECT_TRUE(handler.orders.empty());
}

TEST_F(Service, MethodsAndInterfacesThatDoNotExistAreRefused)
{
	EXPECT_EQ(error("Explode"), "org.varlink.service.MethodNotFound");
	EXPECT_EQ(error("hold"), "org.varlink.service.MethodNotFound");
	EXPECT_EQ(error(""), "org.varlink.service.MethodNotFound");
	EXPECT_EQ(error("io.other.Status"), "org.varlink.service.InterfaceNotFound");
	EXPECT_EQ(error("org.varlink.service.Nope"), "org.varlink.service.MethodNotFound");
	EXPECT_EQ(error("Events"), "org.varlink.service.ExpectedMore");
}

TEST_F(Service, DescribesItself)
{
	const auto info = ask("org.varlink.service.GetInfo");
	ASSERT_TRUE(info.reply);
	EXPECT_EQ(info.reply->parameters["interfaces"],
		  Json({"org.varlink.service", "io.swpath.Control"}));
	for (const char *name : {"io.swpath.Control", "org.varlink.service"}) {
		const auto text =
			ask("org.varlink.service.GetInterfaceDescription", {{"interface", name}});
		ASSERT_TRUE(text.reply);
		EXPECT_NE(text.reply->parameters["description"].get<std::string>().find(
				  std::string("interface ") + name),
			  std::string::npos);
	}
	EXPECT_EQ(error("org.varlink.service.GetInterfaceDescription", {{"interface", "x"}}),
		  "org.varlink.service.InterfaceNotFound");
}

TEST_F(Service, StreamOfOneUnitCarriesItsName)
{
	const auto done = ask("Events", {{"unit", "253:3"}}, root, true);
	ASSERT_TRUE(done.stream);
	EXPECT_EQ(*done.stream, "sw0");
	EXPECT_EQ(*ask("Events", Json::object(), root, true).stream, "");
}

} // namespace
} // namespace swpath
