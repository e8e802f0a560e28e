// SPDX-License-Identifier: GPL-2.0-or-later
/// Two pathds' peers, in one process, over 127.0.0.1 and with TLS.
#include "pathd/peers.h"

#include <cerrno>
#include <fstream>
#include <list>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpath/sys/clock.h"
#include "pathd/log.h"
#include "tests/unit/pathd/free_port.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

class PeersTest : public TemporaryDirectory
{
protected:
	PeersTest()
	{
		if (!own_hello("beta"))
			return;
		keys = path("keys");
		std::ofstream(keys) << "alpha:00112233445566778899aabbccddeeff\n"
				       "beta:ffeeddccbbaa99887766554433221100\n"
				       "mallory:0f0e0d0c0b0a09080706050403020100\n";
		EXPECT_EQ(chmod(keys.c_str(), 0600), 0);
		port = free_port();
		do
			alpha_port = free_port();
		while (alpha_port == port);
		disk.direct = true;
		disk.serving = true;
		disk.epoch = 7;
		ClusterConfig config = member("beta");
		config.listen = HostAddress{"127.0.0.1", port};
		config.peers = {{"alpha", {"127.0.0.1", alpha_port}}};
		auto created = Peers::create(
			config, {.disk = [this](const std::string &wwid,
						const std::string &) -> std::optional<PeerDisk> {
					 return wwid == "naa.6" ? std::optional(disk)
								: std::nullopt;
				 },
				 .carry_out =
					 [this](const PeerOrder &order, const std::string &from) {
						 orders.push_back(order);
						 address = from;
					 },
				 .changed = [] {},
				 .cast = [](const Member &, std::string_view) {}});
		EXPECT_TRUE(created) << created.error().message();
		beta = std::move(*created);
	}
	void SetUp() override
	{
		if (!beta)
			GTEST_SKIP() << "this host has no /etc/machine-id";
	}
	[[nodiscard]] ClusterConfig member(const std::string &name) const
	{
		ClusterConfig config;
		config.name = name;
		config.key_file = keys;
		return config;
	}
	std::unique_ptr<Peers> asker(const std::string &name, bool configured = true)
	{
		auto config = member(name);
		if (configured)
			config.peers = {{"beta", {"127.0.0.1", port}}};
		return peers(config);
	}
	std::unique_ptr<Peers> peers(const ClusterConfig &config)
	{
		auto created = Peers::create(
			config, {.disk = [](const std::string &,
					    const std::string &) { return std::nullopt; },
				 .carry_out = [](const PeerOrder &, const std::string &) {},
				 .changed = [this] { changes++; },
				 .cast = [](const Member &, std::string_view) {}});
		EXPECT_TRUE(created) << created.error().message();
		return std::move(*created);
	}
	template <class Condition>
	bool run(Peers &other, Condition condition)
	{
		const Instant limit = now() + 10s;
		while (now() < limit) {
			other.step(now());
			beta->step(now());
			if (condition())
				return true;
			pollfd ready[] = {{other.fd(), POLLIN, 0}, {beta->fd(), POLLIN, 0}};
			(void)poll(ready, 2, 10);
		}
		return condition();
	}
	void ask(Peers &from, PeerVerb verb, std::uint64_t epoch)
	{
		PeerRequest request;
		request.verb = verb;
		request.wwid = "naa.6";
		request.epoch = epoch;
		from.client("beta")->ask(request, 5s, now(),
					 [this](const auto &result) { results.push_back(result); });
	}

	std::string keys;
	std::uint16_t port = 0, alpha_port = 0;
	PeerDisk disk;
	std::unique_ptr<Peers> beta;
	std::vector<PeerOrder> orders;
	std::string address;
	std::vector<Result<PeerAnswer>> results;
	unsigned changes = 0;
};

TEST_F(PeersTest, AQuestionIsAnsweredAndAnOrderCarriedOut)
{
	auto alpha = asker("alpha");
	EXPECT_EQ(alpha->client("gamma"), nullptr);
	ask(*alpha, PeerVerb::Attest, 0);
	ASSERT_TRUE(run(*alpha, [&] { return !results.empty(); }));
	ASSERT_TRUE(results[0]);
	EXPECT_EQ(results[0]->epoch, 7U);
	EXPECT_EQ(changes, 1U);

	ask(*alpha, PeerVerb::Revoke, 7);
	ASSERT_TRUE(run(*alpha, [&] { return !orders.empty(); }));
	EXPECT_EQ(orders[0].client, "alpha");
	EXPECT_EQ(orders[0].request.epoch, 7U);
	EXPECT_EQ(address, "127.0.0.1");
	PeerAnswer answer;
	answer.ended = 5;
	beta->done(orders[0].token, answer);
	ASSERT_TRUE(run(*alpha, [&] { return results.size() == 2; }));
	ASSERT_TRUE(results[1]);
	EXPECT_EQ(results[1]->ended, 5U);
}

