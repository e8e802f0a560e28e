// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/certificate.h"

#include <fmt/core.h>

#include "libpath/unit/reason.h"

namespace swpath::ctl
{

using std::chrono::microseconds;

std::array<PhaseTime, 4> phases_of(const SwitchRecord &record)
{
	return {{{"drain", record.drain_us},
		 {"flush", record.flush_us},
		 {"prove", record.prove_us},
		 {"release", record.release_us}}};
}

std::string phases_text(const SwitchRecord &record, std::uint64_t least_us)
{
	std::string text;
	for (const auto &phase : phases_of(record))
		if (phase.us >= least_us)
			text += fmt::format("{}{} {}", text.empty() ? "" : ", ", phase.word,
					    time_text(microseconds(phase.us)));
	return text;
}

std::string path_text(const std::string &name)
{
	return name.empty() ? "a path that is gone" : name;
}

bool opened_first(const SwitchRecord &record)
{
	// A unit that is loaded, without a path at first perhaps, or tried again after that failed.
	return !record.from && (record.reason == Reason::LOAD || record.reason == Reason::NO_PATH ||
				record.reason == Reason::RETRY);
}

std::string names_text(const Style &style, const SwitchReport &report)
{
	const SwitchRecord &record = report.record;
	if (record.failed())
		return record.from ? "failed on " + report.from : std::string("failed");
	if (record.from && record.from == record.to)
		return "held and resumed on " + report.to;
	if (opened_first(record))
		return "first opened on " + path_text(report.to);
	return fmt::format("{} {} {}", path_text(report.from), arrow(style), path_text(report.to));
}

std::string switch_text(const Style &style, const SwitchReport &report)
{
	return fmt::format("{}: {}", names_text(style, report), reason_text(report.record.reason));
}

std::string fence_text_of(const SwitchReport &report)
{
	const SwitchRecord &record = report.record;
	if (record.failed())
		return "none, no path was proved";
	if (record.evidence.empty() || record.evidence == "-")
		return std::string(word(record.method));
	return fmt::format("{} ({})", word(record.method), record.evidence);
}

std::string identity_text(const SwitchReport &report)
{
	if (report.record.failed())
		return "none";
	if (!report.proved)
		return "not recorded, no pathd saw it";
	const auto before = report.at() - *report.proved;
	const std::string what = report.identity.empty() ? "proved" : report.identity;
	return before.count() > 0 ? fmt::format("{}, {} before the hold", what, age_text(before))
				  : fmt::format("{}, {} into the hold", what, age_text(-before));
}

std::string certificate_text(const SwitchReport &report)
{
	const SwitchRecord &record = report.record;
	const auto phases = phases_text(record, 1);
	return fmt::format("mount verification {}; {}{}{} held; fence: {}; identity: {}", record.mv,
			   phases, phases.empty() ? "" : "; ", bytes_text(record.held_bytes),
			   fence_text_of(report), identity_text(report));
}

} // namespace swpath::ctl
