// SPDX-License-Identifier: GPL-2.0-or-later
/// The pathd of a machine that serves, in a unit with `reservations`: what its checks of its own
/// paths do. Each nexus gets its key; one that was taken away comes back only when nothing of the
/// server is in the disk by that nexus any more, and until then nobody is served by it.
#pragma once

#include <vector>

#include "server.h"

namespace swpath::sim
{

class ServerKey
{
public:
	ServerKey(Context &context, Host &pathd, const std::vector<Nexus *> &ways, Server &server)
		: context_(context), pathd_(pathd), server_(server)
	{
		for (auto *nexus : ways)
			ways_.push_back({*nexus, false});
	}

	/// pathd runs, also after each of its deaths.
	void start(Nanos check_interval);
	/// The last check of this nexus was good.
	[[nodiscard]] bool proved(const Nexus &nexus) const;

private:
	struct Way {
		Nexus &nexus;
		bool proved;
	};

	void check(Way &way);
	void checked(Way &way, bool reached, bool keyed);

	Context &context_;
	Host &pathd_;
	Server &server_;
	std::vector<Way> ways_;
	Nanos check_interval_ = 0;
};

} // namespace swpath::sim