TEST_F(PeersTest, WhoAsksIsAskedBackAtOnce)
{
	// In vain, until the next try is far away.
	for (unsigned i = 0; i < 8; i++)
		beta->step(now() + i * 10s);
	ASSERT_EQ(beta->client("alpha")->fd(), -1);
	ASSERT_GT(beta->client("alpha")->deadline(), now() + 20s);
	auto config = member("alpha");
	config.listen = HostAddress{"127.0.0.1", alpha_port};
	config.peers = {{"beta", {"127.0.0.1", port}}};
	const auto alpha = peers(config);
	EXPECT_TRUE(run(*alpha, [&] {
		return alpha->client("beta")->reachable() && beta->client("alpha")->reachable();
	})) << beta->client("alpha")->trouble();
}

TEST_F(PeersTest, ThereIsRoomForAllThatACompleteClusterHasAndMore)
{
	EXPECT_GE(Peers::links_max, 2 * cluster_hosts_max);
	std::list<std::unique_ptr<Peers>> all;
	for (unsigned i = 0; i < 40; i++)
		all.push_back(asker("alpha"));
	EXPECT_TRUE(run(*all.front(), [&] {
		std::size_t there = 0;
		for (auto &each : all) {
			each->step(now());
			there += each->client("beta")->reachable() ? 1 : 0;
		}
		return there == all.size();
	}));
}

TEST_F(PeersTest, APeerThatIsThisMachineIsNamed)
{
	auto alpha = asker("alpha");
	EXPECT_EQ(alpha->trouble_of("beta"), "");
	ASSERT_TRUE(run(*alpha, [&] { return alpha->client("beta")->reachable(); }));
	// Both are in this process.
	EXPECT_EQ(alpha->trouble_of("beta"), same_machine);
	EXPECT_EQ(alpha->trouble_of("nobody"), "");
}

/// As long as it lives this process gets no descriptor.
class NoDescriptors
{
public:
	NoDescriptors()
	{
		// UBSan reads an object's type through a pipe, and takes one that it cannot make
		// for a wrong type; what it has seen it remembers.
		const Error seen{std::make_error_code(std::errc::io_error), "none"};
		log::say(log::Message::Warning, {}, "{}; seen before", seen.message());
		EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
		const UniqueFd next(dup(STDERR_FILENO));
		rlimit less = before_;
		less.rlim_cur = static_cast<rlim_t>(next.get());
		EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &less), 0);
	}
	NoDescriptors(const NoDescriptors &) = delete;
	NoDescriptors &operator=(const NoDescriptors &) = delete;
	~NoDescriptors() { (void)setrlimit(RLIMIT_NOFILE, &before_); }

private:
	rlimit before_{};
};

TEST_F(PeersTest, WithoutADescriptorItWaitsBeforeItAcceptsAgain)
{
	auto config = member("beta");
	config.listen = HostAddress{"127.0.0.1", free_port()};
	config.discover = HostDiscovery::DnsSd; // whoever has a key may ask
	const auto server = peers(config);
	const auto readable = [&](int limit_ms) {
		pollfd watched{server->fd(), POLLIN, 0};
		return poll(&watched, 1, limit_ms) == 1;
	};
	auto asking = member("alpha");
	asking.peers = {{"beta", *config.listen}};
	const auto alpha = peers(asking);
	alpha->step(now());
	ASSERT_TRUE(readable(5000));
	const auto began = now();
	{
		const NoDescriptors none;
		server->step(began);
		EXPECT_FALSE(readable(0)) << "it would wake the loop without end";
		ASSERT_TRUE(server->deadline());
		EXPECT_LE(*server->deadline(), began + 1s);
		server->step(*server->deadline());
		EXPECT_FALSE(readable(0)) << "and again";
	}
	server->step(began + 100ms);
	EXPECT_FALSE(readable(0)) << "its time has not come";
	ASSERT_TRUE(run(*alpha, [&] {
		server->step(now() + 2s);
		return alpha->client("beta")->reachable();
	}));
}

