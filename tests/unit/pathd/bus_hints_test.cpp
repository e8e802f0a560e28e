// SPDX-License-Identifier: GPL-2.0-or-later
/// The real swpath-lockspace with engine local, and programs that are not what they should be. The
/// lab case hints has the lock manager.
#include "pathd/bus_hints.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include "libpath/sys/child_process.h"
#include "libpath/sys/clock.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr DevNumber sda{8, 0};
constexpr DevNumber sdb{8, 16};

/// One host's, with a loop.
struct Host {
	std::shared_ptr<Mailbox> mailbox;
	std::unique_ptr<BusHints> hints;
	int changes = 0;
	Duration longest{}; ///< of all steps
	Duration ahead{};   ///< what the clock is told to be ahead

	void step()
	{
		const auto before = now();
		mailbox->run();
		hints->step(before + ahead);
		longest = std::max(longest, now() - before);
	}
	[[nodiscard]] pid_t process() const { return static_cast<pid_t>(hints->report().process); }
	[[nodiscard]] std::string trouble() const { return hints->report().trouble; }
	/// "state: bus held/marked/shared by SERVER, epoch N; ..."
	[[nodiscard]] std::string told() const
	{
		const auto report = hints->report();
		auto text = fmt::format("{}:", word(report.state));
		for (const auto &bus : report.buses)
			text += fmt::format(" {}{}{}{} of {}, epoch {};", bus.bus,
					    bus.held ? " held" : "", bus.marked ? " marked" : "",
					    bus.shared ? " shared" : "", bus.server, bus.epoch);
		return text;
	}
	void sees(DevNumber leg, const std::string &hctl, const char *wwid = "naa.6001405")
	{
		BlockDevice device;
		device.number = leg;
		device.hctl = hctl;
		Identity identity;
		identity.wwid = wwid;
		hints->direct_proved(device, identity);
	}
};

class BusHintsTest : public TemporaryDirectory
{
protected:
	void SetUp() override
	{
		if (access("/etc/machine-id", R_OK) != 0)
			GTEST_SKIP() << "this host has no /etc/machine-id";
	}
	[[nodiscard]] BusHints::Program real() const
	{
		return {{SW_LOCKSPACE, "--engine", "local", "--directory", path("locks")}, ""};
	}
	static BusHints::Program script(const std::string &text)
	{
		return {{"/bin/sh", "-c", text}, ""};
	}
	void start(Host &host, std::uint16_t number, BusHints::Program program)
	{
		HintsConfig config;
		config.configured = true;
		config.number = number;
		config.buses = {{"host2", {17, 'B'}}, {"host3", {18, 'C'}}};
		auto made = Mailbox::create();
		ASSERT_TRUE(made);
		host.mailbox = std::move(*made);
		auto hints = BusHints::create(config, true, std::move(program), host.mailbox,
					      [&host] { host.changes++; });
		ASSERT_TRUE(hints) << hints.error().message();
		host.hints = std::move(*hints);
	}
	/// Until the condition holds; false: it did not within `limit`.
	bool run(const std::function<bool()> &condition, Duration limit = 30s)
	{
		for (const auto end = now() + limit; now() < end;) {
			auto wake = end;
			std::vector<pollfd> watched;
			for (auto *host : hosts_) {
				if (!host->hints)
					continue;
				host->step();
				wake = std::min(wake, host->hints->deadline() - host->ahead);
				watched.push_back({host->hints->fd(), POLLIN, 0});
				watched.push_back({host->mailbox->fd(), POLLIN, 0});
			}
			if (condition())
				return true;
			const auto left =
				std::chrono::ceil<std::chrono::milliseconds>(wake - now()).count();
			(void)poll(watched.data(), watched.size(),
				   static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000)));
		}
		return condition();
	}
	bool tells(const Host &host, const std::string &wanted)
	{
		return run([&] { return host.told() == wanted; });
	}
	static bool ends(const UniqueFd &process)
	{
		pollfd watched{process.get(), POLLIN, 0};
		return poll(&watched, 1, 30'000) == 1;
	}

	Host alpha_, beta_;
	std::array<Host *, 2> hosts_{&alpha_, &beta_};
};

TEST_F(BusHintsTest, WithoutABusThereIsNoProcess)
{
	start(alpha_, 1, real());
	EXPECT_FALSE(run([&] { return alpha_.process() != 0; }, 1s));
	EXPECT_EQ(alpha_.told(), "idle:");
	EXPECT_EQ(alpha_.changes, 0);
}

TEST_F(BusHintsTest, TheBusesOfPortsAreHeldAndMarkedAsPortsComeAndGo)
{
	start(alpha_, 1, real());
	alpha_.sees(sda, "2:0:0:0");
	EXPECT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 1;")) << alpha_.told();
	EXPECT_GT(alpha_.changes, 0);
	alpha_.sees(sdb, "3:0:0:0");
	EXPECT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 1; "
				  "$18$C held marked of 1, epoch 1;"))
		<< alpha_.told();
	alpha_.hints->direct_goes(sda);
	EXPECT_TRUE(tells(alpha_, "ready: $18$C held marked of 1, epoch 1;")) << alpha_.told();
	// Nobody held it meanwhile.
	alpha_.sees(sda, "2:0:0:0", "naa.6001406");
	EXPECT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 1; "
				  "$18$C held marked of 1, epoch 1;"))
		<< alpha_.told();
}

