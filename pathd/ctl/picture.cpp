// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/picture.h"

#include <algorithm>

#include <fmt/core.h>

#include "libpath/unit/reason.h"
#include "pathd/ctl/picture_row.h"
#include "pathd/ctl/style.h"
#include "pathd/ctl/svg.h"
#include "pathd/ctl/time_axis.h"
#include "pathd/ctl/timeline.h"

namespace swpath::ctl
{

namespace
{

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr double width = 1200;
constexpr double margin = 24;
constexpr double plot_left = 170;
constexpr double plot_right = width - margin;
constexpr double chart_height = 190;
constexpr double lane_height = 26;

/// Colours are those of Okabe and Ito, which colour-blind people can tell apart; none of them is
/// the only sign of anything. No custom properties: not every viewer of SVG knows them.
constexpr std::string_view style_sheet = R"(
text { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; fill: #1b1f24; }
.page { fill: #ffffff; }
.h1 { font-size: 20px; font-weight: 600; }
.h2 { font-size: 14px; font-weight: 600; }
.name { font-size: 13px; font-weight: 600; }
.dim { fill: #57606a; }
.small { font-size: 11px; }
.warn { fill: #9a3412; }
.on { font-size: 11px; fill: #ffffff; }
.onlight { font-size: 11px; fill: #1b1f24; }
.grid { stroke: #d8dee4; stroke-width: 1; }
.axis { stroke: #8c959f; stroke-width: 1; }
.frame { fill: #f6f8fa; }
.badge { fill: none; stroke: #8c959f; }
.held { stroke: #1b1f24; stroke-width: 1.5; }
.dot { fill: #1b1f24; stroke: #ffffff; stroke-width: 1.5; }
.dotbad { fill: #d55e00; stroke: #ffffff; stroke-width: 1.5; }
.shade { fill: #e69f00; fill-opacity: 0.18; }
.late { fill: none; stroke: #0072b2; stroke-width: 2; stroke-linejoin: round; }
.drain, .verify { fill: #e69f00; }
.flush { fill: #cc79a7; }
.prove, .operator { fill: #0072b2; }
.release, .online { fill: #007a58; }
.failed { fill: #d55e00; }
.unknown { fill: #afb8c1; fill-opacity: 0.45; }
.concluded { fill-opacity: 0.55; }
.active { fill: #0072b2; }
.ready { stroke: #007a58; stroke-width: 2; }
.notready { stroke: #d55e00; stroke-width: 3; stroke-dasharray: 7 4; }
.blank { stroke: #8c959f; stroke-width: 1; stroke-dasharray: 1 5; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.page { fill: #0d1117; }
.dim { fill: #9da7b1; }
.warn { fill: #ffa657; }
.on { fill: #ffffff; }
.onlight { fill: #1b1f24; }
.grid { stroke: #272e37; }
.axis, .badge { stroke: #6e7681; }
.frame { fill: #161b22; }
.held { stroke: #e6edf3; }
.dot { fill: #e6edf3; stroke: #0d1117; }
.dotbad { stroke: #0d1117; }
.late { stroke: #56b4e9; }
.ready { stroke: #2bbd92; }
.notready { stroke: #ff8533; }
.unknown { fill: #484f58; }
}
)";

struct PastLook {
	std::string_view look;
	std::string_view word;
	std::string_view text_look;
};

PastLook look_of(UnitPast past)
{
	switch (past) {
	case UnitPast::Online:
		return {"online", "online", "on"};
	case UnitPast::Verify:
		return {"verify", "verifying", "onlight"};
	case UnitPast::Held:
		return {"operator", "held", "on"};
	case UnitPast::Failed:
		return {"failed", "failed", "onlight"};
	case UnitPast::Unknown:
		break;
	}
	return {"unknown", "not known", ""};
}

std::string between(WallTime from, WallTime to)
{
	return fmt::format("{} to {}, {}", rfc3339(from), rfc3339(to),
			   time_text(std::chrono::duration_cast<microseconds>(to - from)));
}

class Picture
{
public:
	Picture(const UnitReport &unit, const FlightReport &flight, std::string_view missing)
		: unit_(unit), flight_(flight), missing_(missing),
		  line_(make_timeline(unit, flight)),
		  time_(line_.from, line_.to, plot_left, plot_right)
	{
	}

	std::string draw();

private:
	void draw_head();
	void draw_chart();
	void draw_hold(const TimelineHold &hold, const DurationAxis &axis, double bottom);
	void number_holds(const DurationAxis &axis);
	void draw_lanes();
	void draw_unit_lane();
	[[nodiscard]] bool holds_between(double left, double right) const;
	void draw_path_lane(const Timeline::Lane &lane);
	void draw_time_axis(double top);
	void draw_notes();
	void draw_rows();
	[[nodiscard]] std::string description() const;

	const UnitReport &unit_;
	const FlightReport &flight_;
	std::string_view missing_;
	Timeline line_;
	TimeAxis time_;
	Svg svg_;
	double y_ = 0; ///< everything above is drawn
};

std::string Picture::description() const
{
	microseconds longest{0};
	for (const auto &hold : line_.holds)
		longest = std::max(longest, hold.length);
	const auto failed =
		std::count_if(unit_.history.begin(), unit_.history.end(),
			      [](const SwitchReport &each) { return each.record.failed(); });
	std::string text = unit_.history.empty()
				   ? std::string("No switch so far")
				   : count_text(unit_.history.size() - std::size_t(failed),
						"switch", "switches");
	if (failed > 0)
		text += fmt::format(", {} ended in errors",
				    count_text(std::size_t(failed), "hold", "holds"));
	if (!line_.holds.empty())
		text += fmt::format("; I/O was held for {} at the longest", time_text(longest));
	return text;
}

void Picture::draw_head()
{
	svg_.text("h1", margin, 38, fmt::format("/dev/{}: held I/O and switches", unit_.name));
	svg_.text("", margin, 60, description());
	const auto source =
		missing_.empty()
			? fmt::format("{} of pathd's flight recorder and the kernel's history",
				      count_text(flight_.samples.size(), "sample", "samples"))
			: std::string("The kernel's history alone");
	svg_.text("dim", margin, 78,
		  fmt::format("As of {} (UTC). {}.", rfc3339(flight_.generated), source));
	y_ = 78;
	if (!missing_.empty()) {
		y_ += 18;
		svg_.text("warn", margin, y_,
			  clipped(fmt::format(
					  "No samples: {}. What happened between the switches, and "
					  "how late I/O was, is not known.",
					  missing_),
				  170));
	}
}

/// One hold: its length as a stalk with a dot, and as a shade if it is as long as a few pixels.
void Picture::draw_hold(const TimelineHold &hold, const DurationAxis &axis, double bottom)
{
	const double left = time_.x(*hold.at);
	const double right =
		time_.x(*hold.at + std::chrono::duration_cast<milliseconds>(hold.length));
	const double top = axis.y(hold.length);
	const auto title =
		hold.record ? switch_sentence(*hold.record)
			    : fmt::format("Mount verification {} goes on: I/O has been held for {}",
					  hold.mv, time_text(hold.length));
	if (right - left >= 2)
		svg_.rect("shade", left, bottom - chart_height, right - left, chart_height);
	svg_.line("held", left, bottom, left, top, title);
	svg_.circle(hold.record && !hold.record->record.failed() ? "dot" : "dotbad", left, top, 4.5,
		    title);
}

/// The longest holds get their number first; one that has no room goes without.
void Picture::number_holds(const DurationAxis &axis)
{
	std::vector<const TimelineHold *> order;
	for (const auto &hold : line_.holds)
		if (hold.at)
			order.push_back(&hold);
	std::stable_sort(order.begin(), order.end(),
			 [](const auto *a, const auto *b) { return a->length > b->length; });
	struct Place {
		double x, y;
	};
	std::vector<Place> taken;
	for (const auto *hold : order) {
		const Place place{time_.x(*hold->at), axis.y(hold->length) - 9};
		const bool free = std::none_of(taken.begin(), taken.end(), [&](const Place &other) {
			return std::abs(other.x - place.x) < 26 && std::abs(other.y - place.y) < 14;
		});
		if (!free)
			continue;
		taken.push_back(place);
		svg_.text("small", place.x, place.y, std::to_string(hold->mv),
			  place.x > plot_right - 12 ? Anchor::End : Anchor::Middle);
	}
}

void Picture::draw_chart()
{
	microseconds least = std::chrono::milliseconds(10);
	microseconds most = std::chrono::seconds(1);
	for (const auto &hold : line_.holds) {
		if (hold.length.count() > 0)
			least = std::min(least, hold.length);
		most = std::max(most, hold.length);
	}
	for (const auto &stretch : line_.late)
		for (const auto &age : stretch)
			most = std::max<microseconds>(most, milliseconds(age.oldest_ms));

	y_ += 34;
	svg_.text("h2", margin, y_, "How long I/O waited");
	double key = 230;
	svg_.circle("dot", key, y_ - 4, 4.5);
	svg_.text("small dim", key + 10, y_, "hold, with the number of its mount verification");
	key += 300;
	svg_.circle("dotbad", key, y_ - 4, 4.5);
	svg_.text("small dim", key + 10, y_, "hold that ended in errors, or goes on");
	key += 250;
	svg_.line("late", key, y_ - 4, key + 22, y_ - 4);
	svg_.text("small dim", key + 28, y_, "age of the oldest I/O in flight, from 100 ms on");

	const double top = y_ + 14;
	const double bottom = top + chart_height;
	// The number of the longest hold stands above its dot.
	const DurationAxis axis(least, most, bottom, top + 18);
	svg_.rect("frame", plot_left, top, plot_right - plot_left, chart_height);
	for (const auto &tick : time_.ticks(10))
		svg_.line("grid", tick.at, top, tick.at, bottom);
	for (const auto &tick : axis.ticks()) {
		svg_.line("grid", plot_left, tick.at, plot_right, tick.at);
		svg_.text("small dim", plot_left - 8, tick.at + 4, tick.text, Anchor::End);
	}
	for (const auto &hold : line_.holds)
		if (hold.at)
			draw_hold(hold, axis, bottom);
	for (const auto &stretch : line_.late) {
		std::string points;
		std::uint64_t oldest = 0;
		for (const auto &age : stretch) {
			points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ",
					      time_.x(age.at), axis.y(milliseconds(age.oldest_ms)));
			oldest = std::max(oldest, age.oldest_ms);
		}
		svg_.polyline("late", points,
			      fmt::format("The oldest I/O in flight was {} old",
					  age_text(milliseconds(oldest))));
	}
	number_holds(axis);
	svg_.line("axis", plot_left, bottom, plot_right, bottom);
	y_ = bottom;
}

bool Picture::holds_between(double left, double right) const
{
	return std::any_of(line_.holds.begin(), line_.holds.end(), [&](const TimelineHold &hold) {
		return hold.at && time_.x(*hold.at) > left && time_.x(*hold.at) < right;
	});
}

void Picture::draw_unit_lane()
{
	const double top = y_ + 5;
	const double height = lane_height - 8;
	svg_.text("", plot_left - 8, top + 13, "unit", Anchor::End);
	for (const auto &span : line_.unit) {
		const auto how = look_of(span.past);
		const double left = time_.x(span.from);
		const double length = std::max(time_.x(span.to) - left, 1.0);
		const bool pale = !span.recorded && span.past != UnitPast::Unknown;
		svg_.rect(fmt::format("{}{}", how.look, pale ? " concluded" : ""), left, top,
			  length, height,
			  fmt::format("{}: {}{}", how.word, between(span.from, span.to),
				      pale ? " (by the kernel's history)" : ""));
		const double word_length = 7.0 * double(how.word.size()) + 10;
		if (length >= word_length && !holds_between(left, left + word_length))
			svg_.text(how.text_look.empty() || pale ? "small" : how.text_look, left + 6,
				  top + 13, how.word);
	}
	// Holds are shorter than a pixel mostly, and what matters most.
	for (const auto &hold : line_.holds) {
		if (!hold.at || !hold.record)
			continue;
		const double left = time_.x(*hold.at);
		const double right =
			time_.x(*hold.at + std::chrono::duration_cast<milliseconds>(hold.length));
		svg_.rect(hold.record->record.failed() ? "failed" : "verify", left, top,
			  std::max(right - left, 2.0), height, switch_sentence(*hold.record));
	}
	y_ += lane_height;
}

void Picture::draw_path_lane(const Timeline::Lane &lane)
{
	const double middle = y_ + lane_height / 2;
	svg_.text("", plot_left - 8, middle + 4, clipped(lane.name, 20), Anchor::End, lane.name);
	bool named = false;
	for (const auto &span : lane.spans) {
		const double left = time_.x(span.from);
		const double right = std::max(time_.x(span.to), left + 1);
		const auto title = [&](std::string_view word) {
			return fmt::format("{} {}: {}", lane.name, word,
					   between(span.from, span.to));
		};
		switch (span.past) {
		case PathPast::Active:
			svg_.rect(span.recorded ? "active" : "active concluded", left, middle - 7,
				  right - left, 14, title("active"), 2);
			if (!named && right - left >= 54) {
				svg_.text(span.recorded ? "on" : "small", left + 6, middle + 4,
					  "active");
				named = true;
			}
			break;
		case PathPast::Ready:
			svg_.line("ready", left, middle, right, middle, title("ready"));
			break;
		case PathPast::NotReady:
			svg_.line("notready", left, middle, right, middle, title("not usable"));
			break;
		case PathPast::Unknown:
		case PathPast::Absent:
			svg_.line("blank", left, middle, right, middle,
				  title(span.past == PathPast::Absent ? "absent" : "not known"));
			break;
		}
	}
	y_ += lane_height;
}

void Picture::draw_time_axis(double top)
{
	svg_.line("axis", plot_left, y_ + 2, plot_right, y_ + 2);
	for (const auto &tick : time_.ticks(10)) {
		svg_.line("grid", tick.at, top, tick.at, y_ + 2);
		svg_.line("axis", tick.at, y_ + 2, tick.at, y_ + 7);
		const auto anchor = tick.at > plot_right - 30 ? Anchor::End : Anchor::Middle;
		svg_.text("small dim", tick.at, y_ + 20, tick.text, anchor);
		if (!tick.day.empty())
			svg_.text("small dim", tick.at, y_ + 34, tick.day, anchor);
	}
	svg_.text("small dim", plot_left - 8, y_ + 20, "time, UTC", Anchor::End);
	y_ += 38;
}

void Picture::draw_lanes()
{
	const double top = y_;
	y_ += 6;
	// The axis first: its grid lies below the lanes.
	const double lanes_top = y_;
	const double lanes_end = y_ + lane_height * double(1 + line_.paths.size());
	y_ = lanes_end;
	draw_time_axis(top);
	const double below = y_;
	y_ = lanes_top;
	draw_unit_lane();
	for (const auto &lane : line_.paths)
		draw_path_lane(lane);
	y_ = below + 12;

	double key = plot_left;
	const auto mark = [&](std::string_view look, std::string_view text) {
		svg_.line(look, key, y_ - 4, key + 24, y_ - 4);
		svg_.text("small dim", key + 30, y_, text);
		key += 40 + 6.6 * double(text.size());
	};
	svg_.rect("active", key, y_ - 10, 24, 12, {}, 2);
	svg_.text("small dim", key + 30, y_, "path carries the I/O");
	key += 172;
	mark("ready", "usable");
	mark("notready", "not usable");
	mark("blank", "absent, or not known");
	if (std::any_of(line_.unit.begin(), line_.unit.end(), [](const auto &span) {
		    return !span.recorded && span.past != UnitPast::Unknown;
	    })) {
		svg_.rect("active concluded", key, y_ - 10, 24, 12, {}, 2);
		svg_.text("small dim", key + 30, y_, "pale: concluded from the kernel's history");
	}
}

void Picture::draw_notes()
{
	if (line_.clock_was_set) {
		y_ += 20;
		svg_.text("warn", margin, y_,
			  "The wall clock was set in this time: what pathd recorded is placed by "
			  "today's "
			  "clock, the rest by the clock of its moment.");
	}
	if (line_.without_time > 0) {
		y_ += 20;
		svg_.text("warn", margin, y_,
			  fmt::format(
				  "{} of before the boot or of the future and {} not in the chart.",
				  count_text(line_.without_time, "hold has a stamp",
					     "holds have stamps"),
				  line_.without_time == 1 ? "is" : "are"));
	}
}

void Picture::draw_rows()
{
	y_ += 44;
	svg_.text("h2", margin, y_, "Each hold, the last one first");
	draw_row_head(svg_, y_);
	y_ += 12;
	if (line_.holds.empty()) {
		y_ += 20;
		svg_.text("dim", margin, y_, "The kernel remembers none since the unit was made.");
		return;
	}
	for (auto hold = line_.holds.rbegin(); hold != line_.holds.rend(); ++hold) {
		svg_.line("grid", margin, y_, width - margin, y_);
		if (hold->record)
			draw_row(svg_, *hold->record, y_);
		else
			draw_ongoing_row(svg_, *hold, flight_.samples.back(), y_);
		y_ += row_height;
	}
}

std::string Picture::draw()
{
	draw_head();
	draw_chart();
	draw_lanes();
	draw_notes();
	draw_rows();
	const double height = y_ + margin;
	return fmt::format(
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
		"viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\" aria-labelledby=\"title what\" "
		"lang=\"en\">\n<title id=\"title\">{2}</title>\n<desc id=\"what\">{3}</desc>\n"
		"<style>{4}</style>\n<rect class=\"page\" width=\"{0:.0f}\" height=\"{1:.0f}\"/>\n"
		"{5}</svg>\n",
		width, height, xml_text(fmt::format("/dev/{}: held I/O and switches", unit_.name)),
		xml_text(fmt::format("{}. As of {}.", description(), rfc3339(flight_.generated))),
		style_sheet, svg_.body());
}

} // namespace

std::string render_picture(const UnitReport &unit, const FlightReport &flight,
			   std::string_view missing)
{
	return Picture(unit, flight, missing).draw();
}

} // namespace swpath::ctl
