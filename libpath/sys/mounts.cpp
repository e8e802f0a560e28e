// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/mounts.h"

#include "libpath/sys/file.h"

namespace swpath
{

Result<std::string> read_mounts(const std::string &proc)
{
	constexpr std::size_t bytes_max = 16U << 20;
	const auto own = read_file(proc + "/self/mountinfo", bytes_max);
	if (!own)
		return own;
	auto first = read_file(proc + "/1/mountinfo", bytes_max);
	if (first)
		return *first + *own;
	const auto &why = first.error().code;
	const bool denied = why == std::errc::permission_denied ||
			    why == std::errc::operation_not_permitted ||
			    why == std::errc::no_such_file_or_directory;
	return denied ? own : first;
}

} // namespace swpath
