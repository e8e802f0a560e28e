// SPDX-License-Identifier: GPL-2.0-or-later
/// The server over real sockets, with a clock of the test's own.
#include "libpath/control/server.h"

#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "libpath/control/client.h"
#include "libpath/control/frame_reader.h"
#include "libpath/control/report_json.h"
#include "libpath/control/server_socket.h"
#include "libpath/control/wire.h"
#include "tests/unit/control/handler.h"
#include "tests/unit/sys/half_dead_process.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using namespace std::string_literals;

struct Server : ::testing::Test {
	std::filesystem::path dir;
	std::string path;
	testing::RecordingHandler handler;
	ServerLimits limits;
	std::unique_ptr<ControlServer> server;
	Instant now{1s};

	void SetUp() override
	{
		std::string name = std::filesystem::temp_directory_path() / "swpath-control-XXXXXX";
		ASSERT_TRUE(::mkdtemp(name.data()));
		dir = name;
		path = dir / "s";
	}
	void TearDown() override
	{
		server.reset();
		std::filesystem::remove_all(dir);
	}
	void open()
	{
		auto opened = ControlServer::open(path, "", handler, limits);
		ASSERT_TRUE(opened) << opened.error().message();
		server = std::move(*opened);
	}
	UniqueFd raw()
	{
		UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
		const auto address = socket_address(path);
		EXPECT_EQ(::connect(fd.get(), address->get(), address->length), 0);
		server->step(now);
		return fd;
	}
	void write(const UniqueFd &fd, const std::string &bytes)
	{
		ASSERT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
			  ssize_t(bytes.size()));
		server->step(now);
	}
	/// What arrives until the server has nothing to do; "EOF" is added if the server has hung
	/// up.
	std::string read(const UniqueFd &fd)
	{
		std::string text;
		char bytes[65536];
		for (;;) {
			const auto got = ::recv(fd.get(), bytes, sizeof(bytes), 0);
			if (got > 0) {
				text.append(bytes, std::size_t(got));
				server->step(now);
				continue;
			}
			const bool over = got == 0 || errno != EAGAIN;
			pollfd busy{server->fd(), POLLIN, 0};
			if (!over && ::poll(&busy, 1, 0) > 0) {
				server->step(now);
				continue;
			}
			return over ? text + "EOF" : text;
		}
	}
	static std::string call(const std::string &method, Json parameters = Json::object(),
				bool more = false)
	{
		return encode_call(
			{"io.swpath.Control." + method, std::move(parameters), more, false});
	}
	static std::vector<Event> events_in(const std::string &bytes)
	{
		FrameReader reader(reply_limits);
		EXPECT_TRUE(reader.feed(bytes));
		std::vector<Event> events;
		for (;;) {
			const auto message = reader.next();
			if (!message || !*message)
				return events;
			const auto reply = parse_reply(**message);
			EXPECT_TRUE(reply && reply->continues);
			const auto event = event_from_json(reply->parameters);
			EXPECT_TRUE(event);
			if (event)
				events.push_back(*event);
		}
	}
};

TEST_F(Server, SocketIsClosedToOthersAndRemovedAtTheEnd)
{
	open();
	struct stat what {
	};
	ASSERT_EQ(::stat(path.c_str(), &what), 0);
	EXPECT_EQ(what.st_mode & 0777, 0600u);
	server.reset();
	EXPECT_NE(::stat(path.c_str(), &what), 0);
}

TEST_F(Server, GroupMayConnectWhereThereIsOne)
{
	if (::geteuid() != 0)
		GTEST_SKIP() << "only root may give a socket to a group";
	auto opened = ControlServer::open(path, "disk", handler);
	ASSERT_TRUE(opened);
	struct stat what {
	};
	ASSERT_EQ(::stat(path.c_str(), &what), 0);
	EXPECT_EQ(what.st_mode & 0777, 0660u);
	EXPECT_NE(what.st_gid, 0u);
	EXPECT_FALSE((*opened)->closed_to_group());
}

