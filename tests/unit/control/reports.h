// SPDX-License-Identifier: GPL-2.0-or-later
/// Reports for tests: a unit with a direct and a served path, made the way pathd and pathctl make
/// them, from a status line of the kernel.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "libpath/control/derive.h"
#include "libpath/control/report.h"

namespace swpath::testing
{

inline WallTime at(std::string_view text)
{
	const auto time = parse_rfc3339(text);
	EXPECT_TRUE(time) << text;
	return time.value_or(WallTime{});
}

inline const WallTime noon = *parse_rfc3339("2026-11-20T12:00:00.000Z");

/// Status lines: unit words (14), two paths of 8 words each.
inline constexpr std::string_view online_line =
	"14 online - 3 7 0 0 0 3 0 none 60000 - - prove 2 8 "
	"direct 8:0 ready 212 0 1 14000 none served 43:0 ready 0 0 0 14000 none";
inline constexpr std::string_view on_served_line =
	"14 online - 4 7 1 0 0 3 0 timeout 8210 - 0 drain 2 8 "
	"direct 8:0 failed 0 38 1 0 timeout served 43:0 ready 212 0 1 12000 none";
inline constexpr std::string_view draining_line =
	"14 verify drain 4 6 - 37 151552 1080 2 timeout 1080 3598920 0 prove 2 8 "
	"direct 8:0 failed 3 2 1 0 timeout served 43:0 ready 0 0 0 9000 none";
inline constexpr std::string_view proving_line =
	"14 verify prove 4 6 - 37 151552 0 2 timeout 1080 3598920 0 prove 2 8 "
	"direct 8:0 failed 0 2 1 0 timeout served 43:0 ready 0 0 0 9000 none";
inline constexpr std::string_view held_line =
	"14 held operator 5 7 - 12 49152 0 0 operator 30000 3570000 0 prove 2 8 "
	"direct 8:0 ready 0 0 1 14000 none served 43:0 ready 0 0 0 14000 none";
inline constexpr std::string_view failed_line =
	"14 failed - 6 7 - 0 0 0 2 mv-timeout 90000 - 0 prove 2 8 "
	"direct 8:0 failed 0 40 1 0 timeout served - absent 0 4 1 0 path-gone";

inline UnitReport unit_from(std::string_view line, MonitorWord direct = MonitorWord::None,
			    MonitorWord served = MonitorWord::None)
{
	UnitReport unit;
	unit.name = "sw0";
	unit.number = DevNumber{253, 3};
	unit.wwid = "naa.60014051234567890abcdef012345678";
	unit.size_bytes = 1ULL << 40;
	unit.mv_timeout_s = 3600;
	unit.stall_ms = 5000;
	const auto status = parse_status(line);
	EXPECT_TRUE(status) << (status ? "" : status.error().message());
	if (!status)
		return unit;
	set_kernel_status(unit, *status, noon);
	unit.paths[0].device = unit.paths[0].number ? "sda" : "";
	unit.paths[0].endpoint = "iscsi 2:0:0:0";
	unit.paths[0].monitor = direct;
	if (unit.paths.size() > 1) {
		unit.paths[1].label = "beta";
		unit.paths[1].device = unit.paths[1].number ? "nbd0" : "";
		unit.paths[1].endpoint = "beta:10809";
		unit.paths[1].monitor = served;
	}
	sum_up(unit);
	return unit;
}

inline SwitchRecord timeout_switch()
{
	SwitchRecord record;
	record.epoch = 7;
	record.mv = 4;
	record.from = 0;
	record.to = 1;
	record.reason = Reason::TIMEOUT;
	record.method = Method::DRAINED;
	record.at_ms = std::uint64_t(
		parse_rfc3339("2026-11-20T11:59:51.790Z")->time_since_epoch().count());
	record.drain_us = 1'080'000;
	record.prove_us = 30'000;
	record.release_us = 4'000;
	record.held_bios = 37;
	record.held_bytes = 151552;
	record.evidence = "-";
	return record;
}

inline Report report_of(UnitReport unit, Source source = Source::Pathd)
{
	Report report;
	report.generated = noon;
	report.source = source;
	report.version = "0.1.0";
	report.units.push_back(std::move(unit));
	return report;
}

} // namespace swpath::testing
