// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/process_state.h"

#include <fmt/core.h>

#include "libpath/sys/file.h"

namespace swpath
{

bool process_has_ended(pid_t pid)
{
	const auto stat = read_file(fmt::format("/proc/{}/stat", pid), 4096);
	if (!stat)
		return false;
	// The name is in parentheses and may hold any character; the state follows.
	const auto name_end = stat->rfind(')');
	return name_end != std::string::npos && name_end + 2 < stat->size() &&
	       (*stat)[name_end + 2] == 'Z';
}

} // namespace swpath
