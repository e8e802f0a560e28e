// SPDX-License-Identifier: GPL-2.0-or-later
/// With the real thing: a bus and an avahi-daemon of its own for each host, and between hosts a
/// network in which nothing else is.
#include "pathd/dns_sd.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>

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
using testing::StartsWith;

constexpr Duration limit = 30s;
constexpr std::uint16_t port = 10808;
constexpr const char *does_not_run = "avahi-daemon does not run: start it";

HostAdvert advert(const std::string &host, unsigned priority = 100)
{
	return {"swpath", host, std::nullopt, 10809, static_cast<std::uint16_t>(priority)};
}

/// Ends with the test, or with the process of the test.
class Program
{
public:
	explicit Program(const std::vector<std::string> &arguments,
			 const std::vector<std::string> &environment = {})
	{
		ChildSetup setup;
		setup.arguments = {"setpriv", "--pdeathsig", "KILL"};
		setup.arguments.insert(setup.arguments.end(), arguments.begin(), arguments.end());
		setup.environment = environment;
		auto child = start_child(setup);
		EXPECT_TRUE(child) << child.error().message();
		if (child)
			child_ = std::move(*child);
	}
	Program(const Program &) = delete;
	Program &operator=(const Program &) = delete;
	~Program()
	{
		if (child_.pid <= 0)
			return;
		(void)::kill(child_.pid, SIGKILL);
		pollfd ended{child_.pidfd.get(), POLLIN, 0};
		(void)::poll(&ended, 1, 10'000);
		(void)how_it_ended(child_);
	}
	[[nodiscard]] pid_t pid() const { return child_.pid; }
	/// Nothing: it runs.
	[[nodiscard]] std::optional<std::string> end() const { return how_it_ended(child_); }

private:
	ChildProcess child_;
};

class DnsSdTest : public TemporaryDirectory
{
protected:
	/// A host, or a part of one: what is not started is not there.
	struct Host {
		explicit Host(std::string called) : name(std::move(called)) {}

		std::string name;
		std::string bus_address;
		std::unique_ptr<Program> namespaces, bus, avahi;
		std::unique_ptr<DnsSd> dns_sd;
		std::vector<FoundHosts::Place> places; ///< announced and not withdrawn
		std::vector<DnsSd::Announced> heard;
		unsigned all_withdrawn = 0;

		void begin(const HostAdvert &own)
		{
			auto created = DnsSd::create(own, port);
			ASSERT_TRUE(created) << created.error().message();
			dns_sd = std::move(*created);
		}
		void step()
		{
			ASSERT_EQ(::setenv("DBUS_SYSTEM_BUS_ADDRESS", bus_address.c_str(), 1), 0);
			auto events = dns_sd->step(now());
			// What is started inherits the environment.
			ASSERT_EQ(::unsetenv("DBUS_SYSTEM_BUS_ADDRESS"), 0);
			for (auto &event : events) {
				if (const auto *gone = std::get_if<DnsSd::Withdrawn>(&event)) {
					std::erase(places, gone->place);
				} else if (auto *one = std::get_if<DnsSd::Announced>(&event)) {
					if (std::find(places.begin(), places.end(), one->place) ==
					    places.end())
						places.push_back(one->place);
					heard.push_back(std::move(*one));
				} else {
					places.clear();
					all_withdrawn++;
				}
			}
		}
		[[nodiscard]] bool finds(const std::string &service) const
		{
			return std::any_of(places.begin(), places.end(), [&](const auto &place) {
				return place.name == service;
			});
		}
	};

	DnsSdTest()
	{
		for (auto *host : {&alpha, &beta})
			host->bus_address = "unix:path=" + path(host->name + "/bus");
	}
	/// Steps both until the condition holds; false: it did not in time.
	bool until(const std::function<bool()> &condition)
	{
		for (const Instant end = now() + limit; now() < end;) {
			std::vector<pollfd> watched;
			Duration left = 100ms; // conditions are not only about what they say
			for (auto *host : {&alpha, &beta})
				if (host->dns_sd) {
					host->step();
					watched.push_back({host->dns_sd->fd(), POLLIN, 0});
					if (const auto at = host->dns_sd->deadline())
						left = std::min(left, *at - now());
				}
			if (condition())
				return true;
			(void)::poll(watched.data(), watched.size(),
				     static_cast<int>(std::max<std::int64_t>(left / 1ms, 0)));
		}
		return condition();
	}

	void start_bus(Host &host)
	{
		// Everything is allowed; and nothing is started on demand.
		const auto config =
			write(host.name + "/bus.conf",
			      "<busconfig><type>system</type><listen>" + host.bus_address +
				      "</listen><auth>EXTERNAL</auth>"
				      "<policy context='default'><allow own='*'/>"
				      "<allow send_destination='*'/>"
				      "<allow receive_sender='*'/>"
				      "<allow user='*'/></policy></busconfig>");
		const auto socket = path(host.name + "/bus");
		std::filesystem::remove(socket);
		host.bus = std::make_unique<Program>(std::vector<std::string>{
			"dbus-daemon", "--config-file=" + config, "--nofork", "--nopidfile"});
		ASSERT_TRUE(until([&] { return std::filesystem::exists(socket); }));
	}

