// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/report_json.h"

#include <set>

#include <fmt/core.h>

#include "libpath/control/json_form.h"

namespace swpath
{

using namespace json_form;

namespace
{

void read_path(const Json &json, PathReport &path, std::optional<Error> &error)
{
	Reader in(json, error, "path");
	in.read("index", path.index);
	in.read("kind", path.kind);
	in.read("label", path.label);
	in.read("device", path.device);
	in.read("number", path.number);
	in.read("endpoint", path.endpoint);
	in.read("active", path.active);
	in.read("state", path.health);
	in.read("kernel_state", path.kernel_state);
	in.read("reason_code", path.reason);
	in.read("monitor", path.monitor);
	in.read("text", path.text);
	in.read("since", path.since);
	in.read("inflight_ios", path.inflight_bios);
	in.read("errors", path.errors);
	in.read("switches", path.switches);
	in.read("ticket_left_ms", path.ticket_left_ms);
	in.read("last_probe", path.last_probe);
	in.read("next_probe", path.next_probe);
}

void read_switch(const Json &json, SwitchReport &report, std::optional<Error> &error)
{
	Reader in(json, error, "switch");
	SwitchRecord &record = report.record;
	WallTime at{};
	in.read("at", at);
	record.at_ms = std::uint64_t(at.time_since_epoch().count());
	in.read("epoch", record.epoch);
	in.read("mv", record.mv);
	in.read("from_index", record.from);
	in.read("from", report.from);
	in.read("to_index", record.to);
	in.read("to", report.to);
	in.read("reason_code", record.reason);
	in.read("method", record.method);
	in.read("evidence", record.evidence);
	in.read("drain_us", record.drain_us);
	in.read("flush_us", record.flush_us);
	in.read("prove_us", record.prove_us);
	in.read("release_us", record.release_us);
	in.read("held_ios", record.held_bios);
	in.read("held_bytes", record.held_bytes);
	in.read("doubt_writes", record.doubt);
	in.read("identity", report.identity);
	in.read("proved", report.proved);
}

void read_failback(const Json &json, FailbackReport &failback, std::optional<Error> &error)
{
	Reader in(json, error, "failback");
	in.read("automatic", failback.automatic);
	in.read("verdict", failback.verdict);
	in.read("to", failback.to);
	in.read("next", failback.next);
}

void read_reservation(const Json &json, ReservationReport &reservation, std::optional<Error> &error)
{
	Reader in(json, error, "reservation");
	std::uint8_t type = 0;
	in.read("key", reservation.key);
	in.read("type", type);
	reservation.type = ReservationType{type};
	in.each("paths", [&](const Json &each) {
		if (each.is_number_unsigned())
			reservation.paths.push_back(each.get<unsigned>());
		else
			in.complain("paths", "has an unexpected value");
	});
}

void read_server(const Json &json, ServerReport &server, std::optional<Error> &error)
{
	Reader in(json, error, "server");
	in.read("host", server.host);
	in.read("address", server.address);
	in.read("priority", server.priority);
}

void read_leg_user(const Json &json, LegUser &user, std::optional<Error> &error)
{
	Reader in(json, error, "opened_by");
	in.read("pid", user.pid);
	in.read("command", user.command);
	in.read("device", user.device);
	in.read("since", user.since);
	in.read("write", user.write);
}

void read_unit(const Json &json, UnitReport &unit, std::optional<Error> &error)
{
	Reader in(json, error, "unit");
	in.read("name", unit.name);
	in.read("number", unit.number);
	in.read("wwid", unit.wwid);
	in.read("size_bytes", unit.size_bytes);
	in.read("state", unit.health);
	in.read("reason", unit.reason_text);
	in.read("since", unit.since);
	in.read("missing", unit.missing);
	in.read("kernel_state", unit.kernel_state);
	in.read("phase", unit.phase);
	in.read("reason_code", unit.reason);
	in.read("mv", unit.mv);
	in.read("epoch", unit.epoch);
	in.read("active", unit.active);
	in.read("left", unit.left);
	in.read("held_ios", unit.held_bios);
	in.read("held_bytes", unit.held_bytes);
	in.read("oldest_ms", unit.oldest_ms);
	in.read("doubt_writes", unit.doubt);
	in.read("mv_left_ms", unit.mv_left_ms);
	in.read("mv_timeout_s", unit.mv_timeout_s);
	in.read("stall_ms", unit.stall_ms);
	in.read("fence", unit.fence);
	in.read("suspended", unit.suspended);
	in.read("pinned", unit.pinned);
	if (const Json *failback = in.member("failback"))
		read_failback(*failback, unit.failback.emplace(), error);
	if (const Json *reservation = in.member("reservation"))
		read_reservation(*reservation, unit.reservation.emplace(), error);
	in.each("servers",
		[&](const Json &each) { read_server(each, unit.servers.emplace_back(), error); });
	in.each("paths",
		[&](const Json &each) { read_path(each, unit.paths.emplace_back(), error); });
	in.each("opened_by", [&](const Json &each) {
		read_leg_user(each, unit.opened_by.emplace_back(), error);
	});
	if (const Json *last = in.member("last_switch"))
		read_switch(*last, unit.history.emplace_back(), error);
}

/// Units are told apart by their names: two of one name would be compared with each other.
void check_names(Reader &in, const std::vector<UnitReport> &units)
{
	std::set<std::string_view> names;
	for (const auto &unit : units)
		if (!names.insert(unit.name).second)
			in.complain("units", fmt::format("has two units '{}'", unit.name));
}

Json head(std::string_view schema, const Report &report)
{
	return json_form::head(schema, report.generated, report.source, report.version);
}

Result<Report> read_head(const Json &json, std::string_view schema)
{
	Report report;
	auto read =
		json_form::read_head(json, schema, report.generated, report.source, report.version);
	if (!read)
		return tl::unexpected(std::move(read.error()));
	return report;
}

} // namespace

Json to_json(const PathReport &path)
{
	return {{"index", value(path.index)},
		{"kind", value(path.kind)},
		{"label", path.label},
		{"device", path.device},
		{"number", value(path.number)},
		{"endpoint", path.endpoint},
		{"active", path.active},
		{"state", value(path.health)},
		{"kernel_state", value(path.kernel_state)},
		{"reason_code", value(path.reason)},
		{"monitor", value(path.monitor)},
		{"text", path.text},
		{"since", value(path.since)},
		{"inflight_ios", path.inflight_bios},
		{"errors", path.errors},
		{"switches", path.switches},
		{"ticket_left_ms", path.ticket_left_ms},
		{"last_probe", value(path.last_probe)},
		{"next_probe", value(path.next_probe)}};
}

Json to_json(const SwitchReport &report)
{
	const SwitchRecord &record = report.record;
	return {{"at", value(report.at())},
		{"epoch", record.epoch},
		{"mv", record.mv},
		{"from_index", value(record.from)},
		{"from", report.from},
		{"to_index", value(record.to)},
		{"to", report.to},
		{"reason_code", value(record.reason)},
		{"method", value(record.method)},
		{"evidence", record.evidence},
		{"drain_us", record.drain_us},
		{"flush_us", record.flush_us},
		{"prove_us", record.prove_us},
		{"release_us", record.release_us},
		{"total_us", record.total_us()},
		{"held_ios", record.held_bios},
		{"held_bytes", record.held_bytes},
		{"doubt_writes", record.doubt},
		{"identity", report.identity},
		{"proved", value(report.proved)}};
}

Json to_json(const UnitReport &unit)
{
	Json failback;
	if (unit.failback)
		failback = {{"automatic", unit.failback->automatic},
			    {"verdict", unit.failback->verdict},
			    {"to", value(unit.failback->to)},
			    {"next", value(unit.failback->next)}};
	Json reservation;
	if (unit.reservation)
		reservation = {{"key", unit.reservation->key},
			       {"type", static_cast<unsigned>(unit.reservation->type)},
			       {"paths", unit.reservation->paths}};
	Json servers = Json::array();
	for (const auto &server : unit.servers)
		servers.push_back({{"host", server.host},
				   {"address", server.address},
				   {"priority", server.priority}});
	Json paths = Json::array();
	for (const auto &path : unit.paths)
		paths.push_back(to_json(path));
	Json opened_by = Json::array();
	for (const auto &user : unit.opened_by)
		opened_by.push_back({{"pid", value(user.pid)},
				     {"command", user.command},
				     {"device", user.device},
				     {"since", value(user.since)},
				     {"write", user.write}});
	return {{"name", unit.name},
		{"number", value(unit.number)},
		{"dm", unit.number ? Json(fmt::format("dm-{}", unit.number->minor)) : Json()},
		{"wwid", unit.wwid},
		{"size_bytes", unit.size_bytes},
		{"state", value(unit.health)},
		{"reason", unit.reason_text},
		{"since", value(unit.since)},
		{"missing", unit.missing},
		{"kernel_state", value(unit.kernel_state)},
		{"phase", value(unit.phase)},
		{"reason_code", value(unit.reason)},
		{"mv", unit.mv},
		{"epoch", unit.epoch},
		{"active", value(unit.active)},
		{"left", value(unit.left)},
		{"held_ios", unit.held_bios},
		{"held_bytes", unit.held_bytes},
		{"oldest_ms", unit.oldest_ms},
		{"doubt_writes", unit.doubt},
		{"mv_left_ms", value(unit.mv_left_ms)},
		{"mv_timeout_s", value(unit.mv_timeout_s)},
		{"stall_ms", value(unit.stall_ms)},
		{"fence", value(unit.fence)},
		{"suspended", unit.suspended},
		{"pinned", unit.pinned},
		{"failback", std::move(failback)},
		{"reservation", std::move(reservation)},
		{"servers", std::move(servers)},
		{"paths", std::move(paths)},
		{"opened_by", std::move(opened_by)},
		{"last_switch", unit.history.empty() ? Json() : to_json(unit.history.back())}};
}

Json to_json(const Report &report)
{
	Json json = head("swpath.status", report);
	Json units = Json::array();
	for (const auto &unit : report.units)
		units.push_back(to_json(unit));
	json["units"] = std::move(units);
	return json;
}

Json to_json(const Event &event)
{
	Json changes = Json::object();
	for (const auto &change : event.changes)
		changes[change.field] = Json::array({change.before, change.now});
	Json json = {{"schema", "swpath.event"},
		     {"version", report_version},
		     {"seq", event.seq},
		     {"at", value(event.at)},
		     {"event", value(event.kind)}};
	if (!event.unit.empty())
		json["unit"] = event.unit;
	if (event.path) {
		json["path"] = *event.path;
		json["path_name"] = event.path_name;
	}
	if (!event.changes.empty())
		json["changes"] = std::move(changes);
	if (event.switched)
		json["switch"] = to_json(*event.switched);
	return json;
}

Json history_to_json(const Report &report)
{
	Json json = head("swpath.history", report);
	Json units = Json::array();
	for (const auto &unit : report.units) {
		Json records = Json::array();
		for (const auto &record : unit.history)
			records.push_back(to_json(record));
		units.push_back({{"name", unit.name}, {"history", std::move(records)}});
	}
	json["units"] = std::move(units);
	return json;
}

Result<UnitReport> unit_from_json(const Json &json)
{
	std::optional<Error> error;
	UnitReport unit;
	read_unit(json, unit, error);
	return finish(std::move(unit), error);
}

Result<SwitchReport> switch_from_json(const Json &json)
{
	std::optional<Error> error;
	SwitchReport report;
	read_switch(json, report, error);
	return finish(std::move(report), error);
}

Result<Report> report_from_json(const Json &json)
{
	auto report = read_head(json, "swpath.status");
	if (!report)
		return report;
	std::optional<Error> error;
	Reader in(json, error, "status");
	in.each("units",
		[&](const Json &each) { read_unit(each, report->units.emplace_back(), error); });
	check_names(in, report->units);
	return finish(std::move(*report), error);
}

Result<Event> event_from_json(const Json &json)
{
	if (auto checked = check_schema(json, "swpath.event"); !checked)
		return tl::unexpected(std::move(checked.error()));
	std::optional<Error> error;
	Event event;
	Reader in(json, error, "event");
	in.read("seq", event.seq);
	in.read("at", event.at);
	in.read("event", event.kind);
	in.read("unit", event.unit);
	in.read("path", event.path);
	in.read("path_name", event.path_name);
	if (const Json *changes = in.member("changes")) {
		if (!changes->is_object())
			in.complain("changes", "is not an object");
		else
			for (const auto &[field, pair] : changes->items()) {
				if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() ||
				    !pair[1].is_string()) {
					in.complain(field, "is not a pair of texts");
					break;
				}
				event.changes.push_back({field, pair[0].get<std::string>(),
							 pair[1].get<std::string>()});
			}
	}
	if (const Json *record = in.member("switch"))
		read_switch(*record, event.switched.emplace(), error);
	return finish(std::move(event), error);
}

Result<Report> history_from_json(const Json &json)
{
	auto report = read_head(json, "swpath.history");
	if (!report)
		return report;
	std::optional<Error> error;
	Reader in(json, error, "history");
	in.each("units", [&](const Json &each) {
		UnitReport &unit = report->units.emplace_back();
		Reader of_unit(each, error, "unit");
		of_unit.read("name", unit.name);
		of_unit.each("history", [&](const Json &record) {
			read_switch(record, unit.history.emplace_back(), error);
		});
	});
	check_names(in, report->units);
	return finish(std::move(*report), error);
}

} // namespace swpath
