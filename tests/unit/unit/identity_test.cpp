// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/identity.h"

#include <string_view>

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

using Bytes = std::vector<std::uint8_t>;

Bytes text(std::string_view characters)
{
	return {characters.begin(), characters.end()};
}

Designator of_unit(DesignatorType type, Bytes bytes)
{
	return {Association::LogicalUnit, type, 1, std::move(bytes)};
}

Bytes numbered(std::uint8_t first, std::size_t count)
{
	Bytes bytes(count, 0x11);
	bytes[0] = first;
	return bytes;
}

/// Puts a page together from designators, as a disk would send it.
Bytes page83(const std::vector<Designator> &designators)
{
	Bytes page{0, 0x83, 0, 0};
	for (const auto &each : designators) {
		page.push_back(each.code_set);
		page.push_back(
			static_cast<std::uint8_t>(static_cast<unsigned>(each.association) << 4 |
						  static_cast<unsigned>(each.type)));
		page.push_back(0);
		page.push_back(static_cast<std::uint8_t>(each.bytes.size()));
		page.insert(page.end(), each.bytes.begin(), each.bytes.end());
	}
	const auto length = page.size() - 4;
	page[2] = static_cast<std::uint8_t>(length >> 8);
	page[3] = static_cast<std::uint8_t>(length);
	return page;
}

Bytes page80(std::string_view serial)
{
	Bytes page{0, 0x80, 0, static_cast<std::uint8_t>(serial.size())};
	page.insert(page.end(), serial.begin(), serial.end());
	return page;
}

// Page 0x83 with the layout of scsi_debug (drivers/scsi/scsi_debug.c, inquiry_vpd_83()), put
// together by hand: names of the unit, of two ports and of the target.
const Bytes scsi_debug_page{
	0x00, 0x83, 0x00, 0x94, 0x02, 0x01, 0x00, 0x1d, 'L',  'i',  'n',  'u',  'x',  ' ',  ' ',
	' ',  's',  'c',  's',  'i',  '_',  'd',  'e',  'b',  'u',  'g',  ' ',  ' ',  ' ',  ' ',
	' ',  ' ',  '2',  '0',  '0',  '0',  ' ',  0x01, 0x03, 0x00, 0x08, 0x33, 0x33, 0x33, 0x30,
	0x00, 0x00, 0x07, 0xd0, 0x61, 0x94, 0x00, 0x04, 0x00, 0x00, 0x00, 0x01, 0x61, 0x93, 0x00,
	0x08, 0x32, 0x22, 0x22, 0x20, 0x00, 0x00, 0x07, 0xce, 0x61, 0x95, 0x00, 0x04, 0x00, 0x00,
	0x01, 0x00, 0x61, 0xa3, 0x00, 0x08, 0x32, 0x22, 0x22, 0x20, 0x00, 0x00, 0x07, 0xcd, 0x63,
	0xa8, 0x00, 0x18, 'n',  'a',  'a',  '.',  '3',  '2',  '2',  '2',  '2',  '2',  '2',  '0',
	'0',  '0',  '0',  '0',  '0',  '7',  'C',  'D',  0x00, 0x00, 0x00, 0x00, 0x53, 0xa8, 0x00,
	0x18, 'n',  'a',  'a',  '.',  '3',  '2',  '2',  '2',  '2',  '2',  '2',  '0',  '0',  '0',
	'0',  '0',  '0',  '7',  'C',  'D',  0x00, 0x00, 0x00, 0x00};

TEST(Vpd83, ReadsNamesOfUnitPortAndTarget)
{
	auto page = scsi_debug_page;
	const auto length = page.size() - 4;
	page[2] = static_cast<std::uint8_t>(length >> 8);
	page[3] = static_cast<std::uint8_t>(length);
	const auto identity = make_identity(page, page80("2000"));
	ASSERT_TRUE(identity) << identity.error().context;
	EXPECT_EQ(identity->wwid, "naa.33333330000007d0");
	EXPECT_EQ(identity->serial, "2000");
	ASSERT_EQ(identity->of_unit().size(), 2U);
	EXPECT_EQ(identity->designators[0].text(), "t10.Linux   scsi_debug      2000 ");
	EXPECT_EQ(identity->relative_port(), 1U);
	EXPECT_EQ(identity->port_group(), 0x100U);
}

