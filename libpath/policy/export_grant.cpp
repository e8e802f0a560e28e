// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/export_grant.h"

#include <algorithm>

namespace swpath
{

namespace
{

/// A host has one for each path, by the path's name in its configuration.
constexpr std::size_t keys_max = 64;

} // namespace

void ExportGrant::renew(std::uint64_t new_epoch, const std::string &new_boot,
			std::uint64_t new_nexus, std::uint64_t new_key, bool online)
{
	const bool first = epoch == 0;
	moved = moved || nexus == 0 || nexus != new_nexus || boot != new_boot;
	epoch = new_epoch;
	boot = new_boot;
	nexus = new_nexus;
	key = new_key;
	doubt_keys.insert(key);
	if (first || online) {
		(void)settle();
		keys.clear();
	}
	(void)attested({key});
}

bool ExportGrant::attested(const std::vector<std::uint64_t> &new_keys)
{
	const auto before = keys.size();
	for (const auto each : new_keys)
		if (!keys.contains(each))
			keys.insert(keys.size() < keys_max ? each : 0);
	return keys.size() != before;
}

bool ExportGrant::settle()
{
	if (!lost && !moved && doubt_boot == boot && doubt_keys.size() == 1)
		return false;
	doubt_boot = boot;
	lost = false;
	moved = false;
	doubt_keys = {key};
	return true;
}

void ExportGrant::complete(FenceAnswer &answer, const std::string &boot_now) const
{
	// What a host had in the disk when it crashed, it cannot tell.
	answer.rebooted = boot_now.empty() || boot_now != doubt_boot;
	if (answer.rebooted || lost)
		answer.lost = std::max<std::uint64_t>(1, answer.lost);
}

} // namespace swpath
