// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/time_axis.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

namespace swpath::ctl
{

namespace
{

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr seconds day = std::chrono::hours(24);

/// Steps that people count in.
constexpr seconds steps[] = {
	seconds(1),     seconds(2),     seconds(5),    seconds(10),   seconds(15),
	seconds(30),    seconds(60),    seconds(120),  seconds(300),  seconds(600),
	seconds(900),   seconds(1800),  seconds(3600), seconds(7200), seconds(10800),
	seconds(21600), seconds(43200), day,           2 * day,       7 * day,
	14 * day,       28 * day,       91 * day,      364 * day,     3640 * day,
};

std::string date_text(WallTime time)
{
	return rfc3339(time).substr(0, 10);
}

} // namespace

double TimeAxis::x(WallTime time) const
{
	const double part = double((time - from_).count()) / double((to_ - from_).count());
	return left_ + std::clamp(part, 0.0, 1.0) * (right_ - left_);
}

std::vector<Tick> TimeAxis::ticks(unsigned most) const
{
	const auto span = std::chrono::duration_cast<seconds>(to_ - from_);
	seconds step = std::end(steps)[-1];
	for (const auto each : steps)
		if (span / each < most) {
			step = each;
			break;
		}
	const auto origin = std::chrono::ceil<seconds>(from_).time_since_epoch();
	seconds at = origin / step * step;
	if (at < origin)
		at += step;
	std::vector<Tick> list;
	std::string last_day;
	for (; at <= to_.time_since_epoch() && list.size() < most; at += step) {
		const WallTime time{at};
		const auto text = rfc3339(time);
		Tick tick{x(time), text.substr(11, step < seconds(60) ? 8 : 5), {}};
		if (step >= day)
			tick.text = date_text(time);
		else if (date_text(time) != last_day)
			tick.day = last_day = date_text(time);
		list.push_back(std::move(tick));
	}
	return list;
}

DurationAxis::DurationAxis(microseconds least, microseconds most, double bottom, double top)
	: bottom_(bottom), top_(top)
{
	const auto power = [](microseconds duration) {
		return std::log10(double(std::max<std::int64_t>(duration.count(), 1)));
	};
	low_ = int(std::floor(power(least)));
	high_ = std::max(int(std::ceil(power(most))), low_ + 1);
}

double DurationAxis::y(microseconds duration) const
{
	const double power = std::log10(double(std::max<std::int64_t>(duration.count(), 1)));
	const double part = (power - low_) / (high_ - low_);
	return bottom_ + std::clamp(part, 0.0, 1.0) * (top_ - bottom_);
}

std::vector<Tick> DurationAxis::ticks() const
{
	constexpr std::string_view units[] = {"µs", "ms", "s"};
	std::vector<Tick> list;
	for (int power = low_; power <= high_; power++) {
		const int unit = std::min(power / 3, 2);
		std::int64_t number = 1;
		for (int i = unit * 3; i < power; i++)
			number *= 10;
		const double part = double(power - low_) / (high_ - low_);
		list.push_back({bottom_ + part * (top_ - bottom_),
				fmt::format("{} {}", number, units[unit]),
				{}});
	}
	return list;
}

} // namespace swpath::ctl