TEST(Vpd83, RefusesWhatIsCutOff)
{
	const auto page = page83({of_unit(DesignatorType::Naa, numbered(0x60, 16)),
				  of_unit(DesignatorType::T10, text("VENDOR  disk"))});
	EXPECT_TRUE(parse_vpd83(page));
	for (std::size_t length = 0; length < page.size(); length++)
		EXPECT_FALSE(parse_vpd83(std::span(page).first(length))) << length;
	auto inner = page;
	inner[7] = 200; // the first designator claims more than the page has
	EXPECT_EQ(parse_vpd83(inner).error().code, std::errc::bad_message);
	auto tail = page;
	tail[3] = static_cast<std::uint8_t>(tail[3] - 10); // ends within the second one
	EXPECT_EQ(parse_vpd83(tail).error().code, std::errc::bad_message);
}

TEST(Vpd83, IgnoresBytesAfterThePage)
{
	auto page = page83({of_unit(DesignatorType::Naa, numbered(0x60, 16))});
	page.resize(page.size() + 7, 0xff);
	EXPECT_EQ(parse_vpd83(page)->size(), 1U);
}

TEST(Vpd83, RefusesAnotherPage)
{
	auto page = page83({});
	page[1] = 0x80;
	EXPECT_EQ(parse_vpd83(page).error().context, "VPD page 0x83: the answer is page 0x80");
}

TEST(Vpd83, SkipsEmptyAndReservedDesignators)
{
	Bytes page{0, 0x83, 0, 14, 1, 0x03, 0, 0, 1, 0x33, 0, 1, 7, 1, 0x13, 0, 1, 9};
	const auto designators = parse_vpd83(page);
	ASSERT_TRUE(designators);
	ASSERT_EQ(designators->size(), 1U);
	EXPECT_EQ((*designators)[0].association, Association::TargetPort);
}

TEST(Vpd80, TakesTheSerialWithoutItsPadding)
{
	EXPECT_EQ(parse_vpd80(page80("  A1 B2  ")), "A1 B2");
	EXPECT_EQ(parse_vpd80(page80(std::string_view("\0\0A1\0", 5))), "A1");
	EXPECT_EQ(parse_vpd80(page80("")), "");
	EXPECT_FALSE(parse_vpd80({}));
	EXPECT_FALSE(parse_vpd80(page83({})));
}

// The kernel's order of preference: scsi_lib.c designator_prio().
TEST(KernelWwid, PrefersAsTheKernelDoes)
{
	const auto t10 = of_unit(DesignatorType::T10, text("LIO-ORG disk"));
	const auto eui8 = of_unit(DesignatorType::Eui64, numbered(0x22, 8));
	const auto eui12 = of_unit(DesignatorType::Eui64, numbered(0x22, 12));
	const auto eui16 = of_unit(DesignatorType::Eui64, numbered(0x22, 16));
	const auto naa3 = of_unit(DesignatorType::Naa, numbered(0x30, 8));
	const auto naa4 = of_unit(DesignatorType::Naa, numbered(0x40, 8));
	const auto naa5 = of_unit(DesignatorType::Naa, numbered(0x50, 8));
	const auto naa6 = of_unit(DesignatorType::Naa, numbered(0x60, 16));
	const auto name = of_unit(DesignatorType::ScsiName, text("iqn.2026-11.example:disk"));
	const std::vector<Designator> rising{t10, eui8, naa4, naa5, eui12, eui16, naa6, name};
	for (std::size_t low = 0; low < rising.size(); low++)
		for (std::size_t high = low + 1; high < rising.size(); high++) {
			const std::vector<Designator> up{rising[low], rising[high]};
			const std::vector<Designator> down{rising[high], rising[low]};
			const std::vector<Designator> alone{rising[high]};
			EXPECT_EQ(kernel_wwid(up), kernel_wwid(alone)) << low << " " << high;
			EXPECT_EQ(kernel_wwid(down), kernel_wwid(alone)) << low << " " << high;
		}
	// Equals: the later one, if it is not a shorter text.
	EXPECT_EQ(kernel_wwid(std::vector{t10, naa3}), "naa.3011111111111111");
	EXPECT_EQ(kernel_wwid(std::vector{naa3, t10}), "t10.LIO-ORG disk");
}

