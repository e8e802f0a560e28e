// SPDX-License-Identifier: GPL-2.0-or-later
/// The serving side with real disk I/O on a file and real sockets, and without nbdkit, so that a
/// request can be stopped between the check and the disk.
#include <cerrno>
#include <cstring>
#include <future>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include "libpath/control/client.h"
#include "libpath/control/wire.h"
#include "libpath/serve/export_server.h"
#include "libpath/serve/serve_control.h"
#include "tests/unit/serve/orders.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::size_t block_bytes = 4096;

/// Both ends of a TCP connection in this process.
struct Wire {
	UniqueFd server;
	UniqueFd client;
	Peer peer;

	Wire()
	{
		const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		EXPECT_EQ(::listen(listener.get(), 1), 0);
		sockaddr_in address{};
		socklen_t bytes = sizeof(address);
		EXPECT_EQ(
			getsockname(listener.get(), reinterpret_cast<sockaddr *>(&address), &bytes),
			0);
		client.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr *>(&address), bytes),
			  0);
		peer.bytes = sizeof(peer.address);
		server.reset(::accept4(listener.get(), reinterpret_cast<sockaddr *>(&peer.address),
				       &peer.bytes, SOCK_CLOEXEC));
		EXPECT_TRUE(server);
	}
	[[nodiscard]] bool ended() const
	{
		char byte = 0;
		return ::recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0;
	}
};

class Server : public TemporaryDirectory
{
protected:
	Server()
	{
		disk = write("disk", "");
		std::filesystem::resize_file(disk, 64 * block_bytes);
		server = make();
	}
	std::unique_ptr<ExportServer> make()
	{
		auto made = ExportServer::create(
			{path("control"), path("closed"), true, false, "/sys"});
		EXPECT_TRUE(made) << made.error().message();
		return made ? std::move(*made) : nullptr;
	}
	ExportOrder order(std::uint64_t epoch) const { return order_for("naa.1", epoch, disk); }
	RevokeOrder revocation(std::uint64_t epoch, std::chrono::milliseconds wait = 10s) const
	{
		return {{"naa.1", "alpha", epoch}, wait, {}};
	}
	/// Through a control socket that the test has made.
	[[nodiscard]] Answered<Json> call(const Call &what) const
	{
		auto client = ControlClient::connect(path("control"), 20s);
		if (!client)
			return tl::unexpected(client.error());
		return client->call(what.method, what.parameters);
	}
	[[nodiscard]] char first_byte(std::size_t block) const
	{
		return text_of(disk)[block * block_bytes];
	}

	std::string disk;
	std::unique_ptr<ExportServer> server;
};

int write_block(const ServedDisk &disk, std::size_t block, char fill)
{
	std::vector<std::byte> bytes(block_bytes, static_cast<std::byte>(fill));
	return disk.write(bytes, block * block_bytes, false);
}

TEST_F(Server, ARequestBetweenTheCheckAndTheDiskIsWaitedForAndALaterOneNeverGetsThere)
{
	ASSERT_TRUE(server->export_disk(order(7)));
	const Wire wire;
	auto session = server->connect("naa.1@alpha@7", wire.peer);
	ASSERT_TRUE(session) << session.error().message();

	const auto parked = server->begin(**session); // checked, and not yet with the disk
	ASSERT_TRUE(parked);
	auto revoked = server->revoke(revocation(7, 50ms));
	ASSERT_TRUE(revoked) << revoked.error().message;
	EXPECT_FALSE(revoked->drained);
	EXPECT_EQ(revoked->in_flight, 1U);
	EXPECT_GE(revoked->oldest_ms, 50U);
	EXPECT_THAT(revoked->text, HasSubstr("draining: 1 in flight"));
	EXPECT_TRUE(wire.ended()) << "its connection was ended at once";

	auto waiting =
		std::async(std::launch::async, [&] { return server->revoke(revocation(7)); });
	EXPECT_EQ(waiting.wait_for(100ms), std::future_status::timeout);
	// A later one is refused and does not get to the disk.
	EXPECT_EQ(server->run(**session,
			      [](const ServedDisk &to) { return write_block(to, 1, 'L'); }),
		  ESHUTDOWN);
	server->end(*parked, write_block(*(*session)->disk, 0, 'P'));
	EXPECT_EQ(waiting.wait_for(100ms), std::future_status::timeout) << "the connection is open";
	server->disconnect(std::move(*session));

	revoked = waiting.get();
	ASSERT_TRUE(revoked);
	EXPECT_TRUE(revoked->drained);
	EXPECT_EQ(revoked->connections_ended, 1U);
	EXPECT_EQ(revoked->requests, 1U);
	EXPECT_EQ(revoked->refused, 1U);
	EXPECT_EQ(first_byte(0), 'P') << "in the disk before it was called drained";
	EXPECT_EQ(first_byte(1), '\0');
	EXPECT_TRUE(*disk_is_free(disk)) << "the server let go of it";
	EXPECT_TRUE(server->revoke(revocation(7))->drained) << "said again to who asks again";
}

