// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/server_directory.h"

#include <gmock/gmock.h>

#include <fmt/core.h>

#include "libpath/cluster/sync_message.h"

namespace swpath
{
namespace
{

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

const Member a{"a", 1}, b{"b", 1}, c{"c", 1};

std::vector<std::string> hosts(const std::vector<DiskServer> &servers)
{
	std::vector<std::string> names;
	for (const auto &each : servers)
		names.push_back(each.member.host);
	return names;
}

/// Directories of members whose messages arrive at once.
struct Hosts {
	explicit Hosts(const std::vector<Member> &members)
	{
		for (const auto &each : members)
			all.try_emplace(each, each, each.host + ":10809");
	}
	/// A round of these up to the barrier.
	void gather(const std::vector<Member> &members)
	{
		const SyncRound round{{{"a", 1}, ++epoch}, members, members};
		for (const auto &each : members)
			all.at(each).sync_init(round);
		for (const auto &from : members) {
			const auto said = all.at(from).sync_process();
			EXPECT_TRUE(said.done);
			for (const auto &message : said.messages) {
				EXPECT_LE(message.size(), sync_data_bytes_max);
				for (const auto &to : members)
					all.at(to).sync_receive(from, message);
			}
		}
	}
	void round(const std::vector<Member> &members)
	{
		gather(members);
		for (const auto &each : members)
			all.at(each).sync_activate();
	}
	void announce(const Member &from)
	{
		for (const auto &message : all.at(from).sync_news())
			for (auto &[to, directory] : all)
				if (to != from)
					directory.sync_hear(from, message);
	}
	[[nodiscard]] std::vector<std::string> servers(const Member &at, const char *disk = "d")
	{
		return hosts(all.at(at).servers(disk));
	}

