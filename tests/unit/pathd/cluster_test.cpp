// SPDX-License-Identifier: GPL-2.0-or-later
/// Three hosts of a static cluster in one process, over 127.0.0.1 and with TLS.
#include "pathd/cluster.h"

#include <algorithm>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include "libpath/sys/clock.h"
#include "pathd/static_engine.h"
#include "tests/unit/pathd/free_port.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::ElementsAre;

/// Every member says its name; the state is who said it.
class Names final : public SyncService
{
public:
	explicit Names(std::string own) : own_(std::move(own)) {}
	[[nodiscard]] ServiceId id() const override { return ServiceId::ServerDirectory; }
	void sync_init(const SyncRound &) override { gathered_.clear(); }
	[[nodiscard]] SyncOutput sync_process() override { return {{own_}, true}; }
	void sync_receive(const Member &, std::string_view message) override
	{
		gathered_.emplace_back(message);
	}
	void sync_activate() override
	{
		active = gathered_;
		std::sort(active.begin(), active.end());
	}
	void sync_abort() override { gathered_.clear(); }

	std::vector<std::string> active;

private:
	std::string own_;
	std::vector<std::string> gathered_;
};

struct Host {
	explicit Host(const std::string &name) : names(name) {}

	Names names;
	std::unique_ptr<Peers> peers;
	std::unique_ptr<Cluster> cluster; ///< ends before the peers
	StaticEngine *engine = nullptr;
	bool frozen = false;

	void step()
	{
		if (frozen)
			return;
		peers->step(now());
		if (cluster->step(now()))
			peers->step(now());
	}
	[[nodiscard]] ClusterReport report() const
	{
		ClusterReport report;
		cluster->report(report);
		return report;
	}
};

class StaticClusterTest : public TemporaryDirectory
{
protected:
	void SetUp() override
	{
		if (!own_hello("beta"))
			GTEST_SKIP() << "this host has no /etc/machine-id";
		std::ofstream(path("keys")) << "alpha:00112233445566778899aabbccddeeff\n"
					       "beta:ffeeddccbbaa99887766554433221100\n"
					       "gamma:0f0e0d0c0b0a09080706050403020100\n";
		EXPECT_EQ(chmod(path("keys").c_str(), 0600), 0);
		for (const auto *name : {"alpha", "beta", "gamma"})
			ports[name] = free_port();
		for (const auto &[name, port] : ports)
			start(name);
	}
	void start(const std::string &name)
	{
		ClusterConfig config;
		config.name = name;
		config.key_file = path("keys");
		config.listen = HostAddress{"127.0.0.1", ports[name]};
		for (const auto &[other, port] : ports)
			if (other != name)
				config.peers.push_back({other, {"127.0.0.1", port}});
		auto host = std::make_unique<Host>(name);
		auto *at = host.get();
		auto peers = Peers::create(
			config,
			{.disk = [](const std::string &,
				    const std::string &) { return std::nullopt; },
			 .carry_out = [](const PeerOrder &, const std::string &) {},
			 .changed = [at] { at->engine->links_changed(); },
			 .cast = [at](const Member &from,
				      std::string_view frame) { at->engine->take(from, frame); }});
		ASSERT_TRUE(peers) << peers.error().message();
		host->peers = std::move(*peers);
		auto engine = std::make_unique<StaticEngine>(*host->peers);
		host->engine = engine.get();
		host->cluster = std::make_unique<Cluster>(host->peers->self(), std::move(engine),
							  std::vector<SyncService *>{&host->names});
		hosts[name] = std::move(host);
	}
	template <class Condition>
	bool run(Condition condition, Duration limit = 30s)
	{
		for (const Instant end = now() + limit; now() < end;) {
			for (auto &[name, host] : hosts)
				host->step();
			if (condition())
				return true;
			std::vector<pollfd> ready;
			for (auto &[name, host] : hosts)
				if (!host->frozen)
					ready.push_back({host->peers->fd(), POLLIN, 0});
			(void)poll(ready.data(), ready.size(), 10);
		}
		return condition();
	}
	/// They, and nobody else, are complete with each other in one epoch.
	bool together(const std::vector<std::string> &names)
	{
		const auto epoch = hosts[names.front()]->report().epoch;
		return std::all_of(names.begin(), names.end(), [&](const auto &name) {
			const auto report = hosts[name]->report();
			return report.phase == RecoveryPhase::Complete && report.members == names &&
			       report.epoch == epoch && hosts[name]->names.active == names;
		});
	}

	std::map<std::string, std::uint16_t> ports;
	std::map<std::string, std::unique_ptr<Host>> hosts;
};

TEST_F(StaticClusterTest, HostsRecoverTogetherAndWithoutThoseThatEndAndWithThemAgain)
{
	ASSERT_TRUE(run([&] { return together({"alpha", "beta", "gamma"}); }));
	const auto epoch = hosts["alpha"]->report().epoch;
	// Over real connections it takes a while.
	EXPECT_GT(hosts["alpha"]->report().recovery_us, 0U);
	hosts.erase("gamma");
	ASSERT_TRUE(run([&] { return together({"alpha", "beta"}); }));
	EXPECT_GT(hosts["alpha"]->report().epoch, epoch);
	// Another life of the same host.
	start("gamma");
	ASSERT_TRUE(run([&] { return together({"alpha", "beta", "gamma"}); }));
}

TEST_F(StaticClusterTest, AHostThatStandsStillIsLeftOutAndTakenInAgain)
{
	ASSERT_TRUE(run([&] { return together({"alpha", "beta", "gamma"}); }));
	hosts["gamma"]->frozen = true;
	ASSERT_TRUE(run([&] { return together({"alpha", "beta"}); }));
	EXPECT_FALSE(hosts["alpha"]->peers->client("gamma")->reachable());
	EXPECT_THAT(hosts["alpha"]->peers->client("gamma")->trouble(), testing::HasSubstr("gamma"));
	hosts["gamma"]->frozen = false;
	ASSERT_TRUE(run([&] { return together({"alpha", "beta", "gamma"}); }));
}

} // namespace
} // namespace swpath