TEST_F(Server, WritesOfManyThreadsEndBeforeDrainedIsSaid)
{
	for (std::uint64_t epoch = 1; epoch <= 20; epoch++) {
		ASSERT_TRUE(server->export_disk(order(epoch)));
		std::vector<Wire> wires(4);
		std::vector<std::thread> threads;
		std::atomic<unsigned> in_disk = 0;
		std::atomic<bool> begun = false;
		for (std::size_t i = 0; i < wires.size(); i++)
			threads.emplace_back([&, i] {
				auto session = server->connect(
					"naa.1@alpha@" + std::to_string(epoch), wires[i].peer);
				if (!session)
					return; // came after the revocation
				while (server->run(**session, [&](const ServedDisk &to) {
					in_disk++;
					const int error = write_block(to, i, 'w');
					begun = true;
					in_disk--;
					return error;
				}) == 0)
					;
				server->disconnect(std::move(*session));
			});
		while (!begun)
			std::this_thread::yield();
		const auto revoked = server->revoke(revocation(epoch));
		EXPECT_EQ(in_disk, 0U);
		ASSERT_TRUE(revoked);
		EXPECT_TRUE(revoked->drained) << revoked->text;
		for (auto &thread : threads)
			thread.join();
	}
}

TEST_F(Server, APathErrorEndsEveryConnectionAtOnce)
{
	ASSERT_TRUE(server->export_disk(order(7)));
	const Wire one, two;
	auto first = server->connect("naa.1@alpha@7", one.peer);
	auto second = server->connect("naa.1@alpha@7", two.peer);
	ASSERT_TRUE(first && second);
	EXPECT_EQ(server->run(**first, [](const ServedDisk &) { return ENODEV; }), ENODEV);
	EXPECT_TRUE(one.ended() && two.ended());
	EXPECT_EQ(server->report().exports[0].view.state, ExportState::Failed);
	server->disconnect(std::move(*first));
	server->disconnect(std::move(*second));
	EXPECT_TRUE(*disk_is_free(disk));
	EXPECT_TRUE(server->export_disk(order(7))) << "the path is back";
}

TEST_F(Server, AConnectionThatCouldNotBeEndedIsNotServed)
{
	ASSERT_TRUE(server->export_disk(order(7)));
	Peer nobody;
	auto *inet = reinterpret_cast<sockaddr_in *>(&nobody.address);
	inet->sin_family = AF_INET;
	inet->sin_port = htons(1);
	nobody.bytes = sizeof(*inet);
	const auto session = server->connect("naa.1@alpha@7", nobody);
	ASSERT_FALSE(session);
	EXPECT_EQ(session.error().code.value(), ENOTSOCK);
	EXPECT_EQ(server->report().exports[0].view.connections, 0U);
}

