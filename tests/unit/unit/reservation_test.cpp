// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/reservation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t key_a = 0x5357000000000abc, key_b = 0x5357000000000def;

const Bytes two_keys{0, 0, 0,    5,    0,    0,    0, 16, 0x53, 0x57, 0,    0,
		     0, 0, 0x0a, 0xbc, 0x53, 0x57, 0, 0,  0,    0,    0x0d, 0xef};
const Bytes reserved{0, 0, 0,    5,    0, 0, 0, 16, 0x53, 0x57, 0, 0,
		     0, 0, 0x0a, 0xbc, 0, 0, 0, 0,  0,    0x05, 0, 0};
// Two registrants, the first of which holds a reservation; iSCSI transport ids.
const Bytes full_status{
	0,    0,   0, 5,  0,    0,    0,   88,  0x53, 0x57, 0,   0,   0,   0,   0x0a, 0xbc,
	0,    0,   0, 0,  0x01, 0x05, 0,   0,   0,    0,    0,   1,   0,   0,   0,    24,
	0x45, 0,   0, 20, 'i',  'q',  'n', '.', 'a',  ':',  'x', ',', 'i', ',', '0',  'x',
	'1',  '2', 0, 0,  0,    0,    0,   0,   0x53, 0x57, 0,   0,   0,   0,   0x0d, 0xef,
	0,    0,   0, 0,  0x02, 0,    0,   0,   0,    0,    0,   1,   0,   0,   0,    16,
	0x05, 0,   0, 12, 'i',  'q',  'n', '.', 'b',  ':',  'y', 0,   0,   0,   0,    0};

TEST(ReservationKeys, AreReadInTheirOrder)
{
	const auto keys = parse_reservation_keys(two_keys);
	ASSERT_TRUE(keys) << keys.error().message();
	EXPECT_EQ(keys->generation, 5U);
	EXPECT_THAT(keys->keys, ElementsAre(key_a, key_b));
	const auto none = parse_reservation_keys(Bytes{0, 0, 0, 0, 0, 0, 0, 0});
	ASSERT_TRUE(none);
	EXPECT_TRUE(none->keys.empty());
}

TEST(ReservationKeys, ThatAreCutOffAreRefused)
{
	for (std::size_t length = 0; length < two_keys.size(); length++)
		EXPECT_EQ(parse_reservation_keys(std::span(two_keys).first(length)).error().code,
			  std::errc::bad_message)
			<< length;
	auto odd = two_keys;
	odd[7] = 15;
	EXPECT_FALSE(parse_reservation_keys(odd));
}

TEST(ReservationHolder, IsReadWithItsType)
{
	const auto holder = parse_reservation_holder(reserved);
	ASSERT_TRUE(holder) << holder.error().message();
	EXPECT_EQ(*holder,
		  (ReservationHolder{5, ReservationType::WriteExclusiveRegistrants, key_a}));
	const auto none = parse_reservation_holder(Bytes{0, 0, 0, 7, 0, 0, 0, 0});
	ASSERT_TRUE(none);
	EXPECT_EQ(none->type, ReservationType::None);
	EXPECT_EQ(none->generation, 7U);
}

TEST(ReservationHolder, ThatIsCutOffOrOfNoTypeIsRefused)
{
	for (std::size_t length = 0; length < reserved.size(); length++)
		EXPECT_FALSE(parse_reservation_holder(std::span(reserved).first(length))) << length;
	auto strange = reserved;
	strange[21] = 0;
	EXPECT_FALSE(parse_reservation_holder(strange));
	strange[7] = 8;
	EXPECT_FALSE(parse_reservation_holder(strange));
}

