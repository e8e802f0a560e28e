// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/nexus_look.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/core.h>

namespace swpath
{
namespace
{

constexpr unsigned looks_max = 3;

std::size_t count(const NexusView &view, std::uint64_t key)
{
	return static_cast<std::size_t>(std::count(view.keys.begin(), view.keys.end(), key));
}

} // namespace

Result<NexusView> NexusLook::look(Reserver &disk)
{
	for (unsigned tries = 0; tries < looks_max; tries++) {
		auto status = disk.status();
		if (!status)
			return tl::unexpected(status.error());
		NexusView view;
		for (const auto &each : *status) {
			view.keys.push_back(each.key);
			if (each.holder)
				view.type = each.type;
		}
		std::sort(view.keys.begin(), view.keys.end());
		if (seen_ && *seen_ == *status) {
			view.own = own_;
			return view;
		}
		// What is found is believed when the next round shows the same registrations.
		own_ = 0;
		std::uint64_t last = 0;
		for (const auto key : view.keys) {
			if (key == std::exchange(last, key))
				continue;
			const auto has = disk.has_key(key);
			if (!has)
				return tl::unexpected(has.error());
			if (*has) {
				own_ = key;
				break;
			}
		}
		seen_ = std::move(*status);
	}
	seen_.reset();
	return fail(EAGAIN, "the disk's registrations do not stop changing");
}

Result<NexusView> copy_key(NexusLook &nexus, Reserver &disk, const NexusChange &change)
{
	const auto key = change.key;
	const auto before = nexus.look(disk);
	if (!before || before->own == key)
		return before;
	if (key != 0 && !before->has(key))
		return fail(ENOENT,
			    fmt::format("no nexus has the key {}", reservation_key_text(key)));
	if (const auto done = disk.replace_key(change.had, key); !done)
		return tl::unexpected(done.error());
	auto after = nexus.look(disk);
	if (!after || key == 0 || count(*after, key) > 1)
		return after;
	if (const auto done = disk.replace_key(key, 0); !done)
		return tl::unexpected(done.error());
	return fail(ENOENT, fmt::format("the key {} was taken off the disk meanwhile",
					reservation_key_text(key)));
}

} // namespace swpath
