// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/members_message.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swpath
{
namespace
{

Membership full()
{
	Membership membership{{std::string(member_host_bytes_max, 'r'), ~std::uint64_t(0)}, {}, {}};
	for (std::size_t i = 0; i < members_max; i++) {
		auto host = std::string(member_host_bytes_max - 2, 'h') + std::to_string(10 + i);
		membership.members.push_back({host, i});
		membership.hosts.push_back(host);
	}
	return membership;
}

TEST(MembersMessage, EveryOrderComesBackAsItWas)
{
	const std::string largest(sync_frame_bytes_max, '\0');
	for (const MembersOrder &order :
	     {MembersOrder(MembersPing()), MembersOrder(MembersFrame{""}),
	      MembersOrder(MembersFrame{largest})}) {
		const auto packet = encode(order);
		EXPECT_LE(packet.size(), members_packet_bytes_max);
		const auto read = decode_members_order(packet);
		ASSERT_TRUE(read) << read.error().message();
		EXPECT_EQ(*read, order);
	}
}

TEST(MembersMessage, AllNewsComeBackAsTheyWere)
{
	const Member longest{std::string(member_host_bytes_max, 'a'), ~std::uint64_t(0)};
	for (const MembersNews &news :
	     {MembersNews(MembersPong()), MembersNews(MembersTrouble()),
	      MembersNews(MembersTrouble{ENOTCONN, "corosync does not answer"}),
	      MembersNews(Membership()), MembersNews(full()),
	      MembersNews(ClusterFrame{longest, std::string(sync_frame_bytes_max, 'x')})}) {
		const auto packet = encode(news);
		EXPECT_LE(packet.size(), members_packet_bytes_max);
		const auto read = decode_members_news(packet);
		ASSERT_TRUE(read) << read.error().message();
		EXPECT_EQ(*read, news);
	}
}

TEST(MembersMessage, ATroubleIsAnErrorAgain)
{
	EXPECT_EQ(MembersTrouble{}.error(), std::nullopt);
	const auto error = MembersTrouble{EEXIST, "two have one name"}.error();
	ASSERT_TRUE(error);
	EXPECT_EQ(error->message(), "two have one name: File exists");
	MembersTrouble longer{EIO, std::string(5000, 't')};
	EXPECT_EQ(std::get<MembersTrouble>(*decode_members_news(encode(MembersNews(longer))))
			  .text.size(),
		  MembersTrouble::text_bytes_max);
}

TEST(MembersMessage, AnotherVersionNamesBothPrograms)
{
	auto packet = encode(MembersNews(MembersPong()));
	packet[0] = members_version + 1;
	const auto read = decode_members_news(packet);
	ASSERT_FALSE(read);
	EXPECT_EQ(read.error().code, std::errc::protocol_not_supported);
	EXPECT_THAT(read.error().context, testing::HasSubstr("pathd and swpath-members"));
	EXPECT_EQ(decode_members_order(packet).error().code, std::errc::protocol_not_supported);
}

TEST(MembersMessage, NothingIsHalfRead)
{
	for (const auto &whole :
	     {encode(MembersNews(full())), encode(MembersNews(MembersTrouble{EIO, "text"})),
	      encode(MembersNews(MembersPong()))}) {
		for (std::size_t size = 0; size < whole.size(); size++)
			EXPECT_FALSE(decode_members_news(std::string_view(whole).substr(0, size)));
		EXPECT_FALSE(decode_members_news(whole + "x"));
	}
	EXPECT_FALSE(decode_members_order(""));
	EXPECT_FALSE(decode_members_order(encode(MembersOrder(MembersPing())) + "x"));
	// Each direction has its own.
	EXPECT_FALSE(decode_members_order(encode(MembersNews(MembersPong()))));
	EXPECT_FALSE(decode_members_news(encode(MembersOrder(MembersPing()))));
}

TEST(MembersMessage, MoreThanTheBoundsIsRefused)
{
	const auto frame =
		encode(MembersOrder(MembersFrame{std::string(sync_frame_bytes_max + 1, 0)}));
	EXPECT_EQ(decode_members_order(frame).error().code, std::errc::message_size);
	const auto news = encode(
		MembersNews(ClusterFrame{{"a", 1}, std::string(sync_frame_bytes_max + 1, 0)}));
	EXPECT_EQ(decode_members_news(news).error().code, std::errc::message_size);
	auto many = full();
	many.members.push_back({"i", 1});
	EXPECT_EQ(decode_members_news(encode(MembersNews(many))).error().code,
		  std::errc::message_size);
	EXPECT_EQ(decode_members_news(std::string(members_packet_bytes_max + 1, 1)).error().code,
		  std::errc::message_size);
}

TEST(MembersMessage, MembersThatAreNotInOrderAreRefused)
{
	const Membership twice{{"1", 1}, {{"a", 1}, {"a", 1}}, {"a"}};
	EXPECT_FALSE(decode_members_news(encode(MembersNews(twice))));
	const Membership reversed{{"1", 1}, {{"b", 1}, {"a", 1}}, {"a", "b"}};
	EXPECT_FALSE(decode_members_news(encode(MembersNews(reversed))));
}

} // namespace
} // namespace swpath
