// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/leg_guard.h"

#include <algorithm>
#include <tuple>

#include <fmt/core.h>

namespace swpath
{
namespace
{

/// The process, or the kernel's user, at the disk: whatever it does there.
bool same_user(const DeviceUse &a, const DeviceUse &b)
{
	const auto key = [](const DeviceUse &use) {
		// A process may take another name on the way; the kernel's users have only theirs.
		return std::make_tuple(use.device, use.pid, use.started,
				       use.pid == 0 ? use.name + " " + use.command : std::string());
	};
	return key(a) == key(b);
}

} // namespace

std::string use_text(const DeviceUse &use)
{
	if (use.pid == 0)
		return fmt::format("{} uses {}", use.command, use.name);
	return fmt::format("{} (process {}) has {} open for {}", use.command, use.pid, use.name,
			   use.write ? "writing" : "reading");
}

std::vector<LegGuard::News> LegGuard::look(const DeviceUses &seen, Instant now)
{
	std::vector<News> news;
	std::vector<Known> next;
	for (const auto &use : seen.uses) {
		const auto before =
			std::find_if(known_.begin(), known_.end(), [&](const Known &each) {
				return same_user(each.what.use, use);
			});
		Known known{{use, now}, false};
		const bool again = before != known_.end();
		if (again)
			known.what.since = before->what.since;
		const bool writes = use.write && !(again && before->what.use.write);
		known.told = again || use.write;
		if (known.told && (!again || !before->told || writes))
			news.push_back({known.what, false});
		next.push_back(std::move(known));
	}
	for (auto &each : known_) {
		const bool there = std::any_of(next.begin(), next.end(), [&](const Known &other) {
			return same_user(other.what.use, each.what.use);
		});
		if (there)
			continue;
		if (!seen.complete)
			next.push_back(std::move(each));
		else if (each.told)
			news.push_back({std::move(each.what), true});
	}
	known_ = std::move(next);
	return news;
}

std::vector<LegGuard::Opened> LegGuard::opened() const
{
	std::vector<Opened> opened;
	for (const auto &each : known_)
		if (each.told)
			opened.push_back(each.what);
	return opened;
}

} // namespace swpath
