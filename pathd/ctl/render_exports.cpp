// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "pathd/ctl/render.h"

namespace swpath::ctl
{

namespace
{

using std::chrono::milliseconds;

Paint paint_of(ExportState state)
{
	switch (state) {
	case ExportState::Open:
		return Paint::Good;
	case ExportState::Failed:
		return Paint::Bad;
	case ExportState::Draining:
		return Paint::Warning;
	case ExportState::Drained:
		return Paint::Dim;
	}
	return Paint::Plain;
}

std::string server_line(const Style &style, const ExportsReport &report)
{
	std::string text =
		fmt::format("{}, {}", report.address, report.tls ? "TLS" : "plain (no TLS)");
	if (report.process)
		text += fmt::format(", process {}", *report.process);
	if (!report.answers) {
		text += "; it does not answer";
		if (!report.trouble.empty())
			text += ": " + report.trouble;
		if (report.told)
			text += fmt::format("; what follows is of {}",
					    clock_text(style, *report.told, report.generated));
	}
	return wrapped(style, "server ", 2, text);
}

/// What is left to say about an export, below its line.
std::string details(const ExportReport &each)
{
	std::string text = fmt::format("{}, {} to {}, {}", each.wwid, each.device,
				       fmt::join(each.addresses, ", "),
				       count_text(each.connections, "connection", "connections"));
	if (each.read_only)
		text += ", read-only";
	if (each.oldest_ms > 0)
		text += fmt::format(", oldest request {}", age_text(milliseconds(each.oldest_ms)));
	if (each.lost > 0)
		text += fmt::format(", {} ended in an error of the path",
				    count_text(each.lost, "request", "requests"));
	if (each.refused > 0)
		text += fmt::format(", {} came too late",
				    count_text(each.refused, "request", "requests"));
	return text;
}

} // namespace

std::string render_exports(const Style &style, const ExportsReport &report)
{
	std::string text = server_line(style, report);
	if (!report.exports.empty()) {
		Grid grid;
		std::vector<Grid::Cell> head;
		for (const auto *name :
		     {"UNIT", "CLIENT", "EPOCH", "STATE", "SINCE", "REQUESTS", "IN FLIGHT"})
			head.push_back({name, Paint::Dim});
		for (const auto right : {2U, 5U, 6U})
			head[right].right = true;
		grid.add(std::move(head));
		for (const auto &each : report.exports) {
			grid.add({{each.unit.empty() ? "-" : each.unit, Paint::Bold},
				  {each.client},
				  {std::to_string(each.epoch), Paint::Plain, true},
				  {std::string(word(each.state)), paint_of(each.state)},
				  {clock_text(style, each.since, report.generated)},
				  {std::to_string(each.requests), Paint::Plain, true},
				  {std::to_string(each.inflight_requests), Paint::Plain, true}});
			grid.note(details(each));
		}
		text += grid.text(style);
	}
	for (const auto &each : report.not_served)
		text += wrapped(
			style,
			fmt::format("{}  not served: ", painted(style, Paint::Bold, each.unit)), 2,
			each.reason);
	return text;
}

std::string render_explanation(const Style &style, const ExplainReport &report)
{
	std::string text;
	for (const auto &each : report.explanations)
		text += fmt::format(
			"{}{}\n{}", text.empty() ? "" : "\n",
			painted(style, Paint::Bold, each.about),
			wrapped(style, "  ", 2, fmt::format("{}", fmt::join(each.sentences, " "))));
	return text;
}

} // namespace swpath::ctl
