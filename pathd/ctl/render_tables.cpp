// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "libpath/control/derive.h"
#include "pathd/ctl/certificate.h"
#include "pathd/ctl/render.h"

namespace swpath::ctl
{

namespace
{

using std::chrono::microseconds;

std::vector<Grid::Cell> header(std::initializer_list<std::string_view> names)
{
	std::vector<Grid::Cell> row;
	for (const auto name : names)
		row.push_back({std::string(name), Paint::Dim});
	return row;
}

Grid::Cell number(std::uint64_t value)
{
	return {std::to_string(value), Paint::Plain, true};
}

std::string or_dash(const std::string &text)
{
	return text.empty() ? "-" : text;
}

} // namespace

std::string render_list(const Style &style, const Report &report)
{
	if (report.units.empty())
		return {};
	Grid grid;
	grid.add(header({"UNIT", "STATE", "SIZE", "ACTIVE", "PATHS", "WWID"}));
	for (const auto &unit : report.units) {
		const auto usable =
			std::count_if(unit.paths.begin(), unit.paths.end(), [](const auto &path) {
				return path.health == PathHealth::Ok;
			});
		grid.add({{unit.name, Paint::Bold},
			  {std::string(word(unit.health)), paint_of(unit.health)},
			  {bytes_text(unit.size_bytes), Paint::Plain, true},
			  {unit.active ? path_name(unit, *unit.active) : "-"},
			  {fmt::format("{}/{}", usable, unit.paths.size()), Paint::Plain, true},
			  {or_dash(unit.wwid)}});
	}
	return grid.text(style);
}

std::string render_paths(const Style &style, const Report &report)
{
	if (report.units.empty())
		return {};
	Grid grid;
	auto head = header({"UNIT", "PATH", "KIND", "DEVICE", "ENDPOINT", "STATE", "IN FLIGHT",
			    "ERRORS", "SWITCHES"});
	for (auto i : {6, 7, 8})
		head[std::size_t(i)].right = true;
	grid.add(std::move(head));
	for (const auto &unit : report.units)
		for (const auto &path : unit.paths)
			grid.add({{unit.name, Paint::Bold},
				  {fmt::format("{}{}", path.index, path.active ? "*" : "")},
				  {std::string(word(path.kind))},
				  {or_dash(path.device)},
				  {or_dash(path.endpoint.empty() && path.kind == PathKind::SERVED
						   ? path.label
						   : path.endpoint)},
				  {std::string(word(path.health)), paint_of(path.health)},
				  number(path.inflight_bios),
				  number(path.errors),
				  number(path.switches)});
	return grid.text(style);
}

std::string render_peers(const Style &style, const ClusterReport &report)
{
	std::string state;
	if (!report.trouble.empty())
		state = report.trouble;
	else if (report.phase == RecoveryPhase::Complete)
		state = fmt::format("{}, recovered together in epoch {}",
				    fmt::join(report.members, ", "), report.epoch);
	else if (report.members.empty())
		state = "none yet";
	else
		state = fmt::format("{}, recovering ({}){}", fmt::join(report.members, ", "),
				    word(report.phase),
				    report.waiting_for.empty()
					    ? ""
					    : fmt::format(", waiting for {}",
							  fmt::join(report.waiting_for, ", ")));
	if (!report.discovery.empty())
		state += fmt::format("; hosts are not found: {}", report.discovery);
	std::string text = wrapped(
		style, fmt::format("{}  members: ", painted(style, Paint::Bold, report.name)), 2,
		state);
	if (report.peers.empty())
		return text;
	Grid grid;
	grid.add(header({"PEER", "ADDRESS", "ANSWERS", "MEMBER", "WHY NOT"}));
	for (const auto &peer : report.peers) {
		const auto yes_no = [](bool yes) {
			return Grid::Cell{yes ? "yes" : "no", yes ? Paint::Good : Paint::Bad};
		};
		grid.add({{peer.name, Paint::Bold},
			  {or_dash(peer.address)},
			  yes_no(peer.reachable),
			  yes_no(peer.member),
			  {or_dash(peer.text)}});
	}
	return text + grid.text(style);
}

std::string render_hints(const Style &style, const HintsReport &report)
{
	std::string state = fmt::format("{}", word(report.state));
	if (report.process != 0)
		state += fmt::format(", process {}", report.process);
	if (report.restarts != 0)
		state += fmt::format(", started again {} times", report.restarts);
	if (!report.trouble.empty())
		state += fmt::format("; {}", report.trouble);
	const auto engine = report.lockspace.empty()
				    ? report.engine
				    : fmt::format("{} '{}'", report.engine, report.lockspace);
	std::string text = wrapped(
		style,
		fmt::format("host {}  lock space {}: ",
			    painted(style, Paint::Bold, fmt::format("{}", report.number)), engine),
		2, state);
	for (const auto &port : report.ports)
		text += wrapped(style, port.shared ? "shared  " : "        ", 8,
				fmt::format("{} ({})", port.text,
					    port.given ? "a given name" : "a derived name"));
	if (report.buses.empty())
		return text;
	Grid grid;
	auto head = header({"BUS", "HELD", "MARK OF", "SHARED", "SERVES", "EPOCH", "DISK"});
	head[5].right = true;
	grid.add(std::move(head));
	const auto yes_no = [](bool yes) { return Grid::Cell{yes ? "yes" : "no"}; };
	for (const auto &bus : report.buses) {
		const Grid::Cell held{bus.held ? "yes" : "no", bus.held ? Paint::Good : Paint::Bad};
		if (bus.marked)
			grid.add({{bus.bus, Paint::Bold},
				  held,
				  {fmt::format("{}{}", bus.server, bus.own ? ", this host" : "")},
				  yes_no(bus.shared),
				  yes_no(bus.serves),
				  number(bus.epoch),
				  {bus.disk}});
		else
			grid.add({{bus.bus, Paint::Bold},
				  held,
				  {bus.text.empty() ? "nobody" : "not valid"},
				  {"-"},
				  {"-"},
				  {"-", Paint::Plain, true},
				  {"-"}});
	}
	return text + grid.text(style);
}

std::string render_history(const Style &style, const Report &report)
{
	Grid grid;
	bool any = false;
	grid.add(header({"UNIT", "AT", "EPOCH", "I/O HELD", "I/OS", "DOUBT", "WHAT"}));
	for (const auto &unit : report.units)
		for (const auto &each : unit.history) {
			const auto &record = each.record;
			grid.add({{unit.name, Paint::Bold},
				  {clock_text(style, each.at(), report.generated)},
				  number(record.epoch),
				  {time_text(microseconds(record.total_us())), Paint::Plain, true},
				  number(record.held_bios),
				  number(record.doubt),
				  {switch_text(style, each)}});
			grid.note(certificate_text(each));
			any = true;
		}
	return any ? grid.text(style) : std::string();
}

std::string render_event(const Style &style, const Event &event)
{
	// The mark of drbdsetup events2: whoever reads lines knows where the dump ends.
	if (event.kind == EventKind::End)
		return fmt::format("{} {} exists -\n", rfc3339(event.at), event.seq);
	std::string text = fmt::format("{} {} {}", rfc3339(event.at), event.seq, word(event.kind));
	if (event.kind == EventKind::Gap)
		return fmt::format("{} events from {} on were lost, what exists now follows\n",
				   text, event.seq);
	text += fmt::format(" {} {}", event.path ? "path" : "unit", plain_text(event.unit));
	if (event.path)
		text += fmt::format("/{} ({})", *event.path, plain_text(event.path_name));
	for (const auto &change : event.changes) {
		const auto shown = [](const std::string &raw) {
			const auto value = plain_text(raw);
			return value.find(' ') != value.npos ? fmt::format("\"{}\"", value)
			       : value.empty()               ? "\"\""
							     : value;
		};
		if (event.kind == EventKind::Exists)
			text += fmt::format(" {}:{}", change.field, shown(change.now));
		else
			text += fmt::format(" {}:{}{}{}", change.field, shown(change.before),
					    arrow(style), shown(change.now));
	}
	if (event.switched) {
		const auto &record = event.switched->record;
		text += fmt::format(" from:\"{}\" to:\"{}\" reason:{} held:\"{}\" ios:{} doubt:{}",
				    plain_text(event.switched->from),
				    plain_text(event.switched->to), word(record.reason),
				    time_text(microseconds(record.total_us())), record.held_bios,
				    record.doubt);
	}
	return text + "\n";
}

std::string render_refusal(const Style &style, const Refusal &refusal, std::string_view unit)
{
	std::string text = painted(style, Paint::Bad, "pathctl:") + " ";
	const std::string prefix = std::string(unit) + ": ";
	if (!unit.empty() && !refusal.message.starts_with(prefix) &&
	    refusal.kind != RefusalKind::NotFound)
		text += plain_text(prefix);
	// Only of a configuration there is more to say than one line.
	std::string_view message = refusal.message;
	if (refusal.kind == RefusalKind::ConfigInvalid)
		for (auto end = message.find('\n'); end != message.npos; end = message.find('\n')) {
			text += plain_text(message.substr(0, end)) + "\n";
			message.remove_prefix(end + 1);
		}
	text += plain_text(message) + "\n";
	if (!refusal.hint.empty())
		text += painted(style, Paint::Dim, "hint:") + " " + plain_text(refusal.hint) + "\n";
	return text;
}

} // namespace swpath::ctl
