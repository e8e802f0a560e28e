// SPDX-License-Identifier: GPL-2.0-or-later
/// The asking side against the real answering side, with TLS over 127.0.0.1.
#include "libpath/control/peer_client.h"

#include <cerrno>
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

using namespace std::chrono_literals;
using Kind = PeerEvent::Kind;
using test::peer_hello;
using testing::HasSubstr;

class PeerClientTest : public TemporaryDirectory
{
protected:
	PeerClientTest()
	{
		const auto file = path("keys");
		std::ofstream(file) << "alpha:00112233445566778899aabbccddeeff\n"
				       "beta:ffeeddccbbaa99887766554433221100\n";
		EXPECT_EQ(chmod(file.c_str(), 0600), 0);
		beta_keys = *PeerKeys::load(file, "beta");
		auto listening = listen_for_peers("127.0.0.1", 0);
		EXPECT_TRUE(listening);
		listener = std::move(*listening);
		sockaddr_in address{};
		socklen_t bytes = sizeof(address);
		getsockname(listener.get(), reinterpret_cast<sockaddr *>(&address), &bytes);
		client.emplace(PeerConfig{"beta", {"127.0.0.1", ntohs(address.sin_port)}},
			       peer_hello("alpha"), *PeerKeys::load(file, "alpha"));
	}
	static PeerHello hello_of(const std::string &name)
	{
		auto hello = peer_hello(name);
		hello.incarnation += name == "alpha" ? 0 : 1;
		return hello;
	}
	/// Both sides go on until the condition holds; at most 10 s.
	template <class Condition>
	bool run(Condition condition)
	{
		const Instant limit = now() + 10s;
		while (now() < limit) {
			(void)client->step(now());
			if (answers) {
				UniqueFd socket(accept4(listener.get(), nullptr, nullptr,
							SOCK_NONBLOCK | SOCK_CLOEXEC));
				if (socket) {
					server = *PeerLink::create(
						std::move(socket), PeerSession::Side::Answers,
						hello_of(answers_as), beta_keys, {}, now());
					server->session().judge_by([this](const PeerHello &) {
						return does_not_want;
					});
				}
			}
			if (server) {
				if (auto events = server->step(now()))
					requests.insert(requests.end(), events->begin(),
							events->end());
				else
					server.reset();
			}
			std::erase_if(requests, [](const PeerEvent &each) {
				return each.kind != Kind::Request;
			});
			if (condition())
				return true;
			(void)poll(nullptr, 0, 1);
		}
		return condition();
	}
	void answer(std::size_t index, PeerStatus status = PeerStatus::Ok)
	{
		PeerAnswer reply;
		reply.verb = requests[index].request.verb;
		reply.id = requests[index].request.id;
		reply.status = status;
		server->session().answer(reply, now());
	}
	void ask(PeerVerb verb, Duration limit)
	{
		PeerRequest request;
		request.verb = verb;
		request.wwid = "naa.6";
		client->ask(request, limit, now(), [this](const Result<PeerAnswer> &result) {
			results.push_back(result);
		});
	}

	std::shared_ptr<const PeerKeys> beta_keys;
	UniqueFd listener;
	std::optional<PeerClient> client;
	std::unique_ptr<PeerLink> server;
	std::vector<PeerEvent> requests;
	std::vector<Result<PeerAnswer>> results;
	bool answers = true;
	std::string answers_as = "beta";
	std::optional<std::string> does_not_want;
};

TEST_F(PeerClientTest, ConnectsByItselfAndGetsAnswers)
{
	ask(PeerVerb::Attest, 5s);
	ASSERT_TRUE(run([&] { return !requests.empty(); }));
	EXPECT_TRUE(client->reachable());
	EXPECT_EQ(client->hello()->name, "beta");
	EXPECT_GT(requests[0].request.deadline_ms, 0U);
	answer(0, PeerStatus::UnknownDisk);
	ASSERT_TRUE(run([&] { return !results.empty(); }));
	ASSERT_TRUE(results[0]);
	EXPECT_EQ(results[0]->status, PeerStatus::UnknownDisk);
}

TEST_F(PeerClientTest, ANewClientOfAPeerDoesNotBeginWithTheIdsOfTheOneBefore)
{
	ask(PeerVerb::Revoke, 8s);
	ASSERT_TRUE(run([&] { return requests.size() == 1; }));
	const auto peer = client->peer();
	client.emplace(peer, peer_hello("alpha"), *PeerKeys::load(path("keys"), "alpha"));
	server.reset();
	ask(PeerVerb::Revoke, 8s);
	ASSERT_TRUE(run([&] { return requests.size() == 2; }));
	EXPECT_NE(requests[1].request.id, requests[0].request.id);
}

