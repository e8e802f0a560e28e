// SPDX-License-Identifier: GPL-2.0-or-later
#include "server_key.h"

#include <algorithm>

namespace swpath::sim
{

void ServerKey::start(Nanos check_interval)
{
	check_interval_ = check_interval;
	for (auto &way : ways_) {
		way.proved = false;
		pathd_.after(context_.random.between(1 * ms, 100 * ms),
			     [this, &way] { check(way); });
	}
}

bool ServerKey::proved(const Nexus &nexus) const
{
	return std::any_of(ways_.begin(), ways_.end(),
			   [&](const Way &way) { return &way.nexus == &nexus && way.proved; });
}

/// As Prober::keep_key() with ProbeKey::serves.
void ServerKey::check(Way &way)
{
	way.nexus.revive();
	auto keyed = std::make_shared<bool>(false);
	way.nexus.manage(
		[this, keyed, &nexus = way.nexus](Disk &disk) {
			if (!disk.key(nexus.id()) &&
			    (server_.is_free(nexus) || context_.broken(Mutant::SERVER_KEY_EARLY)))
				disk.register_key(nexus.id(), server_key(nexus.id()));
			*keyed = disk.key(nexus.id()).has_value();
		},
		[this, keyed, &way, boot = pathd_.boot()](bool reached) {
			if (boot == pathd_.boot())
				pathd_.run([this, keyed, &way, reached] {
					checked(way, reached, *keyed);
				});
		});
}

/// Harder than Unit::look_after_exports(), which ends the exports on the way that has lost its key:
/// here the newest export ends, whichever way it is on.
void ServerKey::checked(Way &way, bool reached, bool keyed)
{
	way.proved = reached && keyed;
	if (reached && !keyed && server_.exported() > server_.closed()) {
		context_.trace.say("rights", "{}: its key is gone, it serves no more",
				   pathd_.name());
		server_.process().run(
			[this] { server_.revoke(server_.exported(), [](Drained) {}); });
	}
	pathd_.after(way.proved ? check_interval_ : 1 * sec, [this, &way] { check(way); });
}

} // namespace swpath::sim
