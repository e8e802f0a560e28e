// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/hints/bus_name.h"

#include <cerrno>

#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/hints/fnv.h"

namespace swpath
{
namespace
{

constexpr std::string_view lock_prefix = "swbus";

} // namespace

std::string BusName::text() const
{
	return fmt::format("${}${}", allocation_class, letter);
}

std::string BusName::lock_name() const
{
	return std::string(lock_prefix) + text();
}

Result<BusName> BusName::parse(std::string_view text)
{
	constexpr auto how = "a bus is named $CLASS$LETTER, as in $17$B";
	if (!text.starts_with('$'))
		return fail(EINVAL, fmt::format("bus '{}': {}", text, how));
	const auto second = text.find('$', 1);
	if (second == text.npos)
		return fail(EINVAL, fmt::format("bus '{}': {}", text, how));
	const auto allocation_class = parse_number<std::uint32_t>(text.substr(1, second - 1));
	if (!allocation_class || *allocation_class == 0)
		return fail(EINVAL, fmt::format("bus '{}': the class is a number from 1 to {}",
						text, UINT32_MAX));
	const auto letter = text.substr(second + 1);
	if (letter.size() != 1 || letter[0] < letter_min || letter[0] > letter_max)
		return fail(EINVAL, fmt::format("bus '{}': the port is one letter from {} to {}",
						text, letter_min, letter_max));
	const BusName name{*allocation_class, letter[0]};
	if (name.text() != text)
		return fail(EINVAL, fmt::format("bus '{}': is written {}", text, name.text()));
	return name;
}

Result<BusName> BusName::derive(std::string_view target_port)
{
	if (target_port.empty())
		return fail(EINVAL, "the target reports no port identifier to name its bus by");
	const auto hash = fnv1a(target_port);
	return BusName{static_cast<std::uint32_t>(hash ^ (hash >> 32)) | derived_class_min,
		       letter_min};
}

} // namespace swpath
