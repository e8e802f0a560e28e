// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/unit/unit_name.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/core.h>

#include "dm-target/sw-uapi.h"
#include "libpath/base/text.h"

namespace swpath
{
namespace
{

bool take_prefix(std::string_view &text, std::string_view prefix)
{
	if (!text.starts_with(prefix))
		return false;
	text.remove_prefix(prefix.size());
	return true;
}

bool is_hex_wwid(std::string_view wwid)
{
	return wwid.starts_with("naa.") || wwid.starts_with("eui.") || wwid.starts_with("uuid.");
}

bool same_wwid(std::string_view a, std::string_view b)
{
	if (a.empty() || a.size() != b.size())
		return false;
	if (!is_hex_wwid(a))
		return a == b;
	return std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
		return std::tolower(x) == std::tolower(y);
	});
}

} // namespace

bool is_unit_name(std::string_view text) noexcept
{
	if (!take_prefix(text, "sw") || text.empty() || text.size() > 6)
		return false;
	if (text.size() > 1 && text[0] == '0')
		return false;
	return text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<std::size_t> find_unit(std::span<const UnitName> units, std::string_view query)
{
	auto text = query;
	(void)take_prefix(text, "/dev/disk/by-id/dm-uuid-");
	if (!take_prefix(text, "/dev/mapper/"))
		(void)take_prefix(text, "/dev/");

	auto wwid = text;
	(void)take_prefix(wwid, SW_UUID_PREFIX);

	const auto number = DevNumber::parse(text);
	std::optional<std::uint32_t> dm_minor;
	if (auto digits = text; take_prefix(digits, "dm-"))
		dm_minor = parse_number<std::uint32_t>(digits);

	std::optional<std::size_t> found;
	for (std::size_t index = 0; index < units.size(); index++) {
		const auto &unit = units[index];
		const bool meant = unit.name == text || same_wwid(unit.wwid, wwid) ||
				   (number && unit.number == number) ||
				   (dm_minor && unit.number && unit.number->minor == *dm_minor);
		if (!meant)
			continue;
		if (found)
			return fail(ENOTUNIQ, fmt::format("'{}' names both {} and {}", query,
							  units[*found].name, unit.name));
		found = index;
	}
	if (found)
		return *found;

	std::string known;
	for (const auto &unit : units)
		known += (known.empty() ? "" : ", ") + unit.name;
	return fail(ENODEV, fmt::format("no unit is called '{}' ({})", query,
					known.empty() ? "there are none" : "there are: " + known));
}

} // namespace swpath
