// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/unit_status.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

// As dm-sw prints them.
constexpr const char *online =
	"14 online - 0 1 0 0 0 3 0 none 41234 - - prove "
	"2 8 direct 8:0 ready 212 0 1 0 none served 43:0 ready 0 0 0 14999 none";
constexpr const char *verifying =
	"14 verify prove 3 7 - 37 151552 0 2 timeout 1203 3598797 0 drain "
	"2 8 direct 8:0 failed 0 4 2 0 timeout served - absent 0 0 1 0 path-gone";

std::string replaced(std::string text, const std::string &from, const std::string &to)
{
	const auto at = text.find(from);
	EXPECT_NE(at, std::string::npos) << from;
	return text.replace(at, from.size(), to);
}

TEST(ParseStatus, ReadsAUnitThatIsOnline)
{
	const auto status = parse_status(online);
	ASSERT_TRUE(status) << status.error().context;
	EXPECT_EQ(status->state, UnitState::ONLINE);
	EXPECT_EQ(status->phase, Phase::NONE);
	EXPECT_EQ(status->epoch, 1U);
	EXPECT_EQ(status->active, 0U);
	EXPECT_EQ(status->oldest_ms, 3U);
	EXPECT_EQ(status->since_ms, 41234U);
	EXPECT_FALSE(status->left_ms);
	EXPECT_FALSE(status->from);
	EXPECT_EQ(status->fence, Fence::PROVE);
	ASSERT_EQ(status->paths.size(), 2U);
	EXPECT_EQ(status->paths[0].device, (DevNumber{8, 0}));
	EXPECT_EQ(status->paths[0].inflight, 212U);
	EXPECT_EQ(status->paths[1].kind, PathKind::SERVED);
	EXPECT_EQ(status->paths[1].ticket_ms, 14999U);
}

TEST(ParseStatus, ReadsAMountVerification)
{
	const auto status = parse_status(verifying);
	ASSERT_TRUE(status) << status.error().context;
	EXPECT_EQ(status->state, UnitState::VERIFY);
	EXPECT_EQ(status->phase, Phase::PROVE);
	EXPECT_EQ(status->mv, 3U);
	EXPECT_FALSE(status->active);
	EXPECT_EQ(status->held_bios, 37U);
	EXPECT_EQ(status->held_bytes, 151552U);
	EXPECT_EQ(status->doubt, 2U);
	EXPECT_EQ(status->reason, Reason::TIMEOUT);
	EXPECT_EQ(status->left_ms, 3598797U);
	EXPECT_EQ(status->from, 0U);
	EXPECT_EQ(status->paths[0].state, PathState::FAILED);
	EXPECT_EQ(status->paths[0].errors, 4U);
	EXPECT_FALSE(status->paths[1].device);
	EXPECT_EQ(status->paths[1].reason, Reason::PATH_GONE);
}

TEST(ParseStatus, SkipsWordsThatALaterKernelAdds)
{
	auto line = replaced(online, "14 online", "16 online");
	line = replaced(line, "prove 2 8 ", "prove new words 2 9 ");
	line = replaced(line, "0 none served", "0 none extra served");
	line += " extra";
	ASSERT_TRUE(parse_status(line)) << parse_status(line).error().context;
	EXPECT_EQ(*parse_status(line), *parse_status(online));
}

TEST(ParseStatus, NamesTheWordThatIsWrong)
{
	const auto error = [](const std::string &line) {
		const auto status = parse_status(line);
		if (status)
			return std::string("accepted");
		EXPECT_EQ(status.error().code, std::errc::bad_message);
		return status.error().context;
	};
	EXPECT_EQ(error(""), "status: ends before number of unit words");
	EXPECT_EQ(error("13 online"),
		  "status: number of unit words '13' is not a number from 14 to 64");
	EXPECT_EQ(error("14 online"), "status: the unit has 1 words, says 14");
	EXPECT_EQ(error(replaced(online, "online", "onlin")),
		  "status: state 'onlin' is none of online, verify, held, failed");
	EXPECT_EQ(error(replaced(online, "41234", "-1")), "status: since_ms '-1' is not a number");
	EXPECT_EQ(error(replaced(online, "0 1 0 0 0", "0 1 2 0 0")),
		  "status: active '2' is not a path: there are 2");
	EXPECT_EQ(error(replaced(online, "prove 2 8", "prove 0 8")),
		  "status: number of paths '0' is not a number from 1 to 8");
	EXPECT_EQ(error(replaced(online, "prove 2 8", "prove 2 7")),
		  "status: words of a path '7' is not a number from 8 to 64");
	EXPECT_EQ(error(replaced(online, "43:0", "nbd0")),
		  "status of path 1: device 'nbd0' is not MAJ:MIN");
	EXPECT_EQ(error(std::string(online) + " more"), "status: 'more' after the last path");
	EXPECT_EQ(error(replaced(online, "prove 2 8", "prove 3 8")),
		  "status: path 2 has 0 words, says 8");
}

