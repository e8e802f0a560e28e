// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/picture_row.h"

#include <algorithm>

#include <fmt/core.h>

#include "libpath/unit/reason.h"
#include "pathd/ctl/certificate.h"
#include "pathd/ctl/style.h"

namespace swpath::ctl
{

namespace
{

using std::chrono::microseconds;

constexpr double badge_left = 24;
constexpr double name_left = 76;
constexpr double bar_left = 470;
constexpr double bar_right = 1030;
constexpr double right = 1176;
/// A character of small text is about so wide.
constexpr double small_char = 6.2;

/// What the style knows nothing of: colours and places are SVG's. Arrows are.
const Style picture_style{.color = false, .ascii = false, .width = 1000, .utc_offset = utc};

void draw_badge(Svg &svg, std::uint64_t mv, double y)
{
	const auto text = std::to_string(mv);
	svg.rect("badge", badge_left, y + 10, 40, 20, fmt::format("mount verification {}", mv), 10);
	svg.text("small", badge_left + 20, y + 24, text, Anchor::Middle);
}

/// The phases side by side, each as long as its part of the whole.
void draw_bar(Svg &svg, const SwitchRecord &record, double y)
{
	const auto phases = phases_of(record);
	const double scale = bar_right - bar_left;
	if (record.total_us() == 0) {
		svg.line("axis", bar_left, y + 9, bar_right, y + 9, "no time was measured");
		return;
	}
	double left = bar_left;
	for (const auto &phase : phases) {
		if (phase.us == 0)
			continue;
		const double length = scale * double(phase.us) / double(record.total_us());
		const auto text =
			fmt::format("{} {}", phase.word, time_text(microseconds(phase.us)));
		svg.rect(phase.word, left, y, std::max(length, 1.5), 18, text);
		if (length >= small_char * double(columns_of(text)) + 10)
			svg.text(phase.word == "drain" || phase.word == "flush" ? "onlight" : "on",
				 left + 6, y + 13, text);
		left += length;
	}
}

} // namespace

std::string switch_sentence(const SwitchReport &report)
{
	return fmt::format("{}: {}. {}", rfc3339(report.at()), switch_text(picture_style, report),
			   certificate_text(report));
}

void draw_row_head(Svg &svg, double y)
{
	double left = bar_left;
	for (const auto &phase : phases_of(SwitchRecord{})) {
		svg.rect(phase.word, left, y - 11, 14, 14, {}, 2);
		svg.text("small dim", left + 20, y, phase.word);
		left += 40 + 7 * double(phase.word.size());
	}
	svg.text("small dim", right, y, "I/O held", Anchor::End);
}

void draw_row(Svg &svg, const SwitchReport &report, double y)
{
	const SwitchRecord &record = report.record;
	draw_badge(svg, record.mv, y);
	const auto what = names_text(picture_style, report);
	svg.text("name", name_left, y + 24, clipped(what, 50), Anchor::Start, what);
	svg.text(record.failed() ? "warn" : "", name_left, y + 41, reason_text(record.reason));
	auto when = rfc3339(report.at());
	when[10] = ' ';
	when.pop_back();
	svg.text("small dim", name_left, y + 57,
		 fmt::format("{} UTC, epoch {}", when, record.epoch));

	draw_bar(svg, record, y + 11);
	const auto fence = "fence: " + fence_text_of(report);
	svg.text("small", bar_left, y + 43, clipped(fence, 92), Anchor::Start, fence);
	const auto identity = "identity: " + identity_text(report);
	svg.text("small dim", bar_left, y + 58, clipped(identity, 92));

	svg.text("name", right, y + 24, time_text(microseconds(record.total_us())), Anchor::End);
	svg.text("small", right, y + 41,
		 fmt::format("{}, {}", count_text(record.held_bios, "I/O", "I/Os"),
			     bytes_text(record.held_bytes)),
		 Anchor::End);
	svg.text("small dim", right, y + 57,
		 count_text(record.doubt, "write in doubt", "writes in doubt"), Anchor::End);
}

void draw_ongoing_row(Svg &svg, const TimelineHold &hold, const FlightSample &last, double y)
{
	draw_badge(svg, hold.mv, y);
	svg.text("name", name_left, y + 24, "I/O is held now");
	svg.text("warn", name_left, y + 41, reason_text(last.reason));
	svg.text("small dim", name_left, y + 57, fmt::format("epoch {}", last.epoch));
	svg.text("", bar_left, y + 24,
		 last.phase == Phase::NONE ? std::string("no phase has begun")
					   : fmt::format("phase: {}", word(last.phase)));
	svg.text("name", right, y + 24, time_text(hold.length) + " so far", Anchor::End);
	svg.text("small", right, y + 41,
		 fmt::format("{}, {}", count_text(last.held_bios, "I/O", "I/Os"),
			     bytes_text(last.held_bytes)),
		 Anchor::End);
	svg.text("small dim", right, y + 57,
		 count_text(last.doubt, "write in doubt", "writes in doubt"), Anchor::End);
}

} // namespace swpath::ctl