TEST(ReservationCapabilities, AreReadWithTheMaskOfTypes)
{
	// As LIO answers: all target ports, PTPL capable and active, all six types.
	const auto can = parse_reservation_capabilities(Bytes{0, 8, 0x15, 0x91, 0xea, 0x01, 0, 0});
	ASSERT_TRUE(can);
	EXPECT_TRUE(can->persists);
	EXPECT_TRUE(can->persists_now);
	EXPECT_TRUE(can->all_target_ports);
	ASSERT_TRUE(can->types_valid);
	for (const unsigned type : {1, 3, 5, 6, 7, 8})
		EXPECT_NE(can->types >> type & 1, 0) << type;
	EXPECT_EQ(can->types & 1 << 4, 0);
	EXPECT_FALSE(parse_reservation_capabilities(Bytes{0, 8, 0, 0, 0, 0, 0}));
	EXPECT_FALSE(parse_reservation_capabilities(Bytes{0, 4, 0, 0, 0, 0, 0, 0}));
}

TEST(ReservationStatus, NamesEachNexus)
{
	const auto status = parse_reservation_status(full_status);
	ASSERT_TRUE(status) << status.error().message();
	ASSERT_EQ(status->size(), 2U);
	const auto &first = (*status)[0];
	EXPECT_EQ(first.key, key_a);
	EXPECT_TRUE(first.holder);
	EXPECT_EQ(first.type, ReservationType::WriteExclusiveRegistrants);
	EXPECT_EQ(first.target_port, 1);
	EXPECT_EQ(transport_id_text(first.transport_id), "iqn.a:x,i,0x12");
	const auto &second = (*status)[1];
	EXPECT_FALSE(second.holder);
	EXPECT_EQ(second.type, ReservationType::None);
	EXPECT_TRUE(second.all_target_ports);
	EXPECT_EQ(transport_id_text(second.transport_id), "iqn.b:y");
	EXPECT_EQ(transport_id_text(Bytes{0x06, 0x50}), "protocol 6: 0650");
	EXPECT_EQ(transport_id_text({}), "protocol 0: ");
}

TEST(ReservationStatus, ThatIsCutOffIsRefused)
{
	for (std::size_t length = 0; length < full_status.size(); length++)
		EXPECT_FALSE(parse_reservation_status(std::span(full_status).first(length)))
			<< length;
	auto shorter = full_status;
	for (const std::uint8_t length : {87, 60, 47, 23}) {
		shorter[7] = length;
		EXPECT_FALSE(parse_reservation_status(shorter)) << +length;
	}
}

TEST(ReserveOut, HasTheParametersOfTheStandard)
{
	const auto bytes = reserve_out_parameters(key_a, key_b, true);
	EXPECT_THAT(bytes, ElementsAre(0x53, 0x57, 0, 0, 0, 0, 0x0a, 0xbc, 0x53, 0x57, 0, 0, 0, 0,
				       0x0d, 0xef, 0, 0, 0, 0, 0x01, 0, 0, 0));
	EXPECT_EQ(reserve_out_parameters(0, 0, false)[20], 0);
}

TEST(ReservationKey, IsTheSameForTheSameWayAndDiffersForAnyOther)
{
	const auto key = reservation_key("host", "naa.6001405a", "direct");
	EXPECT_EQ(key, reservation_key("host", "naa.6001405a", "direct"));
	EXPECT_EQ(key >> 48, 0x5357U);
	EXPECT_NE(key, reservation_key("host", "naa.6001405a", "other"));
	EXPECT_NE(key, reservation_key("host", "naa.6001405b", "direct"));
	EXPECT_NE(key, reservation_key("tsoh", "naa.6001405a", "direct"));
	EXPECT_NE(reservation_key("ab", "c", "d"), reservation_key("a", "bc", "d"));
	EXPECT_EQ(reservation_key_text(0x5357000000000abc), "0x5357000000000abc");
}

TEST(ReservationType, IsWrittenForPeople)
{
	EXPECT_EQ(reservation_type_text(ReservationType::WriteExclusiveRegistrants),
		  "write exclusive, registrants only");
	EXPECT_EQ(reservation_type_text(static_cast<ReservationType>(4)), "type 4");
}

} // namespace
} // namespace swpath