TEST_F(PeersTest, WhoHasAKeyButIsNoPeerIsTurnedAway)
{
	auto mallory = asker("mallory");
	ask(*mallory, PeerVerb::Revoke, 7);
	(void)run(*mallory, [&] { return !results.empty(); });
	ASSERT_EQ(results.size(), 1U);
	EXPECT_FALSE(results[0]);
	EXPECT_TRUE(orders.empty());
	EXPECT_EQ(mallory->client("beta")->trouble(),
		  fmt::format("beta at 127.0.0.1:{}: it says: 'mallory' is no [[cluster.peer]] of "
			      "'beta'",
			      port));
}

TEST_F(PeersTest, WhoIsCalledAsThisHostIsTurnedAwayAndToldWhy)
{
	auto other = asker("beta");
	ASSERT_TRUE(run(*other, [&] {
		return other->client("beta")->trouble().find("two hosts") != std::string::npos;
	}));
	EXPECT_EQ(other->client("beta")->trouble(),
		  fmt::format("beta at 127.0.0.1:{}: it says: two hosts are called 'beta' in "
			      "[cluster]; give each its own name",
			      port));
}

TEST_F(PeersTest, WhoHasTheNameOfAPeerThatAnswersElsewhereIsTurnedAway)
{
	auto config = member("alpha");
	config.listen = HostAddress{"127.0.0.1", free_port()};
	config.peers = {{"beta", {"127.0.0.1", port}}};
	auto alpha = peers(config);
	ASSERT_TRUE(run(*alpha, [&] { return alpha->client("beta")->reachable(); }));

	const auto beta_keys = PeerKeys::load(keys, "beta");
	ASSERT_TRUE(beta_keys);
	auto hello = *own_hello("beta");
	hello.host[0] ^= 1;
	auto socket = connect_peer("127.0.0.1", config.listen->port);
	ASSERT_TRUE(socket);
	auto link = PeerLink::create(std::move(*socket), PeerSession::Side::Asks, hello, *beta_keys,
				     {}, now());
	ASSERT_TRUE(link);
	std::string why;
	ASSERT_TRUE(run(*alpha, [&] {
		const auto events = (*link)->step(now());
		why = events ? "" : events.error().context;
		return !events;
	}));
	EXPECT_EQ(why, fmt::format("it says: two hosts are called 'beta' in [cluster], and the one "
				   "at 127.0.0.1:{} is the [[cluster.peer]] of 'alpha'; give each "
				   "its own name",
				   port));
	EXPECT_TRUE(alpha->client("beta")->reachable());
}

/// Two hosts with a file each, as an administrator copies it to one after the other.
class KeyExchange : public PeersTest
{
protected:
	void SetUp() override
	{
		PeersTest::SetUp();
		if (IsSkipped())
			return;
		auto config = member("alpha");
		config.key_file = path("alpha-keys");
		config.listen = HostAddress{"127.0.0.1", alpha_port};
		config.peers = {{"beta", {"127.0.0.1", port}}};
		put(config.key_file, old_keys);
		put(keys, old_keys);
		load(*beta, keys, "beta");
		alpha = peers(config);
		ASSERT_TRUE(both_reach());
	}
	static void put(const std::string &file, const std::string &text)
	{
		std::ofstream(file) << text;
		EXPECT_EQ(chmod(file.c_str(), 0600), 0);
	}
	/// A reload of pathd.
	static void load(Peers &of, const std::string &file, const std::string &name)
	{
		auto fresh = PeerKeys::load(file, name);
		ASSERT_TRUE(fresh) << fresh.error().message();
		of.set_keys(std::move(*fresh));
	}
	bool both_reach()
	{
		return run(*alpha, [&] {
			return alpha->client("beta")->reachable() &&
			       beta->client("alpha")->reachable();
		});
	}
	/// Both hosts ask each other anew.
	bool both_connect()
	{
		alpha->client("beta")->hang_up("a test", now());
		beta->client("alpha")->hang_up("a test", now());
		return both_reach();
	}

	const std::string old_keys = "alpha:00112233445566778899aabbccddeeff\n"
				     "beta:ffeeddccbbaa99887766554433221100\n";
	const std::string new_keys = "alpha#2:102132435465768798a9bacbdcedfe0f\n"
				     "beta#2:f0e1d2c3b4a5968778695a4b3c2d1e0f\n";
	std::unique_ptr<Peers> alpha;
};

