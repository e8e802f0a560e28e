// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/unit/identity.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace swpath
{
namespace
{

using Bytes = std::span<const std::uint8_t>;

std::string hex(Bytes bytes)
{
	return fmt::format("{:02x}", fmt::join(bytes, ""));
}

/// Text with what does not print written as the kernel's "%*pE" writes it, which is what sysfs
/// shows. Source: lib/string_helpers.c string_escape_mem() with ESCAPE_ANY_NP (Linux 6.1); its
/// isprint() is that of Latin-1.
std::string escaped(Bytes bytes)
{
	std::string text;
	for (const auto byte : bytes) {
		const bool prints = (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0;
		if (prints) {
			text += static_cast<char>(byte);
			continue;
		}
		switch (byte) {
		case '\n':
			text += "\\n";
			break;
		case '\r':
			text += "\\r";
			break;
		case '\t':
			text += "\\t";
			break;
		case '\v':
			text += "\\v";
			break;
		case '\f':
			text += "\\f";
			break;
		case '\a':
			text += "\\a";
			break;
		case 0x1b:
			text += "\\e";
			break;
		case 0:
			text += "\\0";
			break;
		default:
			text += fmt::format("\\{:03o}", byte);
		}
	}
	return text;
}

/// How much the kernel likes a designator as a name; 0: not at all. Longer and more centrally
/// registered ones are less likely to clash.
unsigned preference(const Designator &designator)
{
	if (designator.association != Association::LogicalUnit)
		return 0;
	switch (designator.type) {
	case DesignatorType::ScsiName:
		return 9;
	case DesignatorType::Naa:
		switch (designator.bytes[0] >> 4) {
		case 6:
			return 8;
		case 5:
			return 5;
		case 4:
			return 4;
		case 3:
			return 1;
		default:
			return 0;
		}
	case DesignatorType::Eui64:
		switch (designator.bytes.size()) {
		case 16:
			return 7;
		case 12:
			return 6;
		case 8:
			return 3;
		default:
			return 0;
		}
	case DesignatorType::T10:
		return 1;
	default:
		return 0;
	}
}

std::optional<std::uint16_t> port_word(const std::vector<Designator> &designators,
				       DesignatorType type)
{
	for (const auto &each : designators)
		if (each.association == Association::TargetPort && each.type == type &&
		    each.bytes.size() == 4)
			return static_cast<std::uint16_t>(each.bytes[2] << 8 | each.bytes[3]);
	return std::nullopt;
}

/// The payload of a VPD page whose code and length are right.
Result<Bytes> payload(Bytes page, std::uint8_t code)
{
	if (page.size() < 4)
		return fail(EBADMSG, fmt::format("VPD page {:#04x}: {} bytes are no page", code,
						 page.size()));
	if (page[1] != code)
		return fail(EBADMSG, fmt::format("VPD page {:#04x}: the answer is page {:#04x}",
						 code, page[1]));
	const std::size_t length = page[2] << 8 | page[3];
	if (length > page.size() - 4)
		return fail(EBADMSG, fmt::format("VPD page {:#04x}: says {} bytes, has {}", code,
						 length, page.size() - 4));
	return page.subspan(4, length);
}

std::string listed(const std::vector<Designator> &designators)
{
	std::string text;
	for (const auto &each : designators)
		text += (text.empty() ? "" : ", ") + each.text();
	return text.empty() ? "none" : text;
}

Difference identity_difference(std::string text)
{
	return {Reason::IDENTITY, std::move(text)};
}

} // namespace

std::string Designator::text() const
{
	const auto port = [&](std::string_view what) {
		return bytes.size() == 4 ? fmt::format("{} {}", what, bytes[2] << 8 | bytes[3])
					 : fmt::format("{} {}", what, hex(bytes));
	};
	switch (type) {
	case DesignatorType::T10:
		return "t10." + escaped(bytes);
	case DesignatorType::Eui64:
		return "eui." + hex(bytes);
	case DesignatorType::Naa:
		return "naa." + hex(bytes);
	case DesignatorType::ScsiName:
		return escaped(bytes);
	case DesignatorType::RelativePort:
		return port("relative port");
	case DesignatorType::PortGroup:
		return port("port group");
	case DesignatorType::LogicalUnitGroup:
		return port("logical unit group");
	case DesignatorType::Uuid:
		return "uuid." + hex(bytes);
	default:
		return fmt::format("type {} {}", static_cast<unsigned>(type), hex(bytes));
	}
}

std::vector<Designator> Identity::of_unit() const
{
	std::vector<Designator> own;
	for (const auto &each : designators)
		if (each.association == Association::LogicalUnit)
			own.push_back(each);
	std::sort(own.begin(), own.end());
	own.erase(std::unique(own.begin(), own.end()), own.end());
	return own;
}

std::optional<std::uint16_t> Identity::relative_port() const
{
	return port_word(designators, DesignatorType::RelativePort);
}

std::optional<std::uint16_t> Identity::port_group() const
{
	return port_word(designators, DesignatorType::PortGroup);
}

Result<std::vector<Designator>> parse_vpd83(Bytes page)
{
	auto rest = payload(page, 0x83);
	if (!rest)
		return tl::unexpected(rest.error());

	std::vector<Designator> designators;
	auto bytes = *rest;
	while (!bytes.empty()) {
		const std::size_t offset = bytes.data() - page.data();
		if (bytes.size() < 4)
			return fail(
				EBADMSG,
				fmt::format("VPD page 0x83: descriptor at {} is cut off", offset));
		const std::size_t length = bytes[3];
		if (length > bytes.size() - 4)
			return fail(
				EBADMSG,
				fmt::format("VPD page 0x83: descriptor at {} says {} bytes, has {}",
					    offset, length, bytes.size() - 4));
		const unsigned association = bytes[1] >> 4 & 3;
		// 3 is reserved; an empty designator names nothing (the kernel skips it as well).
		if (association != 3 && length > 0) {
			const auto name = bytes.subspan(4, length);
			designators.push_back({static_cast<Association>(association),
					       static_cast<DesignatorType>(bytes[1] & 0xf),
					       static_cast<std::uint8_t>(bytes[0] & 0xf),
					       {name.begin(), name.end()}});
		}
		bytes = bytes.subspan(4 + length);
	}
	return designators;
}

Result<std::string> parse_vpd80(Bytes page)
{
	auto serial = payload(page, 0x80);
	if (!serial)
		return tl::unexpected(serial.error());
	auto bytes = *serial;
	const auto blank = [](std::uint8_t byte) { return byte == ' ' || byte == 0; };
	while (!bytes.empty() && blank(bytes.front()))
		bytes = bytes.subspan(1);
	while (!bytes.empty() && blank(bytes.back()))
		bytes = bytes.first(bytes.size() - 1);
	return escaped(bytes);
}

std::string kernel_wwid(std::span<const Designator> designators)
{
	std::string name;
	unsigned best = 0;
	std::size_t best_bytes = 0;
	for (const auto &each : designators) {
		const auto liking = preference(each);
		if (liking == 0 || best > liking)
			continue;
		const auto bytes = each.bytes.size();
		switch (each.type) {
		case DesignatorType::T10:
			if (best_bytes > bytes)
				continue;
			name = "t10." + escaped(each.bytes);
			break;
		case DesignatorType::ScsiName:
			if (best_bytes > bytes)
				continue;
			// As the kernel copies it: up to the NUL that sysfs's reader stops at.
			name.assign(each.bytes.begin(),
				    std::find(each.bytes.begin(), each.bytes.end(), 0));
			break;
		case DesignatorType::Eui64:
			name = "eui." + hex(each.bytes);
			break;
		default: // NAA: other types have no preference
			if (bytes == 8 || bytes == 16)
				name = "naa." + hex(each.bytes);
		}
		best = liking;
		best_bytes = bytes;
	}
	return name;
}

Result<Identity> make_identity(Bytes page83, Bytes page80)
{
	auto designators = parse_vpd83(page83);
	if (!designators)
		return tl::unexpected(designators.error());
	Identity identity;
	identity.designators = std::move(*designators);
	identity.wwid = kernel_wwid(identity.designators);
	if (!page80.empty()) {
		auto serial = parse_vpd80(page80);
		if (!serial)
			return tl::unexpected(serial.error());
		identity.serial = std::move(*serial);
	}
	return identity;
}

std::optional<Difference> compare(const Identity &expected, const Identity &found)
{
	if (expected.wwid != found.wwid)
		return identity_difference(
			fmt::format("wwid is '{}', expected '{}'", found.wwid, expected.wwid));
	if (expected.designators.empty())
		return std::nullopt;
	const auto want = expected.of_unit();
	const auto have = found.of_unit();
	if (want != have) {
		std::vector<Designator> missing, extra;
		std::set_difference(want.begin(), want.end(), have.begin(), have.end(),
				    std::back_inserter(missing));
		std::set_difference(have.begin(), have.end(), want.begin(), want.end(),
				    std::back_inserter(extra));
		return identity_difference(
			fmt::format("same wwid, other designators: expected {}, found {}",
				    listed(missing), listed(extra)));
	}
	if (!expected.serial.empty() && !found.serial.empty() && expected.serial != found.serial)
		return identity_difference(fmt::format("serial is '{}', expected '{}'",
						       found.serial, expected.serial));
	return std::nullopt;
}

} // namespace swpath
