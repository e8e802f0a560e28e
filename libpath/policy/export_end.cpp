// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/export_end.h"

#include <algorithm>

namespace swpath
{

std::string_view why_export_ends(std::span<const ServingPath> paths, std::string_view device,
				 bool looped, bool proved)
{
	// After a restart of pathd an export is there before the first check has an answer.
	if (!std::all_of(paths.begin(), paths.end(), [](const auto &each) { return each.settled; }))
		return {};
	if (looped)
		return "this host uses it through another one";
	if (!proved && std::all_of(paths.begin(), paths.end(), [](const auto &each) {
		    return ends_exports(each.fault, each.failures);
	    }))
		return "this host has lost its direct path";
	if (std::any_of(paths.begin(), paths.end(), [&](const auto &each) {
		    return each.device == device && each.wants_key &&
			   each.fault == Reason::RESERVATION;
	    }))
		return "its path has lost its reservation key";
	return {};
}

} // namespace swpath