TEST_F(PeerClientTest, WhatHasNoAnswerIsSentAgainOnTheNextConnectionWithItsId)
{
	ask(PeerVerb::Revoke, 8s);
	ASSERT_TRUE(run([&] { return requests.size() == 1; }));
	server.reset();
	ASSERT_TRUE(run([&] { return requests.size() == 2; }));
	EXPECT_EQ(requests[1].request.id, requests[0].request.id);
	EXPECT_LE(requests[1].request.deadline_ms, requests[0].request.deadline_ms);
	answer(1);
	ASSERT_TRUE(run([&] { return !results.empty(); }));
	EXPECT_TRUE(results[0]);
}

TEST_F(PeerClientTest, ASilentPeerIsNotWaitedForBeyondTheLimit)
{
	ASSERT_TRUE(run([&] { return client->reachable(); }));
	ask(PeerVerb::LuReset, 100ms);
	// Its own word for it, or none at all.
	ASSERT_TRUE(run([&] { return !results.empty(); }));
	if (results[0]) {
		EXPECT_EQ(results[0]->status, PeerStatus::Timeout);
	} else {
		EXPECT_EQ(results[0].error().code, std::errc::timed_out);
	}
	answers = false;
	server.reset();
	ASSERT_TRUE(run([&] { return !client->reachable(); }));
	ask(PeerVerb::LuReset, 100ms);
	ASSERT_TRUE(run([&] { return results.size() == 2; }));
	ASSERT_FALSE(results[1]);
	EXPECT_EQ(results[1].error().code, std::errc::host_unreachable);
	EXPECT_FALSE(client->trouble().empty());
	EXPECT_TRUE(client->deadline());
}

TEST_F(PeerClientTest, OneThatIsThereIsTriedAnewIfTheLastTryHasComeToNothing)
{
	answers = false;
	(void)client->step(now());
	ASSERT_NE(client->fd(), -1);
	const auto its = hello_of("beta").incarnation;
	EXPECT_FALSE(client->is_there(its, now())) << "it may be answered yet";
	EXPECT_TRUE(client->is_there(its, now() + PeerClient::retry_first));
	EXPECT_EQ(client->fd(), -1);
	EXPECT_LE(client->deadline(), now() + PeerClient::retry_first);
	// The first one was never accepted: it is taken first, and is over.
	UniqueFd first(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
	answers = true;
	ASSERT_TRUE(run([&] { return client->reachable(); })) << client->trouble();
	EXPECT_FALSE(client->is_there(its, now() + 1h)) << "it has what is wanted";
	EXPECT_TRUE(client->reachable());
	EXPECT_TRUE(client->is_there(its + 1, now())) << "that one is gone, and said nothing";
	EXPECT_FALSE(client->reachable());
	EXPECT_LE(client->deadline(), now());
}

TEST_F(PeerClientTest, WhoHasAnotherNameIsNotThePeer)
{
	answers_as = "gamma";
	ASSERT_TRUE(run([&] { return client->trouble().find("gamma") != std::string::npos; }));
	EXPECT_THAT(client->trouble(), HasSubstr("calls itself 'gamma'"));
	EXPECT_FALSE(client->reachable());
}

TEST_F(PeerClientTest, ThisHostItselfIsNotThePeer)
{
	answers_as = "alpha";
	ASSERT_TRUE(run([&] { return client->trouble().find("itself") != std::string::npos; }));
	EXPECT_THAT(client->trouble(), HasSubstr("this host itself answers there"));
	EXPECT_FALSE(client->reachable());
}

TEST_F(PeerClientTest, WhyItIsTurnedAwayIsSaidAndToldOnce)
{
	unsigned told = 0;
	does_not_want = "'alpha' is no peer of mine";
	ASSERT_TRUE(run([&] { return client->trouble().find("mine") != std::string::npos; }));
	EXPECT_THAT(client->trouble(), testing::EndsWith(": it says: 'alpha' is no peer of mine"));
	EXPECT_FALSE(client->reachable());
	for (const Instant limit = now() + 1s; now() < limit;) {
		told += client->step(now());
		(void)run([] { return true; });
	}
	EXPECT_LE(told, 1U);
	does_not_want.reset();
	EXPECT_TRUE(run([&] { return client->reachable(); }));
	EXPECT_EQ(client->trouble(), "");
}

} // namespace
} // namespace swpath
