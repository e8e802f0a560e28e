// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/wall_time.h"

#include <fmt/core.h>

#include "libpath/base/text.h"

namespace swpath
{

WallTime wall_time(Instant at, Instant now, WallTime wall)
{
	return wall - std::chrono::duration_cast<std::chrono::milliseconds>(now - at);
}

std::string rfc3339(WallTime time)
{
	const auto day = std::chrono::floor<std::chrono::days>(time);
	const std::chrono::year_month_day date(day);
	const std::chrono::hh_mm_ss clock(time - day);
	return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", int(date.year()),
			   unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
			   clock.minutes().count(), clock.seconds().count(),
			   clock.subseconds().count());
}

std::optional<WallTime> parse_rfc3339(std::string_view text) noexcept
{
	// "YYYY-MM-DDTHH:MM:SS" is 19 long; what follows is a fraction and the zone.
	constexpr std::size_t whole = 19;
	constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd";
	if (text.size() <= whole || text.back() != 'Z')
		return std::nullopt;
	for (std::size_t i = 0; i < whole; i++) {
		const bool digit = text[i] >= '0' && text[i] <= '9';
		if (form[i] == 'd' ? !digit : text[i] != form[i])
			return std::nullopt;
	}
	const auto number = [&](std::size_t at, std::size_t length) {
		return *parse_number<std::uint32_t>(text.substr(at, length));
	};
	const std::chrono::year_month_day date{std::chrono::year(int(number(0, 4))),
					       std::chrono::month(number(5, 2)),
					       std::chrono::day(number(8, 2))};
	if (!date.ok() || int(date.year()) < 1970 || number(11, 2) > 23 || number(14, 2) > 59 ||
	    number(17, 2) > 59)
		return std::nullopt;
	WallTime time = std::chrono::sys_days(date) + std::chrono::hours(number(11, 2)) +
			std::chrono::minutes(number(14, 2)) + std::chrono::seconds(number(17, 2)) +
			std::chrono::milliseconds(0);

	std::string_view fraction = text.substr(whole, text.size() - whole - 1);
	if (fraction.empty())
		return time;
	if (fraction.front() != '.' || fraction.size() < 2 || fraction.size() > 10)
		return std::nullopt;
	fraction.remove_prefix(1);
	unsigned milliseconds = 0;
	for (std::size_t i = 0; i < fraction.size(); i++) {
		if (fraction[i] < '0' || fraction[i] > '9')
			return std::nullopt;
		if (i < 3)
			milliseconds = milliseconds * 10 + unsigned(fraction[i] - '0');
	}
	for (std::size_t i = fraction.size(); i < 3; i++)
		milliseconds *= 10;
	return time + std::chrono::milliseconds(milliseconds);
}

} // namespace swpath
