// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/dm_changes.h"

#include <algorithm>
#include <utility>

namespace swpath::dm
{

std::vector<std::string> DmChanges::since_last(const std::vector<Listed> &listed)
{
	auto before = std::exchange(seen_, {});
	std::vector<std::string> changed;
	for (const auto &device : listed) {
		const Seen now{device.number, device.event_nr};
		seen_[device.name] = now;
		const auto known = before.extract(device.name);
		if (known.empty() || known.mapped() != now)
			changed.push_back(device.name);
	}
	for (const auto &[name, gone] : before)
		changed.push_back(name);
	std::sort(changed.begin(), changed.end());
	return changed;
}

} // namespace swpath::dm
