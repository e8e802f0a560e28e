// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/check.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "pathd/ctl/style.h"

namespace swpath::ctl
{

namespace
{

constexpr std::array<std::string_view, 4> words = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

CheckStatus status_of(const UnitReport &unit)
{
	switch (unit.health) {
	case Health::Online:
		return CheckStatus::Ok;
	case Health::Serving:
		return std::all_of(unit.paths.begin(), unit.paths.end(),
				   [](const auto &path) { return path.health == PathHealth::Ok; })
			       ? CheckStatus::Ok
			       : CheckStatus::Warning;
	case Health::Degraded:
	case Health::Held:
	case Health::Suspended:
		return CheckStatus::Warning;
	case Health::Verifying:
	case Health::Failed:
	case Health::Waiting:
		return CheckStatus::Critical;
	}
	return CheckStatus::Unknown;
}

/// A bar or a newline in a text would end it for the reader of the plugin.
std::string harmless(std::string text)
{
	std::replace(text.begin(), text.end(), '|', '/');
	std::replace(text.begin(), text.end(), '\n', ' ');
	return plain_text(text);
}

std::string performance(const UnitReport &unit)
{
	const auto usable =
		std::count_if(unit.paths.begin(), unit.paths.end(),
			      [](const auto &path) { return path.health == PathHealth::Ok; });
	std::uint64_t switches = 0;
	std::uint64_t errors = 0;
	for (const auto &path : unit.paths) {
		switches += path.switches;
		errors += path.errors;
	}
	return fmt::format("'{0}_paths_usable'={1};;;0;{2} '{0}_held'={3} '{0}_oldest'={4}ms "
			   "'{0}_doubt'={5} '{0}_switches'={6}c '{0}_errors'={7}c",
			   unit.name, usable, unit.paths.size(), unit.held_bios, unit.oldest_ms,
			   unit.doubt, switches, errors);
}

std::string opened_text(const UnitReport &unit, const LegUser &user)
{
	return harmless(fmt::format("{}: {}{} {} {}, past the unit", unit.name, user.command,
				    user.pid ? fmt::format(" (process {})", *user.pid) : "",
				    user.write ? "writes" : "reads", user.device));
}

} // namespace

CheckResult check(const Report &report)
{
	if (report.units.empty())
		return check_failed(report.source == Source::Kernel
					    ? "no unit exists, and pathd does not answer"
					    : "no unit exists");
	CheckStatus worst = CheckStatus::Ok;
	std::string details, notes, opened;
	std::string data;
	std::size_t well = 0;
	for (const auto &unit : report.units) {
		const auto status = status_of(unit);
		worst = std::max(worst, status);
		well += status == CheckStatus::Ok;
		if (status != CheckStatus::Ok)
			details += harmless(fmt::format("{} is {}: {}", unit.name,
							word(unit.health), unit.reason_text)) +
				   "\n";
		// Not a fault: chosen. But who watches the unit should know what was chosen.
		if (unit.fence == Fence::DRAIN &&
		    std::any_of(unit.paths.begin(), unit.paths.end(),
				[](const auto &path) { return path.kind == PathKind::SERVED; }))
			notes += fmt::format(
				"{} has fence=drain: a server that stalls and goes on after "
				"a switch can overwrite newer data\n",
				unit.name);
		for (const auto &user : unit.opened_by) {
			worst = std::max(worst, CheckStatus::Warning);
			opened += opened_text(unit, user) + "\n";
		}
		data += (data.empty() ? "" : " ") + performance(unit);
	}
	const bool serving =
		std::any_of(report.units.begin(), report.units.end(),
			    [](const auto &unit) { return unit.health == Health::Serving; });
	std::string summary = fmt::format("{} of {} {} online{}", well, report.units.size(),
					  report.units.size() == 1 ? "unit" : "units",
					  serving ? " or serving" : "");
	if (well < report.units.size())
		summary += ": " + details.substr(0, details.find('\n'));
	else if (!opened.empty())
		summary += "; " + opened.substr(0, opened.find('\n'));
	if (report.source == Source::Kernel) {
		worst = std::max(worst, CheckStatus::Warning);
		summary += ", pathd does not answer";
	}
	return {worst, fmt::format("SWPATH {} - {} | {}\n{}", words[static_cast<unsigned>(worst)],
				   summary, data, details + opened + notes)};
}

CheckResult check_failed(std::string_view why)
{
	return {CheckStatus::Unknown,
		fmt::format("SWPATH UNKNOWN - {}\n", harmless(std::string(why)))};
}

} // namespace swpath::ctl