	[[nodiscard]] static std::string pid_of(const Host &host)
	{
		return std::to_string(host.namespaces->pid());
	}
	[[nodiscard]] static std::vector<std::string> inside(const Host &host,
							     std::vector<std::string> arguments)
	{
		arguments.insert(arguments.begin(),
				 {"nsenter", "--target", pid_of(host), "--net", "--mount"});
		return arguments;
	}
	/// Until a program has ended well.
	void run(const std::vector<std::string> &arguments)
	{
		const Program program(arguments);
		std::optional<std::string> end;
		ASSERT_TRUE(until([&] { return (end = program.end()).has_value(); }));
		ASSERT_EQ(*end, "ended with status 0") << arguments.back();
	}

	/// Two hosts and the cable between them.
	void start_network()
	{
		for (auto *host : {&alpha, &beta}) {
			// avahi-daemon runs once on each host: its files are at fixed places.
			const auto there = path(host->name + "/there");
			host->namespaces = std::make_unique<Program>(std::vector<std::string>{
				"unshare", "--net", "--mount", "--propagation", "private", "sh",
				"-c",
				"mount -t tmpfs tmpfs /run && mkdir \"${1%/*}\" && : >\"$1\" && "
				"exec sleep infinity",
				"sh", there});
			ASSERT_TRUE(until([&] { return std::filesystem::exists(there); }));
		}
		run(inside(alpha, {"ip", "link", "add", "cable", "type", "veth", "peer", "name",
				   "cable", "netns", pid_of(beta)}));
		for (auto *host : {&alpha, &beta}) {
			run(inside(*host, {"ip", "address", "add",
					   host == &alpha ? "10.99.0.1/24" : "10.99.0.2/24", "dev",
					   "cable"}));
			run(inside(*host, {"ip", "link", "set", "cable", "up"}));
			start_bus(*host);
			start_avahi(*host);
		}
		for (auto *host : {&alpha, &beta})
			ASSERT_TRUE(until([&] {
				return text_of(avahi_log(*host)).find("startup complete") !=
				       std::string::npos;
			})) << text_of(avahi_log(*host));
	}
	[[nodiscard]] std::string avahi_log(const Host &host) const
	{
		return path(host.name + "/avahi.log");
	}
	/// Returns at once: its clients wait for it.
	void start_avahi(Host &host)
	{
		const auto config = write(host.name + "/avahi.conf",
					  "[server]\nhost-name=" + host.name +
						  "\nuse-ipv6=no\n[wide-area]\n"
						  "enable-wide-area=no\n[publish]\n"
						  "publish-workstation=no\npublish-hinfo=no\n");
		host.avahi = std::make_unique<Program>(
			inside(host, {"sh", "-c",
				      "rm -f /run/avahi-daemon/pid && exec avahi-daemon -f \"$1\" "
				      "--no-drop-root --no-chroot --no-rlimits >\"$2\" 2>&1",
				      "sh", config, avahi_log(host)}),
			std::vector<std::string>{"DBUS_SYSTEM_BUS_ADDRESS=" + host.bus_address});
	}
	bool both_find_each_other()
	{
		return until([&] {
			return alpha.finds("swpath beta") && beta.finds("swpath alpha") &&
			       alpha.dns_sd->trouble().empty() && beta.dns_sd->trouble().empty();
		});
	}

