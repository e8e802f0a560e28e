// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/unit/geometry.h"

#include <fmt/core.h>

namespace swpath
{

std::optional<Difference> compare(const Geometry &expected, const Geometry &found, bool named)
{
	const bool grown = named && found.capacity_bytes > expected.capacity_bytes;
	if (found.capacity_bytes != expected.capacity_bytes && !grown)
		return Difference{Reason::SIZE,
				  fmt::format("capacity is {} bytes, expected {}",
					      found.capacity_bytes, expected.capacity_bytes)};
	if (found.logical_block_bytes != expected.logical_block_bytes)
		return Difference{Reason::SIZE,
				  fmt::format("logical block is {} bytes, expected {}",
					      found.logical_block_bytes,
					      expected.logical_block_bytes)};
	if (found.write_protected && !expected.write_protected)
		return Difference{Reason::WRITE_PROTECTED, "is write-protected"};
	return std::nullopt;
}

} // namespace swpath
