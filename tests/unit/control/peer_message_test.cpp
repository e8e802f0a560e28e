// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/peer_message.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/control/peer_messages.h"

namespace swpath
{
namespace
{

using testing::HasSubstr;

TEST(PeerMessage, EveryRequestAndAnswerIsReadAsItWasWritten)
{
	for (const auto &request : test::peer_requests()) {
		const auto bytes = encode(request);
		const auto frame = decode_peer_frame(bytes);
		ASSERT_TRUE(frame && *frame) << word(request.verb);
		EXPECT_EQ((*frame)->bytes, bytes.size());
		ASSERT_TRUE((*frame)->request);
		EXPECT_EQ(*(*frame)->request, request) << word(request.verb);
	}
	for (const auto &answer : test::peer_answers()) {
		const auto bytes = encode(answer);
		const auto frame = decode_peer_frame(bytes);
		ASSERT_TRUE(frame && *frame) << word(answer.verb);
		ASSERT_TRUE((*frame)->answer);
		EXPECT_EQ(*(*frame)->answer, answer) << word(answer.verb);
	}
}

TEST(PeerMessage, HasTheLayoutThatIsDocumented)
{
	PeerRequest request;
	request.verb = PeerVerb::Revoke;
	request.id = 0x0102030405060708;
	request.clock = 0x1112131415161718;
	request.deadline_ms = 5000;
	request.wwid = "naa.6";
	request.epoch = 7;
	const std::string expected("SWPP"
				   "\0\1"
				   "\0\3"
				   "\1\2\3\4\5\6\7\10"
				   "\0\0\0\33"
				   "\x11\x12\x13\x14\x15\x16\x17\x18"
				   "\0\0\x13\x88"
				   "\0\5naa.6"
				   "\0\0\0\0\0\0\0\7",
				   20 + 27);
	EXPECT_EQ(encode(request), expected);
}

TEST(PeerMessage, ThatIsCutOffIsWaitedFor)
{
	for (const auto &request : test::peer_requests()) {
		const auto bytes = encode(request);
		for (std::size_t length = 0; length < bytes.size(); length++) {
			const auto frame =
				decode_peer_frame(std::string_view(bytes).substr(0, length));
			ASSERT_TRUE(frame) << word(request.verb) << " " << length;
			EXPECT_FALSE(*frame);
		}
	}
}

TEST(PeerMessage, WhoseBodyIsTooShortOrTooLongIsRefused)
{
	for (const auto &request : test::peer_requests()) {
		auto bytes = encode(request);
		bytes[19] = static_cast<char>(bytes[19] - 1);
		EXPECT_EQ(decode_peer_frame(bytes).error().code, std::errc::bad_message);
		bytes[19] = static_cast<char>(bytes[19] + 2);
		EXPECT_EQ(decode_peer_frame(bytes + "x").error().code, std::errc::bad_message);
	}
}

TEST(PeerMessage, OfAnotherProtocolVersionOrSizeIsRefusedAtOnce)
{
	EXPECT_EQ(decode_peer_frame("GET / HTTP/1.1").error().code, std::errc::bad_message);
	EXPECT_EQ(decode_peer_frame("SX").error().code, std::errc::bad_message);

	auto bytes = encode(test::peer_requests().back());
	auto other = bytes;
	other[5] = 2;
	EXPECT_EQ(decode_peer_frame(other).error().code, std::errc::protocol_not_supported);
	auto huge = bytes.substr(0, peer_header_bytes);
	huge[17] = 1;
	EXPECT_EQ(decode_peer_frame(huge).error().code, std::errc::message_size);
	auto verb = bytes;
	verb[7] = 99;
	EXPECT_THAT(decode_peer_frame(verb).error().message(), HasSubstr("unknown verb 99"));
}

TEST(PeerMessage, AStatusOfALaterVersionIsAFailure)
{
	PeerAnswer answer;
	answer.verb = PeerVerb::LuReset;
	answer.status = PeerStatus::BadRequest;
	auto bytes = encode(answer);
	bytes[peer_header_bytes + 9] = 77;
	const auto frame = decode_peer_frame(bytes);
	ASSERT_TRUE(frame && *frame && (*frame)->answer);
	EXPECT_EQ((*frame)->answer->status, PeerStatus::Failed);
}

TEST(PeerMessage, MoreKeysThanFitAreCutAndTheFrameStaysSmall)
{
	PeerAnswer answer;
	answer.verb = PeerVerb::Keys;
	answer.keys.assign(5000, 1);
	const auto bytes = encode(answer);
	EXPECT_LE(bytes.size(), peer_frame_bytes_max);
	ASSERT_TRUE(decode_peer_frame(bytes));
}

TEST(PeerStatus, IsTheErrnoThatTheFenceKnows)
{
	EXPECT_EQ(errno_of(PeerStatus::InProgress), EINPROGRESS);
	EXPECT_EQ(errno_of(PeerStatus::NotRegistered), ENOENT);
	EXPECT_EQ(errno_of(PeerStatus::Conflict), EBADE);
	EXPECT_EQ(errno_of(PeerStatus::Unsupported), EOPNOTSUPP);
	EXPECT_EQ(errno_of(PeerStatus::Ok), 0);
}

} // namespace
} // namespace swpath