	Host alpha{"alpha"}, beta{"beta"};
};

/// Hosts in namespaces, which only root may make.
class DnsSdOfTwoHosts : public DnsSdTest
{
protected:
	void SetUp() override
	{
		if (::geteuid() != 0)
			GTEST_SKIP() << "needs root, for network namespaces";
		ASSERT_NO_FATAL_FAILURE(start_network());
		alpha.begin(advert("alpha"));
		beta.begin(advert("beta", 7));
		ASSERT_TRUE(both_find_each_other())
			<< alpha.dns_sd->trouble() << "; " << beta.dns_sd->trouble();
		// An avahi-daemon that was not there at once is no part of what is tested.
		alpha.all_withdrawn = beta.all_withdrawn = 0;
	}
};

TEST_F(DnsSdTest, WithoutABusItSaysSoAndTriesAgain)
{
	alpha.begin(advert("alpha"));
	EXPECT_EQ(alpha.dns_sd->trouble(), "not tried yet");
	const auto before = now();
	alpha.step();
	EXPECT_EQ(alpha.dns_sd->trouble(), "no D-Bus system bus: No such file or directory");
	EXPECT_GE(alpha.dns_sd->deadline(), before + DnsSd::retry);
	ASSERT_NO_FATAL_FAILURE(start_bus(alpha));
	EXPECT_TRUE(until([&] { return alpha.dns_sd->trouble() == does_not_run; }))
		<< alpha.dns_sd->trouble();
}

TEST_F(DnsSdTest, ABusThatEndsIsTold)
{
	ASSERT_NO_FATAL_FAILURE(start_bus(alpha));
	// Who has avahi's name and does not answer keeps the question open.
	sd_bus *mute = nullptr;
	ASSERT_GE(sd_bus_new(&mute), 0);
	const UniquePtr<sd_bus, &sd_bus_close_unref> owner(mute);
	ASSERT_GE(sd_bus_set_address(mute, alpha.bus_address.c_str()), 0);
	ASSERT_GE(sd_bus_set_bus_client(mute, 1), 0);
	ASSERT_GE(sd_bus_start(mute), 0);
	ASSERT_GE(sd_bus_request_name(mute, "org.freedesktop.Avahi", 0), 0);
	alpha.begin(advert("alpha"));
	alpha.step();
	ASSERT_EQ(alpha.dns_sd->trouble(), "not tried yet");
	alpha.bus.reset();
	ASSERT_TRUE(until([&] { return alpha.dns_sd->trouble() != "not tried yet"; }));
	EXPECT_THAT(alpha.dns_sd->trouble(), StartsWith("the D-Bus system bus is gone"));
	EXPECT_EQ(alpha.all_withdrawn, 1U);
}

TEST_F(DnsSdOfTwoHosts, HearWhatTheOtherSaysAndNotThemselves)
{
	for (const auto *host : {&alpha, &beta}) {
		const auto &other = host == &alpha ? beta : alpha;
		ASSERT_FALSE(host->heard.empty());
		for (const auto &one : host->heard) {
			EXPECT_EQ(one.place.name, "swpath " + other.name);
			EXPECT_EQ(one.address.text(),
				  host == &alpha ? "10.99.0.2:10808" : "10.99.0.1:10808");
			const auto read = read_advert(one.texts);
			ASSERT_TRUE(read) << read.error().message();
			EXPECT_EQ(*read, advert(other.name, other.name == "beta" ? 7 : 100));
		}
	}
}

TEST_F(DnsSdOfTwoHosts, AHostThatEndsIsWithdrawn)
{
	beta.dns_sd.reset();
	EXPECT_TRUE(until([&] { return !alpha.finds("swpath beta"); }));
	EXPECT_EQ(alpha.all_withdrawn, 0U);
	EXPECT_EQ(alpha.dns_sd->trouble(), "");
}

TEST_F(DnsSdOfTwoHosts, WithoutAvahiNobodyIsKnownAndWithItTheyAreAgain)
{
	alpha.avahi.reset();
	ASSERT_TRUE(until([&] { return alpha.dns_sd->trouble() == does_not_run; }))
		<< alpha.dns_sd->trouble();
	EXPECT_TRUE(alpha.places.empty());
	EXPECT_LE(1U, alpha.all_withdrawn);
	start_avahi(alpha);
	EXPECT_TRUE(until([&] {
		return alpha.finds("swpath beta") && alpha.dns_sd->trouble().empty();
	})) << alpha.dns_sd->trouble();
}

TEST_F(DnsSdOfTwoHosts, ANameThatAnotherHostHasIsTold)
{
	beta.begin(advert("alpha"));
	EXPECT_TRUE(until([&] { return !beta.dns_sd->trouble().empty(); }));
	EXPECT_TRUE(until([&] {
		return beta.dns_sd->trouble() == "another host announces itself as 'alpha': give "
						 "one of them another name in its [cluster]";
	})) << beta.dns_sd->trouble();
}

TEST_F(DnsSdOfTwoHosts, WhoIsNotAvahiIsNotHeard)
{
	// As avahi-daemon would say it, but of another connection to the bus.
	const auto forge = [&](const char *member) {
		run({"dbus-send", "--bus=" + alpha.bus_address, "--type=signal", "/",
		     std::string("org.freedesktop.Avahi.ServiceBrowser.") + member, "int32:2",
		     "int32:0", std::string("string:swpath ") + beta.name, "string:_swpath._tcp",
		     "string:local", "uint32:0"});
	};
	forge("ItemRemove");
	forge("Failure");
	beta.dns_sd.reset();
	ASSERT_TRUE(until([&] { return !alpha.finds("swpath beta"); }));
	forge("ItemNew");
	beta.begin(advert("gamma"));
	ASSERT_TRUE(until([&] { return alpha.finds("swpath gamma"); }));
	EXPECT_FALSE(alpha.finds("swpath beta"));
	EXPECT_EQ(alpha.all_withdrawn, 0U) << "it would begin anew, had it believed the first";
}

} // namespace
} // namespace swpath
