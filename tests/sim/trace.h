// SPDX-License-Identifier: GPL-2.0-or-later
/// What happened in one run, a line for each thing, for people. Costs nothing when it is off.
#pragma once

#include <cstdio>
#include <string_view>

#include <fmt/core.h>

#include "schedule.h"

namespace swpath::sim
{

class Trace
{
public:
	Trace(const Schedule &schedule, bool on) : schedule_(schedule), on_(on) {}

	[[nodiscard]] bool on() const { return on_; }

	/// `who`: the noun that acts, as the files of the simulator are named.
	template <class... Args>
	void say(std::string_view who, fmt::format_string<Args...> text, Args &&...args) const
	{
		if (!on_)
			return;
		const Nanos t = schedule_.now() - 1000 * sec;
		fmt::print("{:4}.{:06} {:<9} {}\n", t / sec, t % sec / us, who,
			   fmt::format(text, std::forward<Args>(args)...));
	}

private:
	const Schedule &schedule_;
	bool on_;
};

} // namespace swpath::sim
