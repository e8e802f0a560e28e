// SPDX-License-Identifier: GPL-2.0-or-later
/// The virtual clock and everything that is going to happen. Events of one moment run in the order
/// in which they were asked for, so that a run depends on its seed and on nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "libpath/base/instant.h"

namespace swpath::sim
{

/// Nanoseconds of virtual time.
using Nanos = std::uint64_t;

inline constexpr Nanos us = 1000;
inline constexpr Nanos ms = 1000 * us;
inline constexpr Nanos sec = 1000 * ms;

class Schedule
{
public:
	using What = std::function<void()>;

	[[nodiscard]] Nanos now() const { return now_; }
	[[nodiscard]] Instant instant() const { return Instant(Duration(now_)); }

	void at(Nanos time, What what);
	void after(Nanos delay, What what) { at(now_ + delay, std::move(what)); }

	/// Runs the next event if it is due by `until`; else the clock stands at `until` and
	/// nothing ran.
	bool step(Nanos until);
	[[nodiscard]] std::uint64_t events() const { return events_; }

private:
	struct Entry {
		Nanos time;
		std::uint64_t number;
		What what;
	};
	static bool later(const Entry &a, const Entry &b)
	{
		return a.time != b.time ? a.time > b.time : a.number > b.number;
	}

	/// A clock that starts at 0 would make "0: never" of sw-core true by chance.
	Nanos now_ = 1000 * sec;
	std::uint64_t next_number_ = 0;
	std::uint64_t events_ = 0;
	std::vector<Entry> heap_;
};

inline Nanos nanos(Instant instant)
{
	return static_cast<Nanos>(instant.time_since_epoch().count());
}
inline Nanos nanos(Duration duration)
{
	return static_cast<Nanos>(duration.count());
}
inline Duration duration(Nanos n)
{
	return Duration(static_cast<Duration::rep>(n));
}

} // namespace swpath::sim
