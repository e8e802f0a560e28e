// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/unit_finder.h"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

#include "libpath/policy/unit_builder.h"
#include "libpath/unit/unit_name.h"

namespace swpath
{
namespace
{

/// Names of other kinds (t10 of a virtual disk, say) have been seen on two disks. It goes into a
/// configuration file, and may be what a peer says: only what such a name can have is one.
bool unique_in_the_world(std::string_view wwid)
{
	return (wwid.starts_with("naa.") || wwid.starts_with("eui.")) && wwid.size() > 4 &&
	       wwid.find_first_not_of("0123456789abcdefABCDEF", 4) == std::string_view::npos;
}

std::string free_name(const std::set<std::string> &taken)
{
	for (unsigned i = 0;; i++)
		if (auto name = fmt::format("sw{}", i); !taken.contains(name))
			return name;
}

/// Empty: it is to be a unit.
std::string refusal(const DiscoverConfig &policy, const FinderView &view, const std::string &wwid)
{
	if (policy.units == Discovery::None)
		return "it is not configured, and [discover] units = \"none\"";
	if (std::any_of(policy.except.begin(), policy.except.end(),
			[&](const auto &pattern) { return matches(pattern, wwid); }))
		return "[discover] excepts it";
	if (!unique_in_the_world(wwid))
		return "its name is not one that is unique in the world (naa. or eui.); configure "
		       "it "
		       "by hand if you know that it is this disk's alone";
	bool direct = false, shared = view.served.contains(wwid);
	for (const auto &disk : view.own) {
		if (disk.wwid != wwid)
			continue;
		direct = true;
		shared = shared || disk.shared;
		if (disk.in_use)
			return fmt::format("{} is in use (mounted, or claimed by another driver)",
					   disk.name);
	}
	if (direct && !shared)
		return "no other host is known to be on its bus, or to serve it";
	if (!direct && policy.units == Discovery::Shared)
		return "this host has no path of its own to it, and [discover] units = \"shared\"";
	return {};
}

} // namespace

FoundUnits find_units(const DiscoverConfig &policy, const FinderView &view)
{
	std::set<std::string> candidates;
	for (const auto &disk : view.own)
		candidates.insert(disk.wwid);
	for (const auto &[wwid, name] : view.served)
		candidates.insert(wwid);

	FoundUnits found;
	auto taken = view.units;
	for (const auto &wwid : candidates) {
		if (wwid.empty() || view.wwids.contains(wwid))
			continue;
		if (auto why = refusal(policy, view, wwid); !why.empty()) {
			found.why_not[wwid] = std::move(why);
			continue;
		}
		const auto served = view.served.find(wwid);
		const bool given = served != view.served.end() && is_unit_name(served->second) &&
				   !taken.contains(served->second);
		found.add.push_back({given ? served->second : free_name(taken), wwid});
		taken.insert(found.add.back().name);
	}
	return found;
}

} // namespace swpath