TEST_F(BusHintsTest, TwoHostsOfOneBusFindEachOther)
{
	start(alpha_, 1, real());
	alpha_.sees(sda, "2:0:0:0");
	ASSERT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 1;")) << alpha_.told();
	start(beta_, 2, real());
	beta_.sees(sda, "2:0:0:0");
	EXPECT_TRUE(tells(beta_, "ready: $17$B held marked shared of 2, epoch 2;")) << beta_.told();
	EXPECT_TRUE(tells(alpha_, beta_.told())) << alpha_.told();
	EXPECT_TRUE(alpha_.hints->shared("host2"));
	EXPECT_TRUE(beta_.hints->shared("host2"));
}

TEST_F(BusHintsTest, BothHostsSayThatAClassWasGivenTwice)
{
	const auto text = [](const Host &host) { return host.hints->report().ports.at(0).text; };
	start(alpha_, 1, real());
	alpha_.sees(sda, "2:0:0:0");
	ASSERT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 1;")) << alpha_.told();
	start(beta_, 2, real());
	beta_.sees(sda, "2:0:0:0", "naa.6001406");
	ASSERT_TRUE(tells(beta_, "ready: $17$B held marked of 1, epoch 1;")) << beta_.told();
	beta_.ahead = BusSharing::direct_wait + 1s;
	ASSERT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 2;")) << alpha_.told();
	EXPECT_THAT(text(alpha_), HasSubstr("a host on a bus of this name does not see the disk"));
	EXPECT_THAT(text(beta_), HasSubstr("host 1 has marked it with a disk that this host does "
					   "not see there"));
	EXPECT_FALSE(alpha_.hints->shared("host2"));
	EXPECT_FALSE(beta_.hints->shared("host2"));
	// Restarted, alpha asks whether it is still so.
	beta_.ahead += BusSharing::direct_wait;
	start(alpha_, 1, real());
	alpha_.sees(sda, "2:0:0:0");
	ASSERT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 4;")) << alpha_.told();
	EXPECT_THAT(text(alpha_), HasSubstr("a host on a bus of this name does not see the disk"));
}

TEST_F(BusHintsTest, AProcessThatIsKilledIsReplacedAndHoldsWhatItHeld)
{
	start(alpha_, 1, real());
	start(beta_, 2, real());
	for (auto *host : hosts_)
		host->sees(sda, "2:0:0:0");
	ASSERT_TRUE(run([&] {
		return alpha_.hints->shared("host2") && beta_.hints->shared("host2") &&
		       alpha_.told() == beta_.told();
	}));
	const auto before = alpha_.told();
	const auto pid = alpha_.process();
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_TRUE(run([&] { return alpha_.hints->report().state == HintsState::Down; }));
	EXPECT_THAT(alpha_.trouble(), HasSubstr(fmt::format("({}) has ended", pid)));
	// What was known stays known meanwhile.
	EXPECT_TRUE(alpha_.hints->shared("host2"));
	// One that is killed just when it leaves its mark leaves it anew, with the next epoch.
	const auto mark = before.substr(0, before.find(", epoch"));
	EXPECT_TRUE(run([&] {
		return alpha_.told().starts_with(mark) && alpha_.told() == beta_.told();
	})) << before
	    << alpha_.told() << beta_.told();
	EXPECT_EQ(alpha_.hints->report().restarts, 1U);
	EXPECT_EQ(alpha_.trouble(), "");
	// It was waited for: nothing of it is left.
	EXPECT_TRUE(run([&] { return kill(pid, 0) != 0; }));
}

TEST_F(BusHintsTest, OneThatEndsAgainAndAgainIsStartedEverMoreSeldom)
{
	start(alpha_, 1, {{"/bin/false"}, ""});
	alpha_.sees(sda, "2:0:0:0");
	const auto began = now();
	ASSERT_TRUE(run([&] { return alpha_.hints->report().restarts == 4; }));
	EXPECT_GE(now() - began, (1 + 2 + 4 + 8) * RestartPolicy::first_delay);
	EXPECT_LT(alpha_.longest, 1s);
}

TEST_F(BusHintsTest, ALineThatIsNoEventEndsItAndIsQuoted)
{
	start(alpha_, 1,
	      script("echo ready; echo $$ >" + path("pid") + "; echo nonsense; exec cat"));
	alpha_.sees(sda, "2:0:0:0");
	ASSERT_TRUE(run([&] { return alpha_.hints->report().state == HintsState::Down; }));
	EXPECT_THAT(alpha_.trouble(), HasSubstr("it said 'nonsense': an event begins with"));
	// Not left to itself; and tried again.
	const auto pid = static_cast<pid_t>(std::stol(text_of(path("pid"))));
	EXPECT_TRUE(run([&] { return kill(pid, 0) != 0; }));
	EXPECT_TRUE(run([&] { return alpha_.hints->report().restarts > 0; }));
}

