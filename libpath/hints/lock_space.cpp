// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/hints/lock_space.h"

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

namespace swpath
{

Result<void> check_lock_name(std::string_view name)
{
	const auto allowed = [](char c) {
		return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		       c == '$' || c == '.' || c == '_' || c == '-';
	};
	const bool good = !name.empty() && name.size() <= lock_name_bytes_max &&
			  std::all_of(name.begin(), name.end(), allowed) &&
			  name.find_first_not_of('.') != name.npos;
	if (!good)
		return fail(EINVAL, fmt::format("lock '{}': a name is 1 to {} letters, digits, "
						"'$', '.', '_' and '-'",
						name, lock_name_bytes_max));
	return {};
}

} // namespace swpath
