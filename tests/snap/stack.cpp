// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/snap/stack.h"

#include <cerrno>

#include <fmt/core.h>

#include "tests/snap/multipath_stack.h"
#include "tests/snap/sw_stack.h"

namespace swpath::snap
{

Result<std::unique_ptr<Stack>> make_stack(std::string_view product, const Disk &disk,
					  const Server &server)
{
	if (product == "sw")
		return std::make_unique<SwStack>(disk, server);
	if (product == "dm-multipath")
		return std::make_unique<MultipathStack>(disk, server);
	return fail(EINVAL, fmt::format("product '{}': sw or dm-multipath", product));
}

} // namespace swpath::snap