TEST(KernelWwid, SpellsAsTheKernelDoes)
{
	EXPECT_EQ(kernel_wwid(std::vector{of_unit(DesignatorType::Naa, numbered(0x60, 16))}),
		  "naa.60111111111111111111111111111111");
	EXPECT_EQ(kernel_wwid(std::vector{of_unit(DesignatorType::Eui64, numbered(0x22, 8))}),
		  "eui.2211111111111111");
	EXPECT_EQ(kernel_wwid(std::vector{of_unit(DesignatorType::T10,
						  text(std::string_view("A\n\0\x1b\x80\\\"", 7)))}),
		  "t10.A\\n\\0\\e\\200\\\"");
	EXPECT_EQ(kernel_wwid(std::vector{of_unit(DesignatorType::ScsiName,
						  text(std::string_view("eui.1\0\0", 7)))}),
		  "eui.1");
	EXPECT_EQ(kernel_wwid({}), "");
}

TEST(KernelWwid, TakesOnlyNamesOfTheLogicalUnit)
{
	auto port = of_unit(DesignatorType::Naa, numbered(0x60, 16));
	port.association = Association::TargetPort;
	EXPECT_EQ(kernel_wwid(std::vector{port}), "");
}

Identity disk(std::vector<Designator> designators, std::string serial = "A1")
{
	return *make_identity(page83(designators), page80(serial));
}

const auto naa = of_unit(DesignatorType::Naa, numbered(0x60, 16));
const auto t10 = of_unit(DesignatorType::T10, text("LIO-ORG disk"));

TEST(CompareIdentity, OrderPortsAndRepetitionDoNotMatter)
{
	auto port = naa;
	port.association = Association::TargetPort;
	EXPECT_FALSE(compare(disk({naa, t10}), disk({t10, naa, port, t10})));
}

TEST(CompareIdentity, EveryDesignatorOfTheUnitCounts)
{
	const auto other = of_unit(DesignatorType::T10, text("LIO-ORG disk2"));
	auto difference = compare(disk({naa, t10}), disk({naa, other}));
	ASSERT_TRUE(difference);
	EXPECT_EQ(difference->reason, Reason::IDENTITY);
	EXPECT_EQ(difference->text,
		  "same wwid, other designators: expected t10.LIO-ORG disk, found "
		  "t10.LIO-ORG disk2");
	EXPECT_TRUE(compare(disk({naa, t10}), disk({naa})));
	EXPECT_TRUE(compare(disk({naa}), disk({naa, t10})));
}

TEST(CompareIdentity, AnotherSerialIsAnotherDisk)
{
	EXPECT_EQ(compare(disk({naa}, "A1"), disk({naa}, "B2"))->text,
		  "serial is 'B2', expected 'A1'");
	EXPECT_FALSE(compare(disk({naa}, "A1"), disk({naa}, "")));
}

TEST(CompareIdentity, AnotherWwidIsAnotherDisk)
{
	const auto naa2 = of_unit(DesignatorType::Naa, numbered(0x61, 16));
	EXPECT_EQ(compare(disk({naa}), disk({naa2}))->text,
		  "wwid is 'naa.61111111111111111111111111111111', expected "
		  "'naa.60111111111111111111111111111111'");
}

TEST(CompareIdentity, AConfiguredWwidAloneIsEnoughToStartWith)
{
	const Identity configured{"naa.60111111111111111111111111111111", "", {}};
	EXPECT_FALSE(compare(configured, disk({naa, t10})));
	EXPECT_TRUE(compare(configured, disk({t10})));
}

} // namespace
} // namespace swpath
