// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/found_hosts.h"

#include <gmock/gmock.h>

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Instant start{1h};

ClusterConfig alpha()
{
	ClusterConfig config;
	config.name = "alpha";
	config.peers = {{"beta", {"10.0.0.2", 10808}}};
	return config;
}

std::vector<std::string> texts_of(const std::string &host, unsigned address,
				  std::uint16_t priority = 100)
{
	return advert_texts({"swpath", host,
			     HostAddress{"10.0.0." + std::to_string(address), 10808}, 10809,
			     priority});
}

std::vector<std::string> names(const std::vector<PeerConfig> &peers)
{
	std::vector<std::string> all;
	for (const auto &peer : peers)
		all.push_back(peer.name);
	return all;
}

class FoundHostsTest : public testing::Test
{
protected:
	std::string announced(const std::string &host, unsigned address,
			      std::uint16_t priority = 100)
	{
		return hosts.announced({2, 0, "swpath " + host}, texts_of(host, address, priority),
				       {"192.168.0.1", 10808}, start);
	}
	void withdrawn(const std::string &host) { hosts.withdrawn({2, 0, "swpath " + host}); }
	bool step(const std::set<std::string> &answering, Instant at)
	{
		const auto is_needed = [this](const std::string &peer) {
			asked_for.push_back(peer);
			return needed.contains(peer);
		};
		return hosts.step(answering, is_needed, at);
	}

	FoundHosts hosts{alpha(), {}, start};
	std::set<std::string> needed; ///< by units
	std::vector<std::string> asked_for;
};

TEST_F(FoundHostsTest, AnAnnouncedHostIsAskedAndIsAPeerWhenItHasAnswered)
{
	EXPECT_FALSE(step({}, start));
	EXPECT_EQ(announced("gamma", 3), "");
	EXPECT_TRUE(step({}, start));
	EXPECT_THAT(hosts.peers(), ElementsAre(PeerConfig{"gamma", {"10.0.0.3", 10808}, true}));
	EXPECT_THAT(hosts.proved(), IsEmpty());
	EXPECT_TRUE(step({"gamma"}, start));
	EXPECT_THAT(names(hosts.proved()), ElementsAre("gamma"));
	EXPECT_FALSE(step({"gamma"}, start));
}

TEST_F(FoundHostsTest, OneThatNeverAnswersIsNoPeerAndGoesWithItsAnnouncement)
{
	(void)announced("gamma", 3);
	EXPECT_TRUE(step({}, start));
	withdrawn("gamma");
	EXPECT_TRUE(step({}, start));
	EXPECT_THAT(hosts.peers(), IsEmpty());
}

TEST_F(FoundHostsTest, WhoIsConfiguredIsNotFoundOnceMore)
{
	EXPECT_EQ(announced("beta", 2), "");
	EXPECT_FALSE(step({"beta"}, start));
	EXPECT_THAT(hosts.peers(), IsEmpty());
}

TEST_F(FoundHostsTest, APeerStaysWhileItIsAnnouncedAnswersOrIsNeeded)
{
	(void)announced("gamma", 3);
	(void)step({"gamma"}, start);
	Instant at = start + FoundHosts::forget_after;
	EXPECT_FALSE(step({}, at)) << "announced";
	hosts.all_withdrawn();
	at += FoundHosts::forget_after - 1s;
	EXPECT_FALSE(step({"gamma"}, at)) << "answers";
	EXPECT_EQ(hosts.deadline(), at + FoundHosts::forget_after);
	needed = {"gamma"};
	at += FoundHosts::forget_after;
	EXPECT_FALSE(step({}, at)) << "needed";
	EXPECT_EQ(hosts.deadline(), at + FoundHosts::forget_after);
	needed.clear();
	at += FoundHosts::forget_after - 1s;
	EXPECT_FALSE(step({}, at));
	EXPECT_TRUE(step({}, at + 1s));
	EXPECT_THAT(hosts.peers(), IsEmpty());
	EXPECT_THAT(hosts.proved(), IsEmpty());
	EXPECT_EQ(hosts.deadline(), std::nullopt);
}

