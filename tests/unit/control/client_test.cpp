// SPDX-License-Identifier: GPL-2.0-or-later
/// The client with somebody at the other end who is not what it should be.
#include "libpath/control/client.h"

#include <cstdlib>
#include <filesystem>

#include <sys/socket.h>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "libpath/control/report_json.h"
#include "libpath/control/server_socket.h"
#include "libpath/control/wire.h"
#include "tests/unit/control/reports.h"

namespace swpath
{
namespace
{

using ::testing::HasSubstr;

struct Client : ::testing::Test {
	std::string directory = ::testing::TempDir() + "swpath-client-XXXXXX";
	Report state = testing::report_of(
		testing::unit_from(testing::online_line, MonitorWord::Ok, MonitorWord::Ok));

	Client() { EXPECT_TRUE(::mkdtemp(directory.data())); }
	~Client() override { std::filesystem::remove_all(directory); }
};

// Of another version, or none of ours: what it says of other units is not of the one asked for.
TEST_F(Client, AnAnswerOfOtherUnitsThanTheOneAskedForIsNone)
{
	const auto path = directory + "/s";
	UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
	const auto address = socket_address(path);
	ASSERT_EQ(::bind(fd.get(), address->get(), address->length), 0);
	ASSERT_EQ(::listen(fd.get(), 1), 0);
	auto client = ControlClient::connect(path);
	ASSERT_TRUE(client);
	const UniqueFd peer(::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
	ASSERT_TRUE(peer);
	Report report = state;
	const auto say = [&](const Json &json) {
		const auto text = encode_reply({{}, json, false});
		ASSERT_EQ(::send(peer.get(), text.data(), text.size(), 0), ssize_t(text.size()));
	};
	const auto others = [&](const std::vector<std::string> &names, bool status_of_all) {
		report.units.clear();
		for (const auto &name : names)
			report.units.emplace_back(state.units[0]).name = name;
		for (const std::string unit : {"sw0", "/dev/sw0", "/dev/mapper/sw0"}) {
			say(to_json(report));
			const auto status = client->status(unit);
			ASSERT_FALSE(status) << unit;
			EXPECT_EQ(status.error().kind, RefusalKind::Failed);
			EXPECT_THAT(status.error().message, HasSubstr("pathd"));
			say(history_to_json(report));
			EXPECT_FALSE(client->history(unit)) << unit;
		}
		say(to_json(report));
		EXPECT_EQ(client->status().has_value(), status_of_all);
	};
	others({}, true);
	others({"sw1"}, true);
	others({"sw0", "sw1"}, true);
	others({"sw0", "sw0"}, false);

	FlightReport flight;
	flight.name = "sw1";
	say(to_json(flight));
	EXPECT_FALSE(client->flight("sw0"));
	ExportsReport exports;
	exports.exports.resize(1);
	exports.exports[0].unit = "sw1";
	say(to_json(exports));
	EXPECT_FALSE(client->exports("sw0"));
	say(to_json(exports));
	EXPECT_TRUE(client->exports());

	// By what it is not called by, it may be any.
	report.units = state.units;
	say(history_to_json(report));
	EXPECT_TRUE(client->history("253:3"));
}

} // namespace
} // namespace swpath