TEST_F(BusHintsTest, ALineWithoutAnEndEndsIt)
{
	start(alpha_, 1, script("head -c 8192 /dev/zero; exec cat"));
	alpha_.sees(sda, "2:0:0:0");
	ASSERT_TRUE(run([&] { return alpha_.hints->report().state == HintsState::Down; }));
	EXPECT_THAT(alpha_.trouble(), HasSubstr("a line of the lock space"));
}

TEST_F(BusHintsTest, AnEventOfABusThatIsNotHeldChangesNothing)
{
	start(alpha_, 1,
	      script("echo ready; echo held 'swbus$99$Z' valid " + std::string(64, '0') +
		     "; exec cat >/dev/null"));
	alpha_.sees(sda, "2:0:0:0");
	EXPECT_TRUE(tells(alpha_, "ready: $17$B of 0, epoch 0;")) << alpha_.told();
	EXPECT_FALSE(run([&] { return alpha_.hints->report().state != HintsState::Ready; }, 1s));
}

TEST_F(BusHintsTest, WhyItCannotOpenItsLockSpaceIsSaid)
{
	auto program = real();
	program.command.back() = write("a_file", "") + "/locks";
	start(alpha_, 1, program);
	alpha_.sees(sda, "2:0:0:0");
	ASSERT_TRUE(run([&] { return alpha_.hints->report().state == HintsState::Down; }));
	EXPECT_THAT(alpha_.trouble(), HasSubstr(program.command.back()));
	EXPECT_THAT(alpha_.trouble(), HasSubstr("Not a directory"));
}

TEST_F(BusHintsTest, AProgramThatIsNotInstalledIsNamedAndUsedWhenItIs)
{
	auto program = real();
	program.command.front() = path("swpath-lockspace");
	start(alpha_, 1, program);
	alpha_.sees(sda, "2:0:0:0");
	ASSERT_TRUE(run([&] { return alpha_.hints->report().state == HintsState::Down; }));
	EXPECT_THAT(alpha_.trouble(), HasSubstr(program.command.front()));
	EXPECT_EQ(alpha_.process(), 0);
	std::filesystem::create_symlink(SW_LOCKSPACE, program.command.front());
	EXPECT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 1;")) << alpha_.told();
}

TEST_F(BusHintsTest, OneThatStandsStillIsWaitedForByNobody)
{
	start(alpha_, 1, real());
	alpha_.sees(sda, "2:0:0:0");
	ASSERT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 1;")) << alpha_.told();
	const auto pid = alpha_.process();
	ASSERT_EQ(kill(pid, SIGSTOP), 0);
	for (unsigned n = 0; n < 2000; n++) {
		alpha_.sees(sdb, "3:0:0:0");
		alpha_.step();
		alpha_.hints->direct_goes(sdb);
		alpha_.step();
	}
	EXPECT_LT(alpha_.longest, 1s);
	alpha_.sees(sdb, "3:0:0:0");
	ASSERT_EQ(kill(pid, SIGCONT), 0);
	EXPECT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 1; "
				  "$18$C held marked of 1, epoch 1;"))
		<< alpha_.told();
	EXPECT_EQ(alpha_.process(), pid);
}

TEST_F(BusHintsTest, ALockManagerThatLetsNobodyLockIsSaidUntilItDoes)
{
	auto program = real();
	program.status_file = write("recover_status", "0\n");
	start(alpha_, 1, program);
	alpha_.sees(sda, "2:0:0:0");
	ASSERT_TRUE(run([&] { return alpha_.hints->report().state == HintsState::Ready; }));
	ASSERT_FALSE(run([&] { return alpha_.hints->report().state != HintsState::Ready; },
			 LockSpaceWatch::look_every + 1s));
	alpha_.ahead = LockSpaceWatch::usual_change;
	ASSERT_TRUE(run([&] { return alpha_.hints->report().state == HintsState::Stopped; }));
	EXPECT_THAT(alpha_.trouble(), HasSubstr("quorum"));
	write("recover_status", "ff\n");
	ASSERT_TRUE(run([&] { return alpha_.hints->report().state == HintsState::Ready; }));
	EXPECT_EQ(alpha_.trouble(), "");
}

TEST_F(BusHintsTest, ItsEndLeavesNoProcess)
{
	start(alpha_, 1, real());
	alpha_.sees(sda, "2:0:0:0");
	ASSERT_TRUE(tells(alpha_, "ready: $17$B held marked of 1, epoch 1;")) << alpha_.told();
	ChildProcess child;
	child.pid = alpha_.process();
	auto held = open_pidfd(child.pid);
	ASSERT_TRUE(held);
	child.pidfd = std::move(*held);
	alpha_.hints.reset();
	EXPECT_TRUE(ends(child.pidfd));
	EXPECT_EQ(how_it_ended(child), "ended with status 0");
}

} // namespace
} // namespace swpath