TEST(ParseStatus, RefusesEveryLineThatIsCutOff)
{
	const std::string line = verifying;
	const auto words = line.find_last_of(' ');
	for (std::size_t length = 0; length <= words; length++)
		EXPECT_FALSE(parse_status(line.substr(0, length))) << length;
}

TEST(ParseHistory, AnEmptyReplyIsAnEmptyHistory)
{
	EXPECT_TRUE(parse_history("")->empty());
	EXPECT_TRUE(parse_history("\n")->empty());
}

TEST(ParseHistory, ReadsSwitchesAndFailures)
{
	const auto history = parse_history(
		"1 1 - 0 load ticket 1795305600000 0 0 12 3 0 0 0 -\n"
		"2 2 0 1 timeout drained 1795305732123 1080000 0 30000 2000 37 151552 2 "
		"drain-policy\n"
		"2 3 1 - no-path none 1795305800000 10 0 3600000000 5 4 16384 0 - later words\n");
	ASSERT_TRUE(history) << history.error().context;
	ASSERT_EQ(history->size(), 3U);
	const auto &second = (*history)[1];
	EXPECT_EQ(second.epoch, 2U);
	EXPECT_EQ(second.from, 0U);
	EXPECT_EQ(second.to, 1U);
	EXPECT_EQ(second.method, Method::DRAINED);
	EXPECT_EQ(second.at_ms, 1795305732123U);
	EXPECT_EQ(second.total_us(), 1112000U);
	EXPECT_EQ(second.evidence, "drain-policy");
	EXPECT_FALSE((*history)[0].from);
	EXPECT_EQ((*history)[0].evidence, "");
	EXPECT_FALSE((*history)[2].to);
}

TEST(ParseHistory, NamesLineAndWord)
{
	EXPECT_EQ(parse_history("1 2 3").error().context, "history line 1: has 3 words, needs 15");
	const std::string good = "1 1 - 0 load ticket 1 0 0 1 1 0 0 0 -\n";
	EXPECT_EQ(parse_history(good + "1 1 - 9 load ticket 1 0 0 1 1 0 0 0 -").error().context,
		  "history line 2: to '9' is not a path: there are 8");
	EXPECT_EQ(parse_history(good + "1 1 - 0 load magic 1 0 0 1 1 0 0 0 -").error().context,
		  "history line 2: method 'magic' is none of none, ticket, none-needed, drained, "
		  "export-revoked, preempt-abort, lu-reset, node-fenced, operator");
	std::string many;
	for (int line = 0; line <= SW_HISTORY_MAX; line++)
		many += good;
	EXPECT_EQ(parse_history(many).error().context, "history line 33: more than 32 records");
}

TEST(ParseWitness, ReadsRecords)
{
	EXPECT_TRUE(parse_witness("")->empty());
	const auto records = parse_witness("8 4096 e3069283 12\n1024 512 00000001 0 later words\n");
	ASSERT_TRUE(records) << records.error().context;
	const std::vector<WitnessRecord> expected{{8, 4096, 0xe3069283, 12}, {1024, 512, 1, 0}};
	EXPECT_EQ(*records, expected);
}

TEST(ParseWitness, NamesLineAndWord)
{
	const auto error = [](const std::string &reply) {
		return parse_witness(reply).error().context;
	};
	EXPECT_EQ(error("8 512 1"), "witness line 1: has 3 words, needs 4");
	EXPECT_EQ(error("8 512 1 2\n8 513 1 2"),
		  "witness line 2: bytes '513' is not whole sectors up to 4096 bytes");
	EXPECT_EQ(error("8 8192 1 2"),
		  "witness line 1: bytes '8192' is not whole sectors up to 4096 bytes");
	EXPECT_EQ(error("8 512 123456789 2"),
		  "witness line 1: crc32c '123456789' is no hexadecimal number of 32 bits");
	EXPECT_EQ(error("8 512 xyz 2"),
		  "witness line 1: crc32c 'xyz' is no hexadecimal number of 32 bits");
	std::string many;
	for (int line = 0; line <= SW_WITNESS_MAX; line++)
		many += "8 512 1 2\n";
	EXPECT_EQ(error(many), "witness line 65: more than 64 records");
}

} // namespace
} // namespace swpath