TEST_F(Server, ClosedEpochsOutliveTheProcess)
{
	ASSERT_TRUE(server->export_disk(order(7)));
	ASSERT_TRUE(server->revoke(revocation(7)));
	server = make();
	const auto late = server->export_disk(order(7));
	ASSERT_FALSE(late);
	EXPECT_THAT(late.error().message,
		    HasSubstr("epoch 7 of naa.1 for alpha is closed; the next one is 8"));
	EXPECT_TRUE(server->export_disk(order(8)));
}

TEST_F(Server, TwoClientsShareTheDiskAndEachEndsAlone)
{
	const auto gammas = order_for("naa.1", 1, disk, "any", "gamma");
	ASSERT_TRUE(server->export_disk(order(7)));
	ASSERT_TRUE(server->export_disk(gammas)) << "the lock is this process's";
	const Wire one, two;
	auto alpha = server->connect("naa.1@alpha@7", one.peer);
	auto gamma = server->connect("naa.1@gamma@1", two.peer);
	ASSERT_TRUE(alpha && gamma);
	EXPECT_FALSE(server->connect("naa.1@gamma@7", two.peer));
	const auto write_to = [&](ExportServer::Session &session, std::size_t block, char fill) {
		return server->run(session, [&](const ServedDisk &to) {
			return write_block(to, block, fill);
		});
	};
	EXPECT_EQ(write_to(**alpha, 0, 'a'), 0);
	EXPECT_EQ(write_to(**gamma, 1, 'g'), 0);
	// What gamma has in the disk keeps up nobody else's revocation.
	const auto parked = server->begin(**gamma);
	ASSERT_TRUE(parked);
	(void)server->revoke(revocation(7, 0ms));
	EXPECT_TRUE(one.ended());
	EXPECT_FALSE(two.ended());
	server->disconnect(std::move(*alpha));
	const auto revoked = server->revoke(revocation(7, 0ms));
	ASSERT_TRUE(revoked) << revoked.error().message;
	EXPECT_TRUE(revoked->drained);
	EXPECT_EQ(revoked->requests, 1U);
	server->end(*parked, write_block(*(*gamma)->disk, 2, 'G'));
	EXPECT_EQ(write_to(**gamma, 3, 'g'), 0);
	ASSERT_TRUE(server->export_disk(order(8)));
	server->disconnect(std::move(*gamma));
	ASSERT_TRUE(server->revoke({{"naa.1", "alpha", 8}, 10s, {}}));
	EXPECT_FALSE(*disk_is_free(disk)) << "gamma's export is open";
	ASSERT_TRUE(server->revoke({{"naa.1", "gamma", 1}, 10s, {}}));
	EXPECT_TRUE(*disk_is_free(disk));
	EXPECT_EQ(first_byte(2), 'G');

	server = make();
	EXPECT_FALSE(server->export_disk(order(8)));
	EXPECT_FALSE(server->export_disk(gammas)) << "what each has closed outlives the process";
	EXPECT_TRUE(server->export_disk(order_for("naa.1", 2, disk, "any", "gamma")));
	// An earlier process's epoch of alpha, while this one holds the disk for gamma.
	auto revoke = revocation(8);
	revoke.devices = {disk};
	const auto late = server->revoke(revoke);
	ASSERT_TRUE(late) << late.error().message;
	EXPECT_TRUE(late->drained);
	EXPECT_FALSE(late->served_here);
}

TEST_F(Server, AFileOfClosedEpochsThatCannotBeReadIsNoStart)
{
	for (const char *text : {"", "[]", "{\"naa.1\":1}", "{\"naa.1\":{\"a\":-1}}",
				 "{\"\":{\"a\":1}}", "{\"naa.1\":{\"a@b\":1}}", "{\"naa.1\":"}) {
		write("closed", text);
		const auto made = ExportServer::create(
			{path("control"), path("closed"), true, false, "/sys"});
		ASSERT_FALSE(made) << text;
		EXPECT_EQ(made.error().code.value(), EBADMSG);
	}
}