	std::map<Member, ServerDirectory> all;
	std::uint64_t epoch = 0;
};

TEST(ServerDirectory, EveryClientKnowsThePrimaryAndTheBackupsInTheSameOrder)
{
	Hosts hosts({a, b, c});
	EXPECT_TRUE(hosts.all.at(a).offer("d", 20, "sw0"));
	EXPECT_TRUE(hosts.all.at(b).offer("d", 10, "sw0"));
	EXPECT_TRUE(hosts.all.at(c).offer("d", 10, "sw0"));
	EXPECT_TRUE(hosts.all.at(c).offer("e", 10, "sw0"));
	hosts.round({a, b, c});
	// By priority, then by name; not the client itself.
	EXPECT_THAT(hosts.servers(a), ElementsAre("b", "c"));
	EXPECT_THAT(hosts.servers(b), ElementsAre("c", "a"));
	EXPECT_THAT(hosts.servers(b, "e"), ElementsAre("c"));
	EXPECT_THAT(hosts.servers(b, "none"), IsEmpty());
	EXPECT_EQ(hosts.all.at(a).servers("d").front().address, "b:10809");
}

TEST(ServerDirectory, IsOfTheLastCompleteRound)
{
	Hosts hosts({a, b});
	EXPECT_TRUE(hosts.all.at(b).offer("d", 1, "sw0"));
	hosts.gather({a, b});
	EXPECT_THAT(hosts.servers(a), IsEmpty());
	EXPECT_FALSE(hosts.all.at(a).tag().valid());
	hosts.all.at(a).sync_abort();
	EXPECT_THAT(hosts.servers(a), IsEmpty());
	hosts.round({a, b});
	EXPECT_THAT(hosts.servers(a), ElementsAre("b"));
	EXPECT_EQ(hosts.all.at(a).tag().epoch, 2U);
	// An abort leaves what was activated; the next round without b has no b.
	hosts.gather({a});
	hosts.all.at(a).sync_abort();
	EXPECT_THAT(hosts.servers(a), ElementsAre("b"));
	hosts.round({a});
	EXPECT_THAT(hosts.servers(a), IsEmpty());
}

TEST(ServerDirectory, WhatChangesBetweenRoundsIsAnnouncedOnce)
{
	Hosts hosts({a, b});
	EXPECT_TRUE(hosts.all.at(b).offer("d", 1, "sw0"));
	EXPECT_THAT(hosts.all.at(b).sync_news(), IsEmpty()); // no round yet
	hosts.round({a, b});
	EXPECT_THAT(hosts.all.at(b).sync_news(), IsEmpty()); // all know
	EXPECT_TRUE(hosts.all.at(b).offer("e", 1, "sw0"));
	hosts.all.at(b).keep_offers({"e"});
	hosts.announce(b);
	EXPECT_THAT(hosts.servers(a, "e"), ElementsAre("b"));
	EXPECT_THAT(hosts.servers(a, "d"), IsEmpty());
	EXPECT_THAT(hosts.all.at(b).sync_news(), IsEmpty());
	// In a round it waits for its end: the round may have said it, or not.
	hosts.gather({a, b});
	EXPECT_TRUE(hosts.all.at(b).offer("d", 1, "sw0"));
	EXPECT_THAT(hosts.all.at(b).sync_news(), IsEmpty());
	hosts.all.at(a).sync_activate();
	hosts.all.at(b).sync_activate();
	EXPECT_THAT(hosts.servers(a), IsEmpty());
	hosts.announce(b);
	EXPECT_THAT(hosts.servers(a), ElementsAre("b"));
}

TEST(ServerDirectory, KnowsWhatThePrimaryCallsEachDiskOfOthers)
{
	Hosts hosts({a, b, c});
	EXPECT_TRUE(hosts.all.at(a).offer("own", 1, "sw0"));
	EXPECT_TRUE(hosts.all.at(b).offer("d", 20, "sw1"));
	EXPECT_TRUE(hosts.all.at(c).offer("d", 10, "sw2"));
	EXPECT_TRUE(hosts.all.at(c).offer("e", 10, ""));
	hosts.round({a, b, c});
	EXPECT_THAT(hosts.all.at(a).disks(), ElementsAre(Pair("d", "sw2"), Pair("e", "")));
}

TEST(ServerDirectory, PassesOverWhatIsNoOffer)
{
	Hosts hosts({a, b});
	EXPECT_TRUE(hosts.all.at(b).offer("d", 1, "sw0"));
	hosts.round({a, b});
	hosts.all.at(a).sync_hear(b, "garbage");
	EXPECT_THAT(hosts.servers(a), ElementsAre("b"));
}

TEST(ServerDirectory, HasABoundedNumberOfDisksOfEachHostAndSaysThemInPieces)
{
	Hosts hosts({a, b});
	for (std::size_t i = 0; i < directory_disks_max; i++)
		EXPECT_TRUE(
			hosts.all.at(b).offer(fmt::format("{:0>{}}", i, directory_disk_bytes_max),
					      1, std::string(directory_unit_bytes_max, 'u')));
	EXPECT_FALSE(hosts.all.at(b).offer("one more", 1, "sw0"));
	EXPECT_FALSE(hosts.all.at(b).offer("", 1, "sw0"));
	EXPECT_FALSE(
		hosts.all.at(b).offer(std::string(directory_disk_bytes_max + 1, 'x'), 1, "sw0"));
	EXPECT_FALSE(hosts.all.at(b).offer("0", 1, std::string(directory_unit_bytes_max + 1, 'x')));
	hosts.round({a, b});
	for (std::size_t i = 0; i < directory_disks_max; i++)
		EXPECT_THAT(hosts.all.at(a).servers(
				    fmt::format("{:0>{}}", i, directory_disk_bytes_max)),
			    SizeIs(1));
}

TEST(DirectoryMessage, IsReadAsItWasWrittenAndNotWhenItIsCut)
{
	const std::vector<DirectoryOffers> messages{
		{true, "b:1", {{"d", 5, "sw0"}, {"e", 65535, ""}}},
		{false, "", {}},
	};
	for (const auto &message : messages) {
		const auto bytes = encode(message);
		const auto read = decode_offers(bytes);
		ASSERT_TRUE(read);
		EXPECT_EQ(*read, message);
		for (std::size_t size = 0; size < bytes.size(); size++)
			EXPECT_FALSE(decode_offers(bytes.substr(0, size)));
		EXPECT_FALSE(decode_offers(bytes + "x"));
	}
	EXPECT_EQ(decode_offers(std::string(sync_data_bytes_max + 1, 'x')).error().code.value(),
		  EMSGSIZE);
}

} // namespace
} // namespace swpath
