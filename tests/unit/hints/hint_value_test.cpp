// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/hints/hint_value.h"

#include <cerrno>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "libpath/base/crc32c.h"

namespace swpath
{
namespace
{

HintValue example()
{
	HintValue value;
	value.bus = {17, 'B'};
	value.shared = true;
	value.server = 2;
	value.epoch = 3;
	value.disk = 0x1122334455667788;
	return value;
}

/// With a field of `size` bytes set to `byte` each, and a CRC that fits.
HintBytes forged(std::size_t at, std::size_t size, std::uint8_t byte)
{
	auto bytes = *example().encode();
	for (std::size_t i = 0; i < size; i++)
		bytes[at + i] = static_cast<std::byte>(byte);
	const auto crc = crc32c(std::span(bytes).first(28));
	for (unsigned i = 0; i < 4; i++)
		bytes[28 + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
	return bytes;
}

TEST(HintValue, HasTheDocumentedLayout)
{
	const auto bytes = *example().encode();
	const std::uint8_t wanted[28] = {0x53, 0x57, 1,    1,    0,    0,    0,    17,  0, 2,
					 0,    2,    0,    0,    0,    0,    0,    0,   0, 3,
					 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
	for (std::size_t i = 0; i < 28; i++)
		EXPECT_EQ(std::to_integer<unsigned>(bytes[i]), wanted[i]) << i;
}

TEST(HintValue, EachFlagIsABit)
{
	const auto flags = [](bool shared, bool serves, bool disputed) {
		auto value = example();
		value.shared = shared;
		value.serves = serves;
		value.disputed = disputed;
		return std::to_integer<unsigned>((*value.encode())[3]);
	};
	EXPECT_EQ(flags(false, false, false), 0U);
	EXPECT_EQ(flags(true, false, false), 1U);
	EXPECT_EQ(flags(false, true, false), 2U);
	EXPECT_EQ(flags(false, false, true), 4U);
	EXPECT_EQ(flags(true, true, true), 7U);
}

TEST(HintValue, ComesBackAsItWas)
{
	EXPECT_TRUE(rc::check([](bool shared, bool serves, bool disputed) {
		HintValue value;
		value.bus.allocation_class =
			std::max<std::uint32_t>(*rc::gen::arbitrary<std::uint32_t>(), 1);
		value.bus.letter = *rc::gen::inRange('A', static_cast<char>('Z' + 1));
		value.shared = shared;
		value.serves = serves;
		value.disputed = disputed;
		value.server = std::max<std::uint16_t>(*rc::gen::arbitrary<std::uint16_t>(), 1);
		value.epoch = std::max<std::uint64_t>(*rc::gen::arbitrary<std::uint64_t>(), 1);
		value.disk = std::max<std::uint64_t>(*rc::gen::arbitrary<std::uint64_t>(), 1);
		const auto bytes = value.encode();
		RC_ASSERT(bytes.has_value());
		RC_ASSERT(HintValue::decode(*bytes) == value);
	}));
}

TEST(HintValue, TheEndsOfEveryRangeFit)
{
	auto value = example();
	for (const std::uint32_t each : {1U, std::numeric_limits<std::uint32_t>::max()}) {
		value.bus.allocation_class = each;
		EXPECT_EQ(HintValue::decode(*value.encode()), value);
	}
	for (const char each : {'A', 'Z'}) {
		value.bus.letter = each;
		EXPECT_EQ(HintValue::decode(*value.encode()), value);
	}
	for (const std::uint16_t each : {1, 65535}) {
		value.server = each;
		EXPECT_EQ(HintValue::decode(*value.encode()), value);
	}
	for (const std::uint64_t each : {std::uint64_t{1}, UINT64_MAX}) {
		value.epoch = value.disk = each;
		EXPECT_EQ(HintValue::decode(*value.encode()), value);
	}
}

TEST(HintValue, AFieldOutOfItsRangeIsNotWritten)
{
	const auto refused = [](auto change, const char *why) {
		auto value = example();
		change(value);
		const auto bytes = value.encode();
		ASSERT_FALSE(bytes);
		EXPECT_EQ(bytes.error().context, why);
	};
	refused([](auto &value) { value.bus.allocation_class = 0; },
		"hint: the allocation class is 0");
	refused([](auto &value) { value.bus.letter = 'a'; },
		"hint: the port is no letter from A to Z");
	refused([](auto &value) { value.bus.letter = '@'; },
		"hint: the port is no letter from A to Z");
	refused([](auto &value) { value.server = 0; }, "hint: the number of the host is 0");
	refused([](auto &value) { value.epoch = 0; }, "hint: the epoch is 0");
	refused([](auto &value) { value.disk = 0; }, "hint: no disk stands for the bus");
}

TEST(HintValue, EverySingleWrongBitIsRefused)
{
	const auto bytes = *example().encode();
	for (std::size_t bit = 0; bit < 8 * bytes.size(); bit++) {
		auto wrong = bytes;
		wrong[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
		const auto value = HintValue::decode(wrong);
		ASSERT_FALSE(value) << "bit " << bit;
		EXPECT_EQ(value.error().code, std::errc::bad_message) << "bit " << bit;
	}
}

TEST(HintValue, ABadInputIsRefusedWithItsCause)
{
	const auto refused = [](const Result<HintValue> &value, int code, const std::string &why) {
		ASSERT_FALSE(value);
		EXPECT_EQ(value.error().code.value(), code) << value.error().context;
		EXPECT_EQ(value.error().context, why);
	};
	const std::vector<std::byte> bytes(64);
	refused(HintValue::decode(std::span(bytes).first(0)), EMSGSIZE,
		"hint: 0 bytes, a hint has 32");
	refused(HintValue::decode(std::span(bytes).first(31)), EMSGSIZE,
		"hint: 31 bytes, a hint has 32");
	refused(HintValue::decode(std::span(bytes).first(33)), EMSGSIZE,
		"hint: 33 bytes, a hint has 32");
	refused(HintValue::decode(std::span(bytes).first(32)), ENODATA,
		"hint: nobody has left a mark");
	refused(HintValue::decode(forged(0, 1, 0x54)), EBADMSG,
		"hint: begins with 0x5457, a hint with 0x5357");
	refused(HintValue::decode(forged(2, 1, 2)), EPROTONOSUPPORT,
		"hint: of version 2, this host reads version 1");
	refused(HintValue::decode(forged(3, 1, 0x08)), EBADMSG, "hint: unknown flags 0x08");
	refused(HintValue::decode(forged(9, 1, 27)), EBADMSG, "hint: port 27 is none from 1 to 26");
	refused(HintValue::decode(forged(9, 1, 0)), EBADMSG, "hint: port 0 is none from 1 to 26");
	refused(HintValue::decode(forged(8, 1, 1)), EBADMSG, "hint: port 258 is none from 1 to 26");
	refused(HintValue::decode(forged(4, 4, 0)), EBADMSG, "hint: the allocation class is 0");
	refused(HintValue::decode(forged(10, 2, 0)), EBADMSG, "hint: the number of the host is 0");
	refused(HintValue::decode(forged(12, 8, 0)), EBADMSG, "hint: the epoch is 0");
	refused(HintValue::decode(forged(20, 8, 0)), EBADMSG, "hint: no disk stands for the bus");
	auto damaged = *example().encode();
	damaged[7] = std::byte{18};
	EXPECT_EQ(HintValue::decode(damaged).error().context.rfind("hint: damaged, its CRC is ", 0),
		  0U);
}

TEST(DiskHash, IsOfTheLogicalUnitAndNotOfTheWayToIt)
{
	Identity one;
	one.wwid = "naa.6001";
	one.designators = {
		{Association::LogicalUnit, DesignatorType::Naa, 1, {0x60, 0x01}},
		{Association::TargetPort, DesignatorType::RelativePort, 1, {0, 0, 0, 1}}};
	Identity other_way = one;
	other_way.designators[1].bytes[3] = 2;
	EXPECT_EQ(disk_hash(one), disk_hash(other_way));
	Identity other_disk = one;
	other_disk.designators[0].bytes[1] = 2;
	EXPECT_NE(disk_hash(one), disk_hash(other_disk));
	const Identity nameless{.wwid = "naa.6001", .serial = {}, .designators = {}};
	const Identity nameless_too{.wwid = "naa.6002", .serial = {}, .designators = {}};
	EXPECT_NE(disk_hash(nameless), disk_hash(nameless_too));
	EXPECT_NE(disk_hash({}), 0U);
}

} // namespace
} // namespace swpath
