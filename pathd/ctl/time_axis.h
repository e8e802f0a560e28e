// SPDX-License-Identifier: GPL-2.0-or-later
/// Axes of a picture: time in UTC from left to right, durations by their logarithm from below.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "libpath/control/wall_time.h"

namespace swpath::ctl
{

struct Tick {
	double at = 0;    ///< pixels
	std::string text; ///< "11:59:30", "100 ms"
	std::string day;  ///< "2026-11-20" at the first tick and where a day begins; else empty
};

class TimeAxis
{
public:
	/// From the pixel `left` to the pixel `right`; `to` is later than `from`.
	TimeAxis(WallTime from, WallTime to, double left, double right)
		: from_(from), to_(to), left_(left), right_(right)
	{
	}

	/// Pixel of a time; what is outside is at the edge.
	[[nodiscard]] double x(WallTime time) const;
	/// At round times, `most` at the most (2 or more).
	[[nodiscard]] std::vector<Tick> ticks(unsigned most) const;

private:
	WallTime from_;
	WallTime to_;
	double left_;
	double right_;
};

class DurationAxis
{
public:
	/// From a power of ten at the pixel `bottom` to one at `top` (which is less), so that both
	/// durations lie within; zero lies at the bottom.
	DurationAxis(std::chrono::microseconds least, std::chrono::microseconds most, double bottom,
		     double top);

	[[nodiscard]] double y(std::chrono::microseconds duration) const;
	/// One for each power of ten.
	[[nodiscard]] std::vector<Tick> ticks() const;

private:
	int low_ = 0; ///< powers of ten of a microsecond
	int high_ = 0;
	double bottom_;
	double top_;
};

} // namespace swpath::ctl
