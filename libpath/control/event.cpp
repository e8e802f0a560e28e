// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/event.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

namespace swpath
{

namespace
{

using Fields = std::vector<std::pair<std::string_view, std::string>>;

/// What counts as a change of a unit: states and decisions, no counters, no ages, no sentences that
/// carry either.
Fields fields_of(const UnitReport &unit)
{
	std::string opened_by;
	for (const auto &user : unit.opened_by)
		opened_by += fmt::format("{}{} has {}", opened_by.empty() ? "" : ", ",
					 user.pid ? fmt::format("{} ({})", user.command, *user.pid)
						  : user.command,
					 user.device);
	return {
		{"state", std::string(word(unit.health))},
		{"reason", unit.reason_text},
		{"number", unit.number ? unit.number->text() : ""},
		{"wwid", unit.wwid},
		{"size_bytes", std::to_string(unit.size_bytes)},
		{"kernel_state", unit.number ? std::string(word(unit.kernel_state)) : ""},
		{"phase", std::string(word(unit.phase))},
		{"mv", std::to_string(unit.mv)},
		{"epoch", std::to_string(unit.epoch)},
		{"active", unit.active ? std::to_string(*unit.active) : ""},
		{"fence", std::string(word(unit.fence))},
		{"pinned", unit.pinned ? "true" : "false"},
		{"opened_by", opened_by},
	};
}

Fields fields_of(const PathReport &path)
{
	return {
		{"state", std::string(word(path.health))},
		{"kind", std::string(word(path.kind))},
		{"label", path.label},
		{"device", path.device},
		{"number", path.number ? path.number->text() : ""},
		{"endpoint", path.endpoint},
		{"active", path.active ? "true" : "false"},
		{"kernel_state", std::string(word(path.kernel_state))},
		{"reason_code", std::string(word(path.reason))},
		{"monitor", std::string(word(path.monitor))},
	};
}

template <class T>
std::vector<FieldChange> changes_between(const T *before, const T &after)
{
	const Fields now = fields_of(after);
	const Fields old = before ? fields_of(*before) : Fields{};
	std::vector<FieldChange> changes;
	for (std::size_t i = 0; i < now.size(); i++) {
		const std::string was = before ? old[i].second : std::string();
		if (was != now[i].second)
			changes.push_back({std::string(now[i].first), was, now[i].second});
	}
	return changes;
}

template <class T>
std::vector<FieldChange> present(const T &object)
{
	return changes_between<T>(nullptr, object);
}

/// Numbers events and stamps them.
struct Writer {
	std::vector<Event> events;
	std::uint64_t seq;
	WallTime at;

	Event &add(EventKind kind, const std::string &unit, const PathReport *path = nullptr)
	{
		Event event;
		event.seq = ++seq;
		event.at = at;
		event.kind = kind;
		event.unit = unit;
		if (path) {
			event.path = path->index;
			event.path_name = path_name(*path);
		}
		return events.emplace_back(std::move(event));
	}
};

const UnitReport *find(const std::vector<UnitReport> &units, const std::string &name)
{
	const auto found = std::find_if(units.begin(), units.end(),
					[&](const auto &unit) { return unit.name == name; });
	return found == units.end() ? nullptr : &*found;
}

void diff_paths(Writer &writer, const UnitReport *before, const UnitReport &after)
{
	const std::size_t known = before ? before->paths.size() : 0;
	for (std::size_t i = 0; i < after.paths.size(); i++) {
		auto changes =
			changes_between(i < known ? &before->paths[i] : nullptr, after.paths[i]);
		if (!changes.empty())
			writer.add(EventKind::Change, after.name, &after.paths[i]).changes =
				std::move(changes);
	}
	for (std::size_t i = after.paths.size(); i < known; i++)
		writer.add(EventKind::Gone, after.name, &before->paths[i]);
}

void diff_history(Writer &writer, const UnitReport *before, const UnitReport &after)
{
	// A unit that appears brings its history along: that is no news.
	if (!before || !before->number)
		return;
	// Records come in order; those after the last one that was known are new.
	auto first_new = after.history.begin();
	if (!before->history.empty()) {
		const auto &last = before->history.back().record;
		const auto same = std::find_if(after.history.rbegin(), after.history.rend(),
					       [&](const SwitchReport &each) {
						       return each.record.mv == last.mv &&
							      each.record.at_ms == last.at_ms;
					       });
		first_new = same.base();
		if (same == after.history.rend())
			first_new = after.history.begin();
	}
	for (; first_new != after.history.end(); ++first_new)
		writer.add(EventKind::Switch, after.name).switched = *first_new;
}

} // namespace

std::vector<Event> dump_events(const Report &report, std::uint64_t seq)
{
	Writer writer{{}, seq, report.generated};
	for (const auto &unit : report.units) {
		writer.add(EventKind::Exists, unit.name).changes = present(unit);
		for (const auto &path : unit.paths)
			writer.add(EventKind::Exists, unit.name, &path).changes = present(path);
	}
	writer.add(EventKind::End, {});
	for (auto &event : writer.events)
		event.seq = seq;
	return std::move(writer.events);
}

std::vector<Event> diff_events(const Report &before, const Report &after, std::uint64_t seq)
{
	Writer writer{{}, seq, after.generated};
	for (const auto &unit : after.units) {
		const UnitReport *was = find(before.units, unit.name);
		auto changes = changes_between(was, unit);
		if (!changes.empty())
			writer.add(EventKind::Change, unit.name).changes = std::move(changes);
		diff_paths(writer, was, unit);
		diff_history(writer, was, unit);
	}
	for (const auto &unit : before.units)
		if (!find(after.units, unit.name))
			writer.add(EventKind::Gone, unit.name);
	return std::move(writer.events);
}

} // namespace swpath
