// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/peer_link.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "libpath/sys/clock.h"
#include "tests/unit/control/peer_messages.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using Kind = PeerEvent::Kind;
using Side = PeerSession::Side;
using test::peer_hello;
using testing::HasSubstr;

constexpr auto key_a = "00112233445566778899aabbccddeeff";
constexpr auto key_b = "ffeeddccbbaa99887766554433221100";

/// Two ends of a real connection over 127.0.0.1, with real TLS.
class PeerLinkTest : public TemporaryDirectory
{
protected:
	std::string file(const std::string &name, const std::string &text, mode_t mode = 0600)
	{
		const auto full = path(name);
		std::ofstream(full) << text;
		EXPECT_EQ(chmod(full.c_str(), mode), 0);
		return full;
	}
	std::shared_ptr<const PeerKeys> keys(const std::string &name, const std::string &lines)
	{
		auto loaded = PeerKeys::load(file("keys-" + name, lines), name);
		EXPECT_TRUE(loaded) << loaded.error().message();
		return *loaded;
	}
	std::pair<UniqueFd, UniqueFd> sockets()
	{
		const auto listener = listen_for_peers("127.0.0.1", 0);
		EXPECT_TRUE(listener) << listener.error().message();
		sockaddr_in address{};
		socklen_t bytes = sizeof(address);
		getsockname(listener->get(), reinterpret_cast<sockaddr *>(&address), &bytes);
		auto client = connect_peer("127.0.0.1", ntohs(address.sin_port));
		EXPECT_TRUE(client) << client.error().message();
		pollfd ready{listener->get(), POLLIN, 0};
		EXPECT_EQ(poll(&ready, 1, 5000), 1);
		UniqueFd server(
			accept4(listener->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
		EXPECT_TRUE(server);
		return {std::move(*client), std::move(server)};
	}
	/// One end; what happened to it is kept.
	struct End {
		std::unique_ptr<PeerLink> link;
		std::vector<PeerEvent> events;
		std::optional<Error> over;

		void step()
		{
			if (over)
				return;
			auto result = link->step(now());
			if (!result) {
				over = result.error();
				link.reset();
				return;
			}
			events.insert(events.end(), result->begin(), result->end());
		}
	};
	static End end(UniqueFd socket, Side side, const std::string &name,
		       std::shared_ptr<const PeerKeys> keys, const PeerLimits &limits = {})
	{
		auto link = PeerLink::create(std::move(socket), side, peer_hello(name),
					     std::move(keys), limits, now());
		EXPECT_TRUE(link) << link.error().message();
		return {std::move(*link), {}, {}};
	}
	/// Until the condition holds; at most 10 s.
	template <class Condition>
	static bool run(End &a, End &b, Condition condition)
	{
		const Instant limit = now() + std::chrono::seconds(10);
		while (now() < limit) {
			a.step();
			b.step();
			if (condition())
				return true;
			std::vector<pollfd> fds;
			for (const auto *each : {&a, &b})
				if (each->link)
					fds.push_back(
						{each->link->fd(),
						 static_cast<short>(
							 POLLIN |
							 (each->link->wants_write() ? POLLOUT : 0)),
						 0});
			(void)poll(fds.data(), fds.size(), 10);
		}
		return condition();
	}
};

TEST_F(PeerLinkTest, PeersOfOneClusterTalk)
{
	const auto lines = std::string("alpha:") + key_a + "\nbeta:" + key_b + "\n";
	auto [client, server] = sockets();
	auto asks = end(std::move(client), Side::Asks, "alpha", keys("alpha", lines));
	auto answers = end(std::move(server), Side::Answers, "beta", keys("beta", lines));
	ASSERT_TRUE(run(asks, answers,
			[&] { return !asks.events.empty() && !answers.events.empty(); }));
	EXPECT_EQ(asks.events[0].kind, Kind::Ready);
	EXPECT_EQ(answers.link->peer_name(), "alpha");
	EXPECT_EQ(asks.link->session().hello()->name, "beta");

	PeerRequest request;
	request.verb = PeerVerb::Keys;
	request.id = 5;
	request.deadline_ms = 5000;
	request.wwid = "naa.6";
	ASSERT_TRUE(asks.link->session().ask(request, now()));
	ASSERT_TRUE(run(asks, answers, [&] { return answers.events.size() == 2; }));
	// A session says when, and takes the way off the deadline.
	const auto &came = answers.events[1].request;
	EXPECT_LE(came.deadline_ms, request.deadline_ms);
	request.clock = came.clock;
	request.deadline_ms = came.deadline_ms;
	EXPECT_EQ(came, request);
	// As much as a frame can hold, in several TLS records.
	PeerAnswer answer;
	answer.verb = PeerVerb::Keys;
	answer.id = 5;
	answer.keys.assign(1500, 42);
	answers.link->session().answer(answer, now());
	ASSERT_TRUE(run(asks, answers, [&] { return asks.events.size() == 2; }));
	answer.clock = asks.events[1].answer.clock;
	EXPECT_EQ(asks.events[1].answer, answer);

	answers.link.reset();
	answers.over = Error{};
	ASSERT_TRUE(run(asks, answers, [&] { return asks.over.has_value(); }));
}

// The loop has other things to do.
TEST_F(PeerLinkTest, AFloodIsTakenAPieceAtATime)
{
	const auto lines = std::string("alpha:") + key_a + "\nbeta:" + key_b + "\n";
	auto [client, server] = sockets();
	const int room = 4 << 20;
	ASSERT_EQ(setsockopt(server.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	auto asks = end(std::move(client), Side::Asks, "alpha", keys("alpha", lines));
	auto answers = end(std::move(server), Side::Answers, "beta", keys("beta", lines));
	ASSERT_TRUE(run(asks, answers,
			[&] { return !asks.events.empty() && !answers.events.empty(); }));
	// Nobody has asked: they mean nothing.
	PeerAnswer nothing;
	nothing.verb = PeerVerb::LuReset;
	std::string flood;
	for (nothing.id = 1; flood.size() < std::size_t(room); nothing.id++)
		flood += encode(nothing);
	answers.link->session().output() = flood;
	answers.step();
	ASSERT_FALSE(answers.over);
	ASSERT_FALSE(asks.over);
	asks.step();
	ASSERT_FALSE(asks.over);
	pollfd more{asks.link->fd(), POLLIN, 0};
	EXPECT_EQ(poll(&more, 1, 0), 1) << "it has read to the end";
	EXPECT_TRUE(run(asks, answers,
			[&] { return answers.link && answers.link->session().output().empty(); }));
	EXPECT_FALSE(asks.over);
}

TEST_F(PeerLinkTest, AWrongKeyOrAnUnknownNameGetsNoFurther)
{
	for (const bool unknown : {false, true}) {
		auto [client, server] = sockets();
		const std::string name = unknown ? "mallory" : "alpha";
		auto asks = end(std::move(client), Side::Asks, name,
				keys(name, name + ":" + key_b + "\n"));
		auto answers =
			end(std::move(server), Side::Answers, "beta",
			    keys("beta", std::string("alpha:") + key_a + "\nbeta:" + key_a + "\n"));
		ASSERT_TRUE(run(asks, answers, [&] { return asks.over && answers.over; }));
		EXPECT_THAT(answers.over->message(), HasSubstr("not the same key for"));
		EXPECT_THAT(asks.over->message(), HasSubstr("not the same key for"));
		EXPECT_TRUE(asks.events.empty());
		EXPECT_TRUE(answers.events.empty());
	}
}

TEST_F(PeerLinkTest, AHostIsKnownByAnyOfItsKeysAndNoHandshakeReadsTheFile)
{
	const auto lines =
		std::string("alpha:") + key_a + "\nbeta:" + key_b + "\nalpha#2:" + key_b + "\n";
	const auto beta_keys = keys("beta", lines);
	std::filesystem::remove(path("keys-beta"));
	for (const auto &own : {std::string("alpha:") + key_a, std::string("alpha#2:") + key_b}) {
		auto [client, server] = sockets();
		auto asks = end(std::move(client), Side::Asks, "alpha", keys("alpha", own + "\n"));
		auto answers = end(std::move(server), Side::Answers, "beta", beta_keys);
		ASSERT_TRUE(run(asks, answers, [&] {
			return !asks.events.empty() && !answers.events.empty();
		})) << own;
		EXPECT_EQ(answers.link->peer_name(), "alpha");
	}
}

TEST_F(PeerLinkTest, WhoSpeaksNoTlsGetsNoFurther)
{
	auto [client, server] = sockets();
	auto answers = end(std::move(server), Side::Answers, "beta",
			   keys("beta", std::string("beta:") + key_a + "\n"));
	End nobody;
	nobody.over = Error{};
	const auto hello = encode(test::peer_requests().front());
	ASSERT_EQ(send(client.get(), hello.data(), hello.size(), MSG_NOSIGNAL),
		  static_cast<ssize_t>(hello.size()));
	ASSERT_TRUE(run(answers, nobody, [&] { return answers.over.has_value(); }));
	EXPECT_EQ(answers.over->code, std::errc::protocol_error);
}

TEST_F(PeerLinkTest, WhoSaysNothingIsNotWaitedForWithoutEnd)
{
	auto [client, server] = sockets();
	const PeerLimits limits{.hello = std::chrono::milliseconds(50)};
	auto answers = end(std::move(server), Side::Answers, "beta",
			   keys("beta", std::string("beta:") + key_a + "\n"), limits);
	End nobody;
	nobody.over = Error{};
	ASSERT_TRUE(run(answers, nobody, [&] { return answers.over.has_value(); }));
	EXPECT_EQ(answers.over->code, std::errc::timed_out);
}

TEST_F(PeerLinkTest, NobodyListensIsSaid)
{
	const auto listener = listen_for_peers("127.0.0.1", 0);
	sockaddr_in address{};
	socklen_t bytes = sizeof(address);
	getsockname(listener->get(), reinterpret_cast<sockaddr *>(&address), &bytes);
	const auto port = ntohs(address.sin_port);
	shutdown(listener->get(), SHUT_RDWR);
	auto client = connect_peer("127.0.0.1", port);
	if (client) {
		auto asks = end(std::move(*client), Side::Asks, "alpha",
				keys("alpha", std::string("alpha:") + key_a + "\n"));
		End nobody;
		nobody.over = Error{};
		ASSERT_TRUE(run(asks, nobody, [&] { return asks.over.has_value(); }));
		EXPECT_EQ(asks.over->code, std::errc::connection_refused);
	}
	EXPECT_EQ(connect_peer("no number", 1).error().code, std::errc::invalid_argument);
}

TEST_F(PeerLinkTest, AKeyFileThatIsOfNoUseIsRefusedWithTheReason)
{
	const auto message = [&](const std::string &of, const std::string &name) {
		const auto loaded = PeerKeys::load(of, name);
		return loaded ? std::string("no error") : loaded.error().message();
	};
	EXPECT_THAT(message(path("none"), "alpha"), HasSubstr("No such file"));
	EXPECT_THAT(message(file("open", std::string("alpha:") + key_a, 0644), "alpha"),
		    HasSubstr("others may read"));
	EXPECT_THAT(message(file("other", std::string("alphabet:") + key_a), "alpha"),
		    HasSubstr("no line begins with 'alpha:'"));
	EXPECT_THAT(message(file("short", "alpha:0011"), "alpha"), HasSubstr("at least 16"));
	EXPECT_THAT(message(file("text", "alpha:this is no hexadecimal number at all"), "alpha"),
		    HasSubstr("line 1: not USER:KEY with KEY in hexadecimal"));
}

} // namespace
} // namespace swpath