TEST_F(Server, AnEpochThatCannotBeRecordedAsClosedIsNotCalledDrained)
{
	ASSERT_TRUE(server->export_disk(order(7)));
	std::filesystem::create_directory(path("closed"));
	write("closed/occupied", "");
	const auto revoked = server->revoke(revocation(7));
	ASSERT_FALSE(revoked);
	EXPECT_THAT(revoked.error().message, HasSubstr("could not be recorded"));
	const Wire wire;
	EXPECT_FALSE(server->connect("naa.1@alpha@7", wire.peer)) << "closed all the same";
}

TEST_F(Server, AnEpochOfAnEarlierProcessIsDrainedWhenItsIoHasLeftTheDisk)
{
	auto revoke = revocation(7, 200ms);
	auto revoked = server->revoke(revoke);
	ASSERT_FALSE(revoked) << "this process knows nothing of it";
	EXPECT_EQ(revoked.error().kind, RefusalKind::Unsafe);
	EXPECT_THAT(revoked.error().hint, HasSubstr("with all of the disk's devices"));

	revoke.devices = {disk};
	{
		// What an earlier process's I/O keeps: the open file.
		const auto left = ServedDisk::open(disk, "naa.1", {false, true, "/sys"});
		ASSERT_TRUE(left);
		revoked = server->revoke(revoke);
		ASSERT_TRUE(revoked);
		EXPECT_FALSE(revoked->drained);
		EXPECT_THAT(revoked->text, HasSubstr("of an earlier server process"));
		const auto exported = server->export_disk(order(8));
		ASSERT_FALSE(exported);
		EXPECT_EQ(exported.error().kind, RefusalKind::Unsafe) << exported.error().message;
	}
	revoked = server->revoke(revoke);
	ASSERT_TRUE(revoked);
	EXPECT_TRUE(revoked->drained);
	EXPECT_FALSE(revoked->served_here);
}

// The path that it served hangs, with its I/O, and this host has another one to the disk by now.
TEST_F(Server, AnEpochOfAnEarlierProcessIsNotDrainedWhileItsIoIsInAnotherDeviceOfTheDisk)
{
	const auto other = write("other", "");
	std::filesystem::resize_file(other, 64 * block_bytes);
	auto left = ServedDisk::open(disk, "naa.1", {false, true, "/sys"});
	ASSERT_TRUE(left);
	// It serves the disk to another client, so it has held that device alone.
	ASSERT_TRUE(server->export_disk(order_for("naa.1", 1, other, "any", "gamma")));
	auto revoke = revocation(7, 50ms);
	revoke.devices = {other, disk};
	auto revoked = server->revoke(revoke);
	ASSERT_TRUE(revoked) << revoked.error().message;
	EXPECT_FALSE(revoked->drained) << revoked->text;
	left = fail(ENODEV, "its last I/O has ended");
	revoked = server->revoke(revoke);
	ASSERT_TRUE(revoked) << revoked.error().message;
	EXPECT_TRUE(revoked->drained);
	// A device that cannot be asked proves nothing.
	revoke = revocation(7, 50ms);
	revoke.devices = {other, path("gone")};
	EXPECT_FALSE(server->revoke(revoke));
}

TEST_F(Server, ADiskThatHasGrownIsGivenOutAtItsNewSizeThoughAnotherClientKeepsItOpen)
{
	ASSERT_TRUE(server->export_disk(order(7)));
	const Wire first, second, third;
	const auto before = server->connect("naa.1@alpha@7", first.peer);
	ASSERT_TRUE(before);
	EXPECT_EQ((*before)->disk->size_bytes(), 64 * block_bytes);
	std::filesystem::resize_file(disk, 80 * block_bytes + 512);
	const auto exported = server->export_disk(order_for("naa.1", 1, disk, "any", "gamma"));
	ASSERT_TRUE(exported) << exported.error().message;
	EXPECT_EQ(exported->size_bytes, 80 * block_bytes);
	const auto after = server->connect("naa.1@gamma@1", second.peer);
	ASSERT_TRUE(after);
	EXPECT_EQ((*after)->disk->size_bytes(), 80 * block_bytes);
	EXPECT_EQ(
		server->run(**after, [](const ServedDisk &on) { return write_block(on, 79, 'x'); }),
		0);
	// The same export, and no order in between.
	std::filesystem::resize_file(disk, 96 * block_bytes);
	const auto again = server->connect("naa.1@alpha@7", third.peer);
	ASSERT_TRUE(again);
	EXPECT_EQ((*again)->disk->size_bytes(), 96 * block_bytes);
	// One that is smaller than it was told of gives errors beyond its end, as the disk says.
	std::filesystem::resize_file(disk, 64 * block_bytes);
	EXPECT_EQ(server->export_disk(order(7))->size_bytes, 96 * block_bytes);
}