TEST_F(KeyExchange, WhileKeysAreExchangedNobodyIsCutOff)
{
	for (const auto &step : {old_keys + new_keys, new_keys + old_keys, new_keys}) {
		// One host after the other, and connections break at every moment.
		put(path("alpha-keys"), step);
		EXPECT_TRUE(both_connect()) << "a file that was not loaded changes nothing";
		load(*alpha, path("alpha-keys"), "alpha");
		EXPECT_TRUE(both_connect()) << "alpha alone has\n" << step;
		put(keys, step);
		load(*beta, keys, "beta");
		EXPECT_TRUE(both_connect()) << "both have\n" << step;
	}
	EXPECT_EQ(alpha->data_key()->user, "alpha#2") << "for the data, too";
	ask(*alpha, PeerVerb::Revoke, 7);
	ASSERT_TRUE(run(*alpha, [&] { return !orders.empty(); }));
	EXPECT_EQ(orders[0].client, "alpha") << "the same host by all of its keys";
}

TEST_F(KeyExchange, ConnectionsStayAndWhoHasNotLoadedTheKeysIsToldWhy)
{
	put(keys, new_keys);
	load(*beta, keys, "beta");
	ask(*alpha, PeerVerb::Attest, 0);
	ASSERT_TRUE(run(*alpha, [&] { return !results.empty(); }));
	EXPECT_TRUE(results[0]) << "the connection is as it was";
	alpha->client("beta")->hang_up("a test", now());
	ASSERT_TRUE(run(*alpha, [&] {
		return alpha->client("beta")->trouble().find("not the same key") !=
		       std::string::npos;
	})) << alpha->client("beta")->trouble();
	put(path("alpha-keys"), new_keys);
	load(*alpha, path("alpha-keys"), "alpha");
	EXPECT_TRUE(both_connect());
}

TEST_F(PeersTest, AFoundPeerIsAskedAndAnotherThatIsNotFoundAnyMoreIsNot)
{
	auto alpha = asker("alpha", false);
	EXPECT_EQ(alpha->client("beta"), nullptr);
	alpha->set_found({{"beta", {"127.0.0.1", port}, true}});
	ask(*alpha, PeerVerb::Attest, 0);
	ASSERT_TRUE(run(*alpha, [&] { return !results.empty(); }));
	EXPECT_TRUE(results[0]);
	EXPECT_EQ(alpha->answering(), std::set<std::string>{"beta"});
	// What waits for an answer then has none to wait for.
	ask(*alpha, PeerVerb::Attest, 0);
	alpha->set_found({});
	ASSERT_EQ(results.size(), 2U);
	EXPECT_FALSE(results[1]);
	EXPECT_EQ(alpha->client("beta"), nullptr);
	EXPECT_TRUE(alpha->answering().empty());
	EXPECT_TRUE(alpha->config().peers.empty());
}

TEST_F(PeersTest, OneThatWasFoundUnderAnotherNameIsNotTakenForThatHost)
{
	auto alpha = asker("alpha", false);
	alpha->set_found({{"gamma", {"127.0.0.1", port}, true}});
	ASSERT_TRUE(run(*alpha, [&] {
		return alpha->client("gamma")->trouble().find("calls itself 'beta'") !=
		       std::string::npos;
	}));
	EXPECT_TRUE(alpha->answering().empty());
}

TEST_F(PeersTest, WhereHostsFindEachOtherWhoHasAKeyMayAsk)
{
	auto config = member("alpha");
	config.listen = HostAddress{"127.0.0.1", free_port()};
	config.discover = HostDiscovery::DnsSd;
	auto alpha = peers(config);
	auto stranger = member("mallory");
	stranger.peers = {{"alpha", *config.listen}};
	auto mallory = peers(stranger);
	EXPECT_TRUE(run(*alpha, [&] {
		mallory->step(now());
		return mallory->client("alpha")->reachable();
	}));
}

TEST_F(PeersTest, BytesThatAreNoMessageEndTheConnectionAndNothingElse)
{
	auto alpha = asker("alpha");
	const auto nobody = connect_peer("127.0.0.1", port);
	ASSERT_TRUE(nobody);
	const std::string garbage(300, 'x');
	ASSERT_TRUE(run(*alpha, [&] {
		return send(nobody->get(), garbage.data(), garbage.size(), MSG_NOSIGNAL) > 0;
	}));
	ASSERT_TRUE(run(*alpha, [&] {
		char byte = 0;
		const auto got = recv(nobody->get(), &byte, 1, 0);
		return got == 0 || (got < 0 && errno == ECONNRESET);
	}));
	ask(*alpha, PeerVerb::Attest, 0);
	ASSERT_TRUE(run(*alpha, [&] { return !results.empty(); }));
	EXPECT_TRUE(results[0]);
}

} // namespace
} // namespace swpath
