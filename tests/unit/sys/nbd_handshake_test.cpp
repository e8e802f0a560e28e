// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/nbd_handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swpath
{
namespace
{

using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

Bytes from_hex(std::string_view hex)
{
	Bytes bytes;
	for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
		bytes.push_back(static_cast<std::uint8_t>(
			std::stoul(std::string(hex.substr(at, 2)), nullptr, 16)));
	return bytes;
}

constexpr const char *greeting = "4e42444d4147494349484156454f50540003";

// What servers of Debian 12 answered to NBD_OPT_GO with a request for block sizes.
constexpr const char *qemu_reply =
	"0003e889045565a900000007000000030000000e0003000000010000100002000000"
	"0003e889045565a900000007000000030000000c000000000000001000000c6d"
	"0003e889045565a9000000070000000100000000";
constexpr const char *qemu_no_export = "0003e889045565a900000007800000060000001a6578706f727420276f7"
				       "468657227206e6f742070726573656e74";
constexpr const char *nbdkit_read_only_reply =
	"0003e889045565a900000007000000030000000c000000000000001000000507"
	"0003e889045565a9000000070000000100000000";

/// Plays a server's bytes to a client that wants them, as a socket would.
struct Played {
	Result<NbdExport> result;
	Bytes sent;
	std::size_t left = 0; ///< bytes that the client did not take
};

Played play(std::string_view name, const Bytes &server)
{
	NbdHandshake handshake(name);
	Played played{fail(ECONNRESET, "the server said no more"), {}, 0};
	std::span<const std::uint8_t> rest(server);
	while (!handshake.done() && handshake.wants() <= rest.size()) {
		const auto bytes = rest.first(handshake.wants());
		rest = rest.subspan(handshake.wants());
		const auto answer = handshake.step(bytes);
		if (!answer) {
			EXPECT_EQ(handshake.wants(), 0U);
			played.result = tl::unexpected(answer.error());
			break;
		}
		played.sent.insert(played.sent.end(), answer->begin(), answer->end());
	}
	if (handshake.done())
		played.result = handshake.result();
	played.left = rest.size();
	return played;
}

Played play(std::string_view name, const std::string &hex)
{
	return play(name, from_hex(hex));
}

std::string error_of(const std::string &hex)
{
	const auto played = play("disk", hex);
	return played.result ? "accepted" : played.result.error().context;
}

/// An option reply as a server would send it.
std::string reply(std::uint32_t type, const std::string &data_hex)
{
	char header[64];
	std::snprintf(header, sizeof(header), "0003e889045565a900000007%08x%08zx", type,
		      data_hex.size() / 2);
	return header + data_hex;
}

TEST(NbdHandshake, TakesWhatQemuSays)
{
	const auto played = play("disk", std::string(greeting) + qemu_reply);
	ASSERT_TRUE(played.result) << played.result.error().context;
	EXPECT_EQ(played.result->size_bytes, 1U << 20);
	EXPECT_EQ(played.result->flags, 0x0c6d);
	EXPECT_EQ(played.result->min_block_bytes, 1U);
	EXPECT_EQ(played.result->max_payload_bytes, 32U << 20);
	EXPECT_FALSE(played.result->read_only());
	EXPECT_TRUE(played.result->can_flush());
	EXPECT_TRUE(played.result->can_fua());
	EXPECT_TRUE(played.result->can_trim());
	// Client flags, then NBD_OPT_GO with the name and one request for information.
	EXPECT_EQ(played.sent,
		  from_hex("00000003"
			   "49484156454f5054000000070000000c000000046469736b00010003"));
}

TEST(NbdHandshake, TakesNoByteOfTheDataPhase)
{
	const auto played = play("disk", std::string(greeting) + qemu_reply + "67446698");
	ASSERT_TRUE(played.result);
	EXPECT_EQ(played.left, 4U);
}

TEST(NbdHandshake, SeesAReadOnlyExport)
{
	const auto played = play("", std::string(greeting) + nbdkit_read_only_reply);
	ASSERT_TRUE(played.result) << played.result.error().context;
	EXPECT_TRUE(played.result->read_only());
}

TEST(NbdHandshake, KeepsTheServersOwnWords)
{
	const auto played = play("other", std::string(greeting) + qemu_no_export);
	ASSERT_FALSE(played.result);
	EXPECT_EQ(played.result.error().code, std::errc::no_such_file_or_directory);
	EXPECT_EQ(played.result.error().context,
		  "NBD server has no such export (\"export 'other' not present\")");
}

TEST(NbdHandshake, TheServersWordsCannotControlATerminal)
{
	EXPECT_EQ(error_of(greeting + reply(0x80000002, "1b5b324a68690a")),
		  "NBD server refuses by policy (\"?[2Jhi?\")");
}

TEST(NbdHandshake, NamesTheCauseOfARefusal)
{
	const auto code = [](std::uint32_t type) {
		return play("disk", greeting + reply(type, "")).result.error().code;
	};
	EXPECT_EQ(code(0x80000001), std::errc::operation_not_supported);
	EXPECT_EQ(code(0x80000005), std::errc::protocol_not_supported);
	EXPECT_EQ(code(0x80000007).value(), ESHUTDOWN);
	EXPECT_EQ(code(0x8000ffff), std::errc::protocol_error);
}

TEST(NbdHandshake, RefusesWhatIsNoServer)
{
	EXPECT_THAT(error_of("485454502f312e3120343030204261642052"),
		    HasSubstr("has another greeting"));
	EXPECT_THAT(error_of("4e42444d4147494300420281861253000000"), HasSubstr("old style"));
	EXPECT_THAT(error_of("4e42444d4147494349484156454f50540002"),
		    HasSubstr("no fixed newstyle"));
}

TEST(NbdHandshake, RefusesAServerThatBreaksTheProtocol)
{
	const std::string header = greeting;
	EXPECT_THAT(error_of(header + "0003e889045565aa000000070000000100000000"),
		    HasSubstr("no reply to an option"));
	EXPECT_THAT(error_of(header + "0003e889045565a9000000060000000100000000"),
		    HasSubstr("an option that was not sent"));
	EXPECT_THAT(error_of(header + "0003e889045565a9000000070000000300001001"),
		    HasSubstr("a reply of 4097 bytes"));
	EXPECT_THAT(error_of(header + reply(1, "")), HasSubstr("without saying what it exports"));
	EXPECT_THAT(error_of(header + reply(3, "")), HasSubstr("information without a type"));
	EXPECT_THAT(error_of(header + reply(3, "0000000000000010")), HasSubstr("in 8 bytes"));
	EXPECT_THAT(error_of(header + reply(3, "000000000000001000000000")),
		    HasSubstr("no transmission flags"));
	EXPECT_THAT(error_of(header + reply(3, "0003000000030000100002000000")),
		    HasSubstr("make no sense"));
}

TEST(NbdHandshake, RefusesASizeThatIsNoDisk)
{
	for (const char *size : {"0000000000000000", "0000000000000001", "ffffffffffffffff"})
		EXPECT_THAT(error_of(greeting + reply(3, "0000" + std::string(size) + "0001")),
			    HasSubstr("is no disk"))
			<< size;
}

TEST(NbdHandshake, AServerCannotTalkForEver)
{
	std::string endless = greeting;
	for (unsigned number = 0; number <= NbdHandshake::replies_max; number++)
		endless += reply(3, "0007"); // information of a kind that is unknown here
	EXPECT_THAT(error_of(endless), HasSubstr("more than 32 replies"));
}

TEST(NbdHandshake, EveryCutLeavesItWaiting)
{
	const auto server = from_hex(std::string(greeting) + qemu_reply);
	for (std::size_t length = 0; length < server.size(); length++) {
		const auto played = play("disk", Bytes(server.begin(), server.begin() + length));
		EXPECT_EQ(played.result.error().context, "the server said no more") << length;
	}
}

// What nbdkit 1.32 with --tls=require answered to NBD_OPT_STARTTLS.
constexpr const char *starttls_ack = "0003e889045565a9000000050000000100000000";

TEST(NbdHandshakeTls, SaysNothingElseInTheClear)
{
	NbdHandshake handshake("disk", true);
	const auto asked = handshake.step(from_hex(greeting));
	ASSERT_TRUE(asked);
	EXPECT_EQ(*asked, from_hex("0000000349484156454f50540000000500000000"));
	EXPECT_FALSE(handshake.wants_tls());
	ASSERT_TRUE(handshake.step(from_hex(starttls_ack)));
	EXPECT_TRUE(handshake.wants_tls());
	EXPECT_EQ(handshake.wants(), 0U);
	EXPECT_FALSE(handshake.step({})) << "not before the connection is secured";

	const auto secured = handshake.secured();
	ASSERT_TRUE(secured);
	EXPECT_FALSE(handshake.wants_tls());
	EXPECT_FALSE(handshake.secured()) << "once";
	EXPECT_EQ(Bytes(secured->begin(), secured->begin() + 12),
		  from_hex("49484156454f505400000007"))
		<< "NBD_OPT_GO, without the client's flags";
	EXPECT_EQ(handshake.wants(), 20U);
}

TEST(NbdHandshakeTls, AServerWithoutItOrWithOtherAnswersIsRefused)
{
	const auto answered = [](const char *reply) {
		NbdHandshake handshake("disk", true);
		EXPECT_TRUE(handshake.step(from_hex(greeting)));
		const auto bytes = from_hex(reply);
		auto result = handshake.step({bytes.data(), 20});
		if (result && bytes.size() > 20)
			result = handshake.step({bytes.data() + 20, bytes.size() - 20});
		return result ? 0 : result.error().code.value();
	};
	EXPECT_EQ(answered("0003e889045565a9000000058000000100000000"), EOPNOTSUPP);
	EXPECT_EQ(answered("0003e889045565a9000000058000000200000000"), EACCES);
	EXPECT_EQ(answered("0003e889045565a9000000070000000100000000"), EPROTO) << "another option";
	EXPECT_EQ(answered("0003e889045565a9000000050000000300000000"), EPROTO);
	EXPECT_EQ(answered("0003e889045565a900000005000000010000000141"), EPROTO);
	EXPECT_EQ(answered(starttls_ack), 0);
}

} // namespace
} // namespace swpath