TEST_F(Server, AGroupThatThereIsNotIsKnownToBeKeptOut)
{
	auto opened = ControlServer::open(path, "no-such-group", handler);
	ASSERT_TRUE(opened);
	struct stat what {
	};
	ASSERT_EQ(::stat(path.c_str(), &what), 0);
	EXPECT_EQ(what.st_mode & 0777, 0600u);
	EXPECT_TRUE((*opened)->closed_to_group());
	opened->reset();
	open();
	EXPECT_FALSE(server->closed_to_group()) << "none was wanted";
}

TEST_F(Server, SecondServerIsRefusedAndADeadOnesSocketReplaced)
{
	open();
	const auto second = ControlServer::open(path, "", handler);
	ASSERT_FALSE(second);
	EXPECT_EQ(second.error().code.value(), EADDRINUSE);
	EXPECT_TRUE(std::filesystem::exists(path));
	server.reset();

	// A server that was killed leaves its name behind.
	UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
	const auto address = socket_address(path);
	ASSERT_EQ(::bind(dead.get(), address->get(), address->length), 0);
	dead.reset();
	open();
	EXPECT_EQ(server->clients(), 0u);
}

TEST_F(Server, AKilledServerThatCannotEndIsReplaced)
{
	const test::HalfDeadProcess killed([&] {
		static auto listening = listen_on(path, "");
		return listening.has_value();
	});
	ASSERT_TRUE(killed.good());
	const auto deadline = std::chrono::steady_clock::now() + 10s;
	bool replaced = false;
	while (!replaced && std::chrono::steady_clock::now() < deadline)
		replaced = listen_on(path, "").has_value();
	EXPECT_TRUE(replaced);
}

