// SPDX-License-Identifier: LGPL-2.1-or-later
/// Formatting into room that is there already, for those that must not allocate.
#pragma once

#include <cstddef>
#include <span>

#include <fmt/core.h>

namespace swpath
{

/// As bounded_format() below. Not a template, and not fmt::vformat_to_n(), which is one: that puts
/// all of fmt's formatting into every file that calls it.
[[nodiscard]] std::size_t bounded_vformat(std::span<char> room, fmt::string_view format,
					  fmt::format_args args);

/// Writes what fits of the text, without a NUL, and gives the bytes of the whole of it: more than
/// room.size() if it was cut. Never allocates for numbers and strings.
template <class... Args>
[[nodiscard]] std::size_t bounded_format(std::span<char> room, fmt::format_string<Args...> format,
					 Args &&...args)
{
	return bounded_vformat(room, format, fmt::make_format_args(args...));
}

} // namespace swpath
