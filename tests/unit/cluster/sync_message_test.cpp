// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/sync_message.h"

#include <cerrno>

#include <gmock/gmock.h>

namespace swpath
{
namespace
{

const SyncTag tag{{"alpha", 7}, 12};

std::vector<SyncMessage> examples()
{
	return {
		{tag, SyncExchange{{{"alpha", 1}, {"beta", 2}},
				   {ServiceId{10}, ServiceId{30}},
				   {{"alpha", 3}, 11},
				   true}},
		{tag, SyncData{ServiceId::ServerDirectory, 3, std::string("a\0b", 3)}},
		{tag, SyncStep{5, 17}},
		{tag, SyncAsk{{"beta", 2}, 4, 2}},
		{tag, SyncNews{ServiceId::ServerDirectory, std::string("a\0b", 3)}},
	};
}

int error_of(std::string_view bytes)
{
	const auto message = decode_sync_message(bytes);
	return message ? 0 : message.error().code.value();
}

TEST(SyncMessage, WhatIsWrittenIsReadAgain)
{
	for (const auto &each : examples()) {
		const auto read = decode_sync_message(encode(each));
		ASSERT_TRUE(read) << read.error().message();
		EXPECT_EQ(*read, each);
	}
}

TEST(SyncMessage, OneThatIsCutIsRefused)
{
	for (const auto &each : examples()) {
		const auto bytes = encode(each);
		// The bytes of a service end where the frame ends.
		const bool open = std::holds_alternative<SyncData>(each.body) ||
				  std::holds_alternative<SyncNews>(each.body);
		const auto least = open ? bytes.size() - 3 : bytes.size();
		for (std::size_t size = 0; size < least; size++)
			EXPECT_EQ(error_of(bytes.substr(0, size)), EBADMSG) << size;
		if (least == bytes.size()) {
			EXPECT_EQ(error_of(bytes + '\0'), EBADMSG);
		}
	}
}

TEST(SyncMessage, TheGreatestOnesFit)
{
	SyncExchange exchange;
	for (unsigned i = 0; i < members_max; i++)
		exchange.members.push_back(
			{std::string(member_host_bytes_max - 1, 'h') + static_cast<char>('0' + i),
			 i});
	for (unsigned i = 0; i < sync_services_max; i++)
		exchange.services.push_back(static_cast<ServiceId>(i));
	EXPECT_LE(encode({tag, exchange}).size(), sync_frame_bytes_max);
	EXPECT_EQ(error_of(encode({tag, exchange})), 0);
	const SyncData data{ServiceId{1}, 0, std::string(sync_data_bytes_max, 'x')};
	EXPECT_EQ(error_of(encode({tag, data})), 0);
	const SyncData more{ServiceId{1}, 0, std::string(sync_data_bytes_max + 1, 'x')};
	EXPECT_EQ(error_of(encode({tag, more})), EBADMSG);
	EXPECT_EQ(error_of(encode({tag, SyncNews{ServiceId{1}, more.bytes}})), EBADMSG);
	EXPECT_EQ(error_of(std::string(sync_frame_bytes_max + 1, 'x')), EMSGSIZE);
}

TEST(SyncMessage, WhatNoMemberSaysIsRefused)
{
	const Member a{"a", 1}, b{"b", 1};
	EXPECT_EQ(error_of(encode({tag, SyncExchange{{}, {}, {}, false}})), EBADMSG);
	EXPECT_EQ(error_of(encode({tag, SyncExchange{{b, a}, {}, {}, false}})), EBADMSG);
	EXPECT_EQ(error_of(encode({tag, SyncExchange{{a, a}, {}, {}, false}})), EBADMSG);
	EXPECT_EQ(
		error_of(encode({tag, SyncExchange{{a}, {ServiceId{2}, ServiceId{2}}, {}, false}})),
		EBADMSG);
	EXPECT_EQ(error_of(encode({tag, SyncStep{0, 0}})), EBADMSG);
	EXPECT_EQ(error_of(encode({tag, SyncStep{2 * sync_services_max + 1, 0}})), EBADMSG);
	EXPECT_EQ(error_of(encode({{{"a", 1}, 0}, SyncStep{1, 0}})), EBADMSG);
	EXPECT_EQ(error_of(encode({{{"a", 1}, sync_epoch_max + 1}, SyncStep{1, 0}})), EBADMSG);
}

TEST(SyncMessage, AnotherVersionIsNamed)
{
	auto bytes = encode({tag, SyncStep{1, 0}});
	bytes[5] = 2;
	const auto message = decode_sync_message(bytes);
	ASSERT_FALSE(message);
	EXPECT_EQ(message.error().code.value(), EPROTONOSUPPORT);
	EXPECT_THAT(message.error().context, ::testing::HasSubstr("version 2"));
}

} // namespace
} // namespace swpath