TEST_F(Server, WhatIsNoSocketIsNotRemoved)
{
	UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
	const auto opened = ControlServer::open(path, "", handler);
	ASSERT_FALSE(opened);
	EXPECT_EQ(opened.error().code.value(), EADDRINUSE);
	EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(Server, CallsOfOneClientAreAnsweredInOrder)
{
	open();
	const auto fd = raw();
	write(fd, call("Status") + call("Nope") + call("History"));
	const auto text = read(fd);
	const auto status = text.find("swpath.status");
	const auto nope = text.find("MethodNotFound");
	const auto history = text.find("swpath.history");
	ASSERT_NE(history, text.npos);
	EXPECT_LT(status, nope);
	EXPECT_LT(nope, history);
}

TEST_F(Server, OrderIsAnsweredLaterAndTheNextCallWaits)
{
	open();
	const auto fd = raw();
	write(fd, call("Hold", {{"unit", "sw0"}}) + call("Status"));
	EXPECT_EQ(read(fd), "");
	ASSERT_EQ(handler.orders.size(), 1u);
	const auto other = raw();
	write(other, call("Status"));
	EXPECT_NE(read(other).find("swpath.status"), std::string::npos);

	server->answer(handler.orders[0].first, Done{{"hold operator"}, "I/O is held"});
	const auto text = read(fd);
	EXPECT_EQ(text.find("{\"parameters\":{\"messages\":[\"hold operator\"],\"text\":"
			    "\"I/O is held\"}}\0"s),
		  0u);
	EXPECT_NE(text.find("swpath.status"), text.npos);
}

TEST_F(Server, AnswerFromWithinTheOrderArrivesOnce)
{
	open();
	handler.on_call = [&](CallId id) {
		server->answer(id, Refusal{RefusalKind::Unsafe, "no", "wait"});
		server->answer(id, Done{{}, "late"});
	};
	const auto fd = raw();
	write(fd, call("Hold", {{"unit", "sw0"}}));
	EXPECT_EQ(read(fd),
		  "{\"error\":\"io.swpath.Control.Unsafe\",\"parameters\":{\"message\":\"no\","
		  "\"hint\":\"wait\"}}\0"s);
}

TEST_F(Server, AnswerToAClientThatLeftIsDropped)
{
	open();
	auto fd = raw();
	write(fd, call("Hold", {{"unit", "sw0"}}));
	fd.reset();
	server->step(now);
	EXPECT_EQ(server->clients(), 0u);
	server->answer(handler.orders.at(0).first, Done{});
}

TEST_F(Server, OnewayCallGetsNoReply)
{
	open();
	const auto fd = raw();
	write(fd, encode_call({"io.swpath.Control.Status", Json::object(), false, true}) +
			  call("Nope"));
	const auto text = read(fd);
	EXPECT_EQ(text.find("swpath.status"), text.npos);
	EXPECT_EQ(text.find("{\"error\":\"org.varlink.service.MethodNotFound\""), 0u);
}

TEST_F(Server, HalfClosedClientStillGetsItsReply)
{
	open();
	const auto fd = raw();
	write(fd, call("Status"));
	::shutdown(fd.get(), SHUT_WR);
	server->step(now);
	const auto text = read(fd);
	EXPECT_NE(text.find("swpath.status"), text.npos);
	EXPECT_TRUE(text.ends_with("EOF"));
}

TEST_F(Server, GarbageEndsTheConnection)
{
	open();
	for (const auto &bytes :
	     {"x\0"s, "{}\0"s, "[1]\0"s, std::string(100'000, '{'), std::string(20, '\0')}) {
		const auto fd = raw();
		(void)::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
		server->step(now);
		EXPECT_EQ(read(fd), "EOF");
		EXPECT_EQ(server->clients(), 0u);
	}
}

TEST_F(Server, RequestThatNeverEndsIsCutOff)
{
	open();
	const auto fd = raw();
	const Instant began = now;
	for (const char c : "{\"method\""s.substr(0, 8)) {
		write(fd, std::string(1, c));
		now += 600ms;
	}
	ASSERT_TRUE(server->deadline());
	EXPECT_EQ(*server->deadline(), began + limits.request_time);
	EXPECT_EQ(server->clients(), 1u);
	now = began + limits.request_time;
	server->step(now);
	EXPECT_EQ(server->clients(), 0u);
}

TEST_F(Server, SilentClientIsCutOffButNotAStream)
{
	open();
	const auto silent = raw();
	const auto stream = raw();
	write(stream, call("Events", Json::object(), true));
	ASSERT_FALSE(read(stream).empty());
	now += limits.idle_time;
	server->step(now);
	EXPECT_EQ(server->clients(), 1u);
	EXPECT_EQ(read(silent), "EOF");
	EXPECT_EQ(read(stream), "");
}

TEST_F(Server, ClientThatIsAnsweredLateIsNotIdle)
{
	open();
	const auto fd = raw();
	write(fd, call("Hold", {{"unit", "sw0"}}));
	now += limits.idle_time * 2;
	server->step(now);
	EXPECT_EQ(server->clients(), 1u);
}

TEST_F(Server, ClientsAreLimitedAndTheRefusedAreTold)
{
	limits.clients_max = 2;
	open();
	if (::geteuid() == 0) {
		const auto a = raw();
		const auto b = raw();
		const auto c = raw();
		EXPECT_EQ(server->clients(), 2u);
		EXPECT_NE(read(c).find("too many clients"), std::string::npos);
	}
}

TEST_F(Server, RootGetsThePlaceOfTheUnprivilegedClientThatWasSilentForLongest)
{
	if (::geteuid() != 0)
		GTEST_SKIP() << "needs root, to be somebody else for a while";
	limits.clients_max = 2;
	open();
	::chmod(dir.c_str(), 0755);
	::chmod(path.c_str(), 0666);
	ASSERT_EQ(::seteuid(65534), 0);
	const auto first = raw();
	now += 1s;
	const auto second = raw();
	const auto third = raw();
	ASSERT_EQ(::seteuid(0), 0);
	EXPECT_TRUE(read(third).ends_with("EOF"));
	now += 1s;
	write(first, call("Status"));
	EXPECT_FALSE(read(first).empty());

	const auto root = raw();
	write(root, call("Status"));
	EXPECT_NE(read(root).find("swpath.status"), std::string::npos);
	EXPECT_EQ(read(second), "EOF");
	EXPECT_EQ(read(first), "");
}

TEST_F(Server, StreamIsADumpThenEveryChange)
{
	open();
	const auto fd = raw();
	write(fd, call("Events", Json::object(), true));
	auto events = events_in(read(fd));
	ASSERT_EQ(events.size(), 4u);
	EXPECT_EQ(events.back().kind, EventKind::End);
	const auto dumped = events.back().seq;

	server->changed(now);
	EXPECT_EQ(read(fd), "");
	handler.state = testing::report_of(testing::unit_from(testing::proving_line));
	server->changed(now);
	events = events_in(read(fd));
	ASSERT_FALSE(events.empty());
	EXPECT_EQ(events.front().seq, dumped + 1);
	EXPECT_EQ(events.front().changes.at(0), (FieldChange{"state", "online", "verifying"}));
}

TEST_F(Server, StreamOfOneUnitIsSilentAboutOthers)
{
	handler.state.units.push_back(handler.state.units[0]);
	handler.state.units[1].name = "sw1";
	handler.state.units[1].wwid = "naa.2";
	handler.state.units[1].number = DevNumber{253, 4};
	open();
	const auto fd = raw();
	write(fd, call("Events", {{"unit", "sw1"}}, true));
	EXPECT_EQ(events_in(read(fd)).size(), 4u);
	handler.state.units[0].epoch++;
	server->changed(now);
	EXPECT_EQ(read(fd), "");
	handler.state.units[1].epoch++;
	server->changed(now);
	EXPECT_EQ(events_in(read(fd)).size(), 1u);
}

TEST_F(Server, SlowReaderLosesEventsIsToldWhichAndGetsANewDump)
{
	limits.queued_bytes_max = 4096;
	open();
	const auto fd = raw();
	write(fd, call("Events", Json::object(), true));
	const auto dumped = events_in(read(fd)).back().seq;
	const unsigned changes = 5000; // far more than the socket and the queue take
	for (unsigned i = 0; i < changes; i++) {
		handler.state.units[0].epoch++;
		server->changed(now);
	}
	const auto events = events_in(read(fd));
	ASSERT_GT(events.size(), 4u);
	EXPECT_LT(events.size(), changes);
	std::uint64_t expected = dumped;
	std::size_t i = 0;
	for (; i < events.size() && events[i].kind == EventKind::Change; i++)
		EXPECT_EQ(events[i].seq, ++expected);
	ASSERT_LT(i, events.size());
	EXPECT_EQ(events[i].kind, EventKind::Gap);
	EXPECT_EQ(events[i].seq, expected + 1);
	EXPECT_EQ(events.back().kind, EventKind::End);
	EXPECT_EQ(events.back().seq, dumped + changes);
}

TEST_F(Server, ReaderThatReadsNothingAtAllIsCutOff)
{
	limits.queued_bytes_max = 4096;
	open();
	const auto fd = raw();
	write(fd, call("Events", Json::object(), true));
	for (unsigned i = 0; i < 2000; i++) {
		handler.state.units[0].epoch++;
		server->changed(now);
	}
	now = *server->deadline();
	server->step(now);
	EXPECT_EQ(server->clients(), 1u);
	ASSERT_EQ(server->deadline(), now + limits.write_time);
	now = *server->deadline();
	server->step(now);
	EXPECT_EQ(server->clients(), 0u);
}

TEST_F(Server, CallsAreNotReadFasterThanTheirRepliesLeave)
{
	limits.queued_bytes_max = 4096;
	open();
	const auto fd = raw();
	std::size_t sent = 0;
	const std::string one = call("Status");
	while (::send(fd.get(), one.data(), one.size(), MSG_NOSIGNAL) > 0 && sent < 10'000) {
		sent++;
		server->step(now);
	}
	EXPECT_LT(sent, 10'000u) << "the server took every call though nobody read the replies";
	const auto text = read(fd);
	EXPECT_EQ(std::count(text.begin(), text.end(), '\0'), std::ptrdiff_t(sent));
}

/// The client, against a server that runs in a thread of its own.
struct ClientAndServer : Server {
	std::thread thread;
	UniqueFd stop_read, stop_write;

	void run()
	{
		open();
		int ends[2];
		ASSERT_EQ(::pipe(ends), 0);
		stop_read = UniqueFd(ends[0]);
		stop_write = UniqueFd(ends[1]);
		thread = std::thread([this] {
			for (;;) {
				pollfd both[] = {{server->fd(), POLLIN, 0},
						 {stop_read.get(), POLLIN, 0}};
				::poll(both, 2, -1);
				if (both[1].revents)
					return;
				server->step(now);
			}
		});
	}
	void TearDown() override
	{
		stop_write.reset();
		if (thread.joinable())
			thread.join();
		Server::TearDown();
	}
};

TEST_F(ClientAndServer, EveryCallArrivesAndComesBack)
{
	const auto record = SwitchReport{testing::timeout_switch(), "direct sda", "served beta"};
	handler.state.units[0].history = {record};
	handler.on_call = [&](CallId id) {
		if (handler.reloads.empty())
			server->answer(id, Done{{"switch 1 cooperative operator"}, "switching"});
		else
			server->answer(id, std::vector<std::string>{"sw1: added"});
	};
	run();
	auto client = ControlClient::connect(path);
	ASSERT_TRUE(client);
	const auto status = client->status("sw0");
	ASSERT_TRUE(status) << status.error().message;
	EXPECT_EQ(*status, handler.state);
	const auto history = client->history();
	ASSERT_TRUE(history);
	EXPECT_EQ(history->units.at(0).history.at(0), record);
	const auto done = client->order(Verb::Switch, "sw0", "beta", false, false);
	ASSERT_TRUE(done) << done.error().message;
	EXPECT_EQ(done->messages.at(0), "switch 1 cooperative operator");
	const auto reloaded = client->reload(false);
	ASSERT_TRUE(reloaded);
	EXPECT_EQ(reloaded->at(0), "sw1: added");
	const auto missing = client->status("sw9");
	ASSERT_FALSE(missing);
	EXPECT_EQ(missing.error().kind, RefusalKind::NotFound);
	EXPECT_EQ(missing.error().hint, "the units are: sw0");

	ASSERT_TRUE(client->events());
	for (int i = 0; i < 4; i++) {
		const auto event = client->next_event(5s);
		ASSERT_TRUE(event && *event);
	}
	const auto none = client->next_event(1ms);
	ASSERT_TRUE(none);
	EXPECT_FALSE(*none);
}

TEST_F(ClientAndServer, CallThatIsNotAnsweredTimesOut)
{
	run();
	auto client = ControlClient::connect(path, 50ms);
	ASSERT_TRUE(client);
	const auto done = client->order(Verb::Hold, "sw0", "", false, false);
	ASSERT_FALSE(done);
	EXPECT_EQ(done.error().kind, RefusalKind::Timeout);
}

TEST_F(Server, ClientSaysWhenNobodyListens)
{
	const auto none = ControlClient::connect(path);
	ASSERT_FALSE(none);
	EXPECT_EQ(none.error().kind, RefusalKind::NotReachable);
	EXPECT_FALSE(none.error().hint.empty());
	const auto too_long = ControlClient::connect(std::string(200, 'x'));
	ASSERT_FALSE(too_long);
	EXPECT_EQ(too_long.error().kind, RefusalKind::Failed);
}

TEST_F(Server, ServerThatHangsUpIsNotReachable)
{
	open();
	auto client = ControlClient::connect(path);
	ASSERT_TRUE(client);
	server.reset();
	const auto status = client->status();
	ASSERT_FALSE(status);
	EXPECT_EQ(status.error().kind, RefusalKind::NotReachable);
}

TEST_F(Server, ServerThatAcceptsAndSaysNothingTimesOut)
{
	UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
	const auto address = socket_address(path);
	ASSERT_EQ(::bind(fd.get(), address->get(), address->length), 0);
	ASSERT_EQ(::listen(fd.get(), 1), 0);
	auto client = ControlClient::connect(path, 50ms);
	ASSERT_TRUE(client);
	const auto status = client->status();
	ASSERT_FALSE(status);
	EXPECT_EQ(status.error().kind, RefusalKind::Timeout);
}

} // namespace
} // namespace swpath
