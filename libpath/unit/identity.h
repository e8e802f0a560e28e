// SPDX-License-Identifier: LGPL-2.1-or-later
/// Who a disk says it is: the designators of its VPD page 0x83 and the serial of page 0x80.
///
/// The world knows a disk by one `wwid`, which the kernel picks from the designators (sysfs
/// device/wwid). Two different disks have been seen with one wwid, and with one serial, so
/// "the same disk" means here: the same set of all designators of the logical unit, and the same
/// serial.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libpath/base/result.h"
#include "libpath/unit/kinds.h"

namespace swpath
{

/// What a designator names (SPC-6, 7.7.6.1, ASSOCIATION).
enum class Association : std::uint8_t { LogicalUnit, TargetPort, TargetDevice };

/// The kind of name (SPC-6, 7.7.6.1, DESIGNATOR TYPE; the numbers are those on the wire).
enum class DesignatorType : std::uint8_t {
	Vendor = 0,
	T10 = 1,
	Eui64 = 2,
	Naa = 3,
	RelativePort = 4,
	PortGroup = 5,
	LogicalUnitGroup = 6,
	Md5 = 7,
	ScsiName = 8,
	ProtocolPort = 9,
	Uuid = 10,
};

struct Designator {
	Association association = Association::LogicalUnit;
	DesignatorType type = DesignatorType::Vendor;
	std::uint8_t code_set = 0;       ///< 1 binary, 2 ASCII, 3 UTF-8
	std::vector<std::uint8_t> bytes; ///< 1 to 255, as received

	auto operator<=>(const Designator &) const = default;

	/// For people: "naa.6001405…", "t10.LIO-ORG disk…", "relative port 1".
	[[nodiscard]] std::string text() const;
};

struct Identity {
	std::string wwid; ///< as sysfs device/wwid spells it; empty: the page names no logical unit
	std::string serial; ///< page 0x80, without the blanks around it; empty: not reported
	std::vector<Designator> designators; ///< all of page 0x83, in the order of the page

	bool operator==(const Identity &) const = default;

	/// Those of the logical unit, sorted and each once: what is compared.
	[[nodiscard]] std::vector<Designator> of_unit() const;
	/// The relative target port identifier of the path that was asked, if reported.
	[[nodiscard]] std::optional<std::uint16_t> relative_port() const;
	/// The target port group of the path that was asked, if reported.
	[[nodiscard]] std::optional<std::uint16_t> port_group() const;
};

/// Reads the bytes of VPD page 0x83, from the page header on; bytes after the page's own length
/// are ignored.
/// Errors: EBADMSG not page 0x83, shorter than its length says, or a designator that is cut off.
[[nodiscard]] Result<std::vector<Designator>> parse_vpd83(std::span<const std::uint8_t> page);

/// Reads the serial of VPD page 0x80 (page header included). Blanks and NULs around it are not
/// part of it. Errors: EBADMSG not page 0x80, or shorter than its length says.
[[nodiscard]] Result<std::string> parse_vpd80(std::span<const std::uint8_t> page);

/// The name that the kernel gives the logical unit with these designators, in its spelling;
/// empty if none serves. Source: drivers/scsi/scsi_lib.c scsi_vpd_lun_id() (Linux 6.1), with its
/// preferences and its escapes, as shown by sysfs device/wwid.
[[nodiscard]] std::string kernel_wwid(std::span<const Designator> designators);

/// Both pages together; an empty `page80` means that the disk has no such page.
/// Errors: those of parse_vpd83() and parse_vpd80().
[[nodiscard]] Result<Identity> make_identity(std::span<const std::uint8_t> page83,
					     std::span<const std::uint8_t> page80);

/// Why `found` is not the disk `expected`; nothing if it is. Every designator of the logical unit
/// counts, and the serial where both have one. An `expected` without designators (known by
/// configuration only) is compared by wwid. The reason is always Reason::IDENTITY.
[[nodiscard]] std::optional<Difference> compare(const Identity &expected, const Identity &found);

} // namespace swpath
