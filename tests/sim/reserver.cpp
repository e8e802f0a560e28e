// SPDX-License-Identifier: GPL-2.0-or-later
#include "reserver.h"

namespace swpath::sim
{

namespace
{

constexpr NexusId other_host_nexus = 200;
constexpr Key other_host_key = 0xb000;

} // namespace

void Reserver::later()
{
	client_.after(context_.random.between(500 * ms, 40 * sec), [this] {
		if (stopped_)
			return;
		if (context_.random.chance(0.2))
			other_host();
		else
			order();
		later();
	});
}

/// Of the kernel's users: it goes to the path that is open, and to none while I/O is held.
void Reserver::order()
{
	const auto open = kernel_.open_path();
	if (!open || legs_[*open]->kind() == PathKind::SERVED)
		return;
	auto &nexus = legs_[*open]->nexus();
	if (&nexus.disk() != &disk_)
		return;
	const auto choice = context_.random.below(10);
	const Key key = next_key_++;
	nexus.manage(
		[this, id = nexus.id(), choice, key](Disk &disk) {
			context_.checker.people_changed();
			if (choice < 6) {
				context_.trace.say("reserver", "key {:#x} by nexus {}, reserved",
						   key, id);
				disk.register_key(id, key);
				disk.reserve(id);
				context_.checker.key_registered(key);
			} else if (choice < 8) {
				disk.release(id);
			} else {
				context_.trace.say("reserver", "nexus {} takes its key away", id);
				disk.unregister(id);
				context_.checker.key_registered(0);
			}
		},
		[](bool) {});
}

/// The key is gone from every nexus that had it, and must stay so. Some time it gives up what it
/// has.
void Reserver::other_host()
{
	const Key key = context_.checker.users_key();
	if (disk_.key(other_host_nexus) && context_.random.chance(0.4)) {
		context_.trace.say("reserver", "another host takes its key away");
		disk_.unregister(other_host_nexus);
		context_.checker.people_changed();
		return;
	}
	if (key == 0)
		return;
	context_.trace.say("reserver", "another host preempts key {:#x}", key);
	disk_.register_key(other_host_nexus, other_host_key);
	(void)disk_.preempt_abort(other_host_nexus, other_host_key, key);
	context_.checker.key_preempted(key);
}

} // namespace swpath::sim
