// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/base/dev_number.h"

#include <fmt/core.h>
#include <sys/sysmacros.h>

#include "libpath/base/text.h"

namespace swpath
{

DevNumber DevNumber::from(dev_t number) noexcept
{
	return {gnu_dev_major(number), gnu_dev_minor(number)};
}

dev_t DevNumber::dev() const noexcept
{
	return gnu_dev_makedev(major, minor);
}

std::string DevNumber::text() const
{
	return fmt::format("{}:{}", major, minor);
}

std::optional<DevNumber> DevNumber::parse(std::string_view text) noexcept
{
	const auto colon = text.find(':');
	if (colon == std::string_view::npos)
		return std::nullopt;
	const auto major = parse_number<std::uint32_t>(text.substr(0, colon));
	const auto minor = parse_number<std::uint32_t>(text.substr(colon + 1));
	if (!major || !minor || *major > 0xfff || *minor > 0xfffff)
		return std::nullopt;
	return DevNumber{*major, *minor};
}

} // namespace swpath
