// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/scsi.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libpath/base/unique_fd.h"

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t check_condition = 0x02;

ScsiOutcome outcome(std::uint8_t key, std::uint8_t asc, std::uint8_t ascq)
{
	return classify(check_condition, Sense{key, asc, ascq});
}

TEST(Sense, IsReadInBothFormats)
{
	const Bytes fixed{0x70, 0, 0x06, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0x01, 0, 0, 0, 0};
	const Bytes descriptor{0x72, 0x06, 0x29, 0x01, 0, 0, 0, 0};
	for (const auto &bytes : {fixed, descriptor}) {
		const auto sense = parse_sense(bytes);
		ASSERT_TRUE(sense);
		EXPECT_EQ(sense->key, 6);
		EXPECT_EQ(sense->asc, 0x29);
		EXPECT_EQ(sense->ascq, 1);
	}
	EXPECT_FALSE(parse_sense({}));
	EXPECT_FALSE(parse_sense(Bytes{0, 0, 0, 0, 0, 0, 0, 0}));
}

// SPC-4 4.5.7: a command that ends with the error of an earlier one was not executed.
TEST(Sense, OfAnEarlierCommandSaysThatThisOneWasNotExecuted)
{
	for (const std::uint8_t key : {0, 1, 3, 5, 6}) {
		const Bytes fixed{0x71, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x17, 0, 0, 0, 0, 0};
		const Bytes descriptor{0x73, key, 0x17, 0, 0, 0, 0, 0};
		for (const auto &bytes : {fixed, descriptor}) {
			const auto sense = parse_sense(bytes);
			ASSERT_TRUE(sense);
			EXPECT_EQ(classify(check_condition, sense), ScsiOutcome::Deferred) << +key;
		}
	}
	const Bytes current{0x70, 0, 1, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x17, 0, 0, 0, 0, 0};
	EXPECT_EQ(classify(check_condition, parse_sense(current)), ScsiOutcome::Good);
}

TEST(Sense, IsWrittenForPeople)
{
	const auto text = sense_text({6, 0x29, 0});
	EXPECT_THAT(text, HasSubstr("Unit Attention, Power on, reset"));
	EXPECT_THAT(text, HasSubstr("(6/29/00)"));
}

TEST(Classify, TellsPathsFromDisksAndRequests)
{
	EXPECT_EQ(classify(0, {}), ScsiOutcome::Good);
	EXPECT_EQ(classify(0x18, {}), ScsiOutcome::ReservationConflict);
	EXPECT_EQ(classify(0x08, {}), ScsiOutcome::Busy);
	EXPECT_EQ(classify(0x28, {}), ScsiOutcome::Busy);
	EXPECT_EQ(classify(0x40, {}), ScsiOutcome::Aborted);
	EXPECT_EQ(classify(check_condition, {}), ScsiOutcome::Other);
	EXPECT_EQ(outcome(0, 0, 0), ScsiOutcome::Good);
	EXPECT_EQ(outcome(1, 0x17, 0), ScsiOutcome::Good);
	EXPECT_EQ(outcome(2, 0x04, 0x01), ScsiOutcome::NotReady);
	EXPECT_EQ(outcome(2, 0x3a, 0), ScsiOutcome::NotReady);
	EXPECT_EQ(outcome(2, 0x04, 0x0b), ScsiOutcome::PortUnavailable);
	EXPECT_EQ(outcome(3, 0x11, 0), ScsiOutcome::MediumError);
	EXPECT_EQ(outcome(4, 0x44, 0), ScsiOutcome::HardwareError);
	EXPECT_EQ(outcome(5, 0x20, 0), ScsiOutcome::IllegalRequest);
	EXPECT_EQ(outcome(5, 0x25, 0), ScsiOutcome::NotConnected);
	EXPECT_EQ(outcome(6, 0x29, 0), ScsiOutcome::UnitAttention);
	EXPECT_EQ(outcome(7, 0x27, 0), ScsiOutcome::DataProtect);
	EXPECT_EQ(outcome(0xb, 0, 0), ScsiOutcome::Aborted);
}

TEST(ScsiOutcome, IsAnErrorCode)
{
	const Error error{make_error_code(ScsiOutcome::Timeout), "TEST UNIT READY"};
	EXPECT_EQ(error.code, ScsiOutcome::Timeout);
	EXPECT_EQ(error.code, std::errc::timed_out);
	EXPECT_EQ(error.message(), "TEST UNIT READY: timeout");
	EXPECT_EQ(make_error_code(ScsiOutcome::Offline), std::errc::no_such_device);
	EXPECT_EQ(make_error_code(ScsiOutcome::MediumError), std::errc::io_error);
	EXPECT_FALSE(make_error_code(ScsiOutcome::Good));
}

// Two groups, of one and of two ports.
const Bytes groups{0,    0, 0, 28, 0x80, 0x0f, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1,
		   0x02, 0, 0, 2,  0,    0,    0, 2, 0, 0, 0, 2, 0, 0, 0, 3};

TEST(PortGroups, AreReadWithTheirPorts)
{
	const auto read = parse_port_groups(groups);
	ASSERT_TRUE(read) << read.error().context;
	ASSERT_EQ(read->size(), 2U);
	EXPECT_EQ((*read)[0].group, 1);
	EXPECT_EQ((*read)[0].state, 0);
	EXPECT_TRUE((*read)[0].preferred);
	EXPECT_THAT((*read)[0].ports, ElementsAre(1));
	EXPECT_EQ((*read)[1].state, 2);
	EXPECT_FALSE((*read)[1].preferred);
	EXPECT_THAT((*read)[1].ports, ElementsAre(2, 3));
}

TEST(PortGroups, RefusesWhatIsCutOff)
{
	for (std::size_t length = 0; length < groups.size(); length++)
		EXPECT_FALSE(parse_port_groups(std::span(groups).first(length))) << length;
	auto shorter = groups;
	for (const std::uint8_t length : {27, 20, 13, 11, 5}) {
		shorter[3] = length;
		EXPECT_EQ(parse_port_groups(shorter).error().code, std::errc::bad_message)
			<< +length;
	}
}

TEST(ScsiDisk, AFileIsNoDisk)
{
	const UniqueFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
	ScsiDisk disk(fd.get(), std::chrono::seconds(1));
	EXPECT_EQ(disk.test_unit_ready().error().code,
		  std::errc::inappropriate_io_control_operation);
}

} // namespace
} // namespace swpath