TEST_F(FoundHostsTest, UnitsAreAskedOnlyForAPeerThatWouldBeForgotten)
{
	(void)announced("gamma", 3);
	(void)announced("delta", 4);
	(void)step({"delta", "gamma"}, start);
	withdrawn("gamma");
	(void)step({"delta"}, start + FoundHosts::forget_after - 1s);
	EXPECT_THAT(asked_for, IsEmpty());
	(void)step({"delta"}, start + FoundHosts::forget_after);
	EXPECT_THAT(asked_for, ElementsAre("gamma"));
}

TEST_F(FoundHostsTest, PathsKeepTheirPlacesAndNewOnesComeByPriority)
{
	(void)announced("gamma", 3);
	(void)step({"gamma"}, start);
	(void)announced("epsilon", 5, 100);
	(void)announced("delta", 4, 100);
	(void)announced("zeta", 6, 1);
	(void)step({"delta", "epsilon", "gamma", "zeta"}, start);
	EXPECT_THAT(names(hosts.proved()), ElementsAre("gamma", "zeta", "delta", "epsilon"));
}

TEST_F(FoundHostsTest, AHostWithANewAddressIsAskedThereWhenItDoesNotAnswerAtTheOld)
{
	(void)announced("gamma", 3);
	(void)step({"gamma"}, start);
	(void)announced("gamma", 33);
	EXPECT_FALSE(step({"gamma"}, start));
	EXPECT_TRUE(step({}, start));
	EXPECT_EQ(hosts.peers().front().address.host, "10.0.0.33");
}

// Somebody announces it elsewhere, in a place that comes before its own.
TEST_F(FoundHostsTest, AFalseAddressDoesNotKeepAHostFromBeingFound)
{
	(void)hosts.announced({1, 0, "a"}, texts_of("gamma", 66), {"10.0.0.66", 1}, start);
	(void)announced("gamma", 3);
	(void)step({}, start);
	EXPECT_EQ(hosts.peers().front().address.host, "10.0.0.66");
	EXPECT_EQ(hosts.deadline(), start + FoundHosts::ask_for);
	EXPECT_FALSE(step({}, start + FoundHosts::ask_for - 1s));
	EXPECT_TRUE(step({}, start + FoundHosts::ask_for));
	EXPECT_EQ(hosts.peers().front().address.host, "10.0.0.3");
	EXPECT_TRUE(step({"gamma"}, start + FoundHosts::ask_for + 1s));
	EXPECT_FALSE(step({"gamma"}, start + 10 * FoundHosts::ask_for));
	EXPECT_THAT(hosts.proved(), ElementsAre(PeerConfig{"gamma", {"10.0.0.3", 10808}, true}));
}

// Its own announcement comes late, or never: its avahi-daemon was not started again.
TEST_F(FoundHostsTest, APeerThatWasAwayIsAskedWhereItAnsweredAlthoughAFalseAddressIsAnnounced)
{
	(void)announced("gamma", 3);
	(void)step({}, start);
	(void)step({"gamma"}, start);
	withdrawn("gamma");
	(void)hosts.announced({1, 0, "a"}, texts_of("gamma", 66), {"10.0.0.66", 1}, start);
	EXPECT_FALSE(step({"gamma"}, start)) << "it answers";
	EXPECT_TRUE(step({}, start + 1s));
	EXPECT_EQ(hosts.peers().front().address.host, "10.0.0.66");
	EXPECT_EQ(hosts.deadline(), start + 1s + FoundHosts::ask_for);
	EXPECT_TRUE(step({}, start + 1s + FoundHosts::ask_for));
	EXPECT_EQ(hosts.peers().front().address.host, "10.0.0.3");
}