TEST_F(Server, AnswersOnItsSocketWhileARevocationWaits)
{
	const auto control =
		ServeControl::listen(path("control"), *server, [](const std::string &) {});
	ASSERT_TRUE(control) << control.error().message();
	ASSERT_TRUE(call(export_call(order(7))));
	const Wire wire;
	auto session = server->connect("naa.1@alpha@7", wire.peer);
	ASSERT_TRUE(session);
	auto waiting =
		std::async(std::launch::async, [&] { return call(revoke_call(revocation(7))); });
	const auto state = [&] {
		const auto status = call({"io.swpath.Serve.Status", Json::object(), false, false});
		return status ? (*status)["exports"][0]["state"].get<std::string>()
			      : status.error().message;
	};
	const auto deadline = std::chrono::steady_clock::now() + 10s;
	while (state() != "draining" && std::chrono::steady_clock::now() < deadline)
		std::this_thread::sleep_for(5ms);
	EXPECT_EQ(state(), "draining");
	server->disconnect(std::move(*session));
	const auto answer = waiting.get();
	ASSERT_TRUE(answer) << answer.error().message;
	EXPECT_TRUE(revoked_from_json(*answer)->drained);
	EXPECT_EQ(state(), "drained");
}

// All disks of a host hang at once when its adapter does, and a client of each has it revoked.
TEST_F(Server, ManyRevocationsThatWaitKeepNobodyElseOut)
{
	constexpr unsigned many = 32;
	const auto control =
		ServeControl::listen(path("control"), *server, [](const std::string &) {});
	ASSERT_TRUE(control) << control.error().message();
	std::vector<Wire> wires(many);
	std::vector<std::unique_ptr<ExportServer::Session>> sessions;
	std::vector<std::future<Answered<Json>>> waiting;
	for (unsigned i = 0; i < many; i++) {
		const auto client = fmt::format("alpha{}", i);
		ASSERT_TRUE(server->export_disk(order_for("naa.1", 7, disk, "any", client)));
		auto session = server->connect(fmt::format("naa.1@{}@7", client), wires[i].peer);
		ASSERT_TRUE(session) << session.error().message();
		sessions.push_back(std::move(*session));
	}
	// Not before: a disk of which all exports drain is not opened for another one.
	for (unsigned i = 0; i < many; i++)
		waiting.push_back(std::async(std::launch::async, [this, i] {
			return call(
				revoke_call({{"naa.1", fmt::format("alpha{}", i), 7}, 20s, {}}));
		}));
	const auto draining = [&]() -> std::size_t {
		const auto status = call({"io.swpath.Serve.Status", Json::object(), false, false});
		if (!status)
			return 0;
		const auto &exports = (*status)["exports"];
		return static_cast<std::size_t>(
			std::count_if(exports.begin(), exports.end(), [](const Json &each) {
				return each["state"] == "draining";
			}));
	};
	const auto deadline = std::chrono::steady_clock::now() + 5s;
	while (draining() < many && std::chrono::steady_clock::now() < deadline)
		std::this_thread::sleep_for(5ms);
	EXPECT_EQ(draining(), many);
	for (auto &session : sessions)
		server->disconnect(std::move(session));
	for (auto &each : waiting) {
		const auto answer = each.get();
		ASSERT_TRUE(answer) << answer.error().message;
		EXPECT_TRUE(revoked_from_json(*answer)->drained);
	}
}

} // namespace
} // namespace swpath
