// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/base/bounded_format.h"

#include <fmt/format.h>

namespace swpath
{

std::size_t bounded_vformat(std::span<char> room, fmt::string_view format, fmt::format_args args)
{
	return fmt::vformat_to_n(room.data(), room.size(), format, args).size;
}

} // namespace swpath