TEST_F(FoundHostsTest, ThoseOfThisHostsLastPathdAreThereAtOnce)
{
	FoundHosts again(alpha(), {{"gamma", {"10.0.0.3", 1}}, {"beta", {"10.0.0.2", 1}}}, start);
	EXPECT_THAT(again.proved(), ElementsAre(PeerConfig{"gamma", {"10.0.0.3", 1}, true}));
	EXPECT_TRUE(again.step({}, {}, start)) << "nobody has been told of them";
	EXPECT_THAT(names(again.peers()), ElementsAre("gamma"));
}

TEST_F(FoundHostsTest, AForeignOneIsRefusedAndThatIsSaidOnce)
{
	const FoundHosts::Place place{2, 0, "x\ny"};
	const HostAddress address{"10.0.0.9", 10808};
	const auto announce = [&](const std::vector<std::string> &texts) {
		return hosts.announced(place, texts, address, start);
	};
	EXPECT_EQ(announce({"v=1", "group=other", "host=gamma"}),
		  "'x?y' at 10.0.0.9:10808: it is of the group 'other', this host of 'swpath'");
	EXPECT_EQ(announce({"v=1", "group=other", "host=gamma"}), "");
	EXPECT_THAT(announce({"v=2"}), HasSubstr("another version"));
	EXPECT_THAT(announce(texts_of("alpha", 9)), HasSubstr("this host's own name"));
	EXPECT_THAT(announce(texts_of("direct", 9)), HasSubstr("cannot be called so"));
	EXPECT_FALSE(step({"gamma"}, start));
	EXPECT_THAT(hosts.peers(), IsEmpty());
}

TEST_F(FoundHostsTest, WithoutAnAddressOfItsOwnTheRecordsCounts)
{
	const auto texts = advert_texts({"swpath", "gamma", std::nullopt, 0, 100});
	EXPECT_EQ(hosts.announced({2, 1, "gamma"}, texts, {"fe80::3", 10808}, start), "");
	EXPECT_THAT(hosts.peers(), IsEmpty()) << "nobody can connect to that alone";
	EXPECT_EQ(hosts.announced({2, 0, "gamma"}, texts, {"10.0.0.3", 7}, start), "");
	EXPECT_THAT(hosts.peers(), ElementsAre(PeerConfig{"gamma", {"10.0.0.3", 7}, true}));
}

TEST_F(FoundHostsTest, AFloodOfAnnouncementsIsCutOff)
{
	for (unsigned i = 0; i < 1000; i++)
		(void)announced("h" + std::to_string(i), i % 250 + 1);
	(void)step({}, start);
	EXPECT_EQ(hosts.peers().size(), FoundHosts::hosts_max - 1) << "one is configured";
}

TEST_F(FoundHostsTest, ThoseOfTheConfigurationCountToo)
{
	ClusterConfig config;
	config.name = "alpha";
	for (unsigned i = 0; i < 60; i++)
		config.peers.push_back({"c" + std::to_string(i), {"10.1.0.1", 10808}});
	FoundHosts full(config, {}, start);
	for (unsigned i = 0; i < 10; i++)
		EXPECT_EQ(full.announced({2, 0, "h" + std::to_string(i)},
					 texts_of("h" + std::to_string(i), i + 1), {"10.0.0.9", 1},
					 start),
			  "");
	(void)full.step({}, {}, start);
	EXPECT_EQ(full.peers().size(), 3U);
}

TEST_F(FoundHostsTest, AFloodOfForeignOnesIsToldOfInPart)
{
	const auto told = [&](Instant at) {
		unsigned lines = 0;
		for (unsigned i = 0; i < 1000; i++) {
			const FoundHosts::Place place{2, 0, std::to_string(i)};
			if (!hosts.announced(place, {"v=2"}, {"10.0.0.9", 1}, at).empty())
				lines++;
			hosts.withdrawn(place);
		}
		return lines;
	};
	EXPECT_EQ(told(start), FoundHosts::told_max);
	EXPECT_EQ(told(start + FoundHosts::told_per - 1s), 0U);
	EXPECT_EQ(told(start + FoundHosts::told_per), FoundHosts::told_max);
}

} // namespace
} // namespace swpath
