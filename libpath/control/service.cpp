// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/service.h"

#include <algorithm>
#include <span>

#include <fmt/core.h>

#include "libpath/control/report_json.h"

namespace swpath
{

namespace
{

constexpr std::string_view service_interface = "org.varlink.service";

// The standard's own description: every Varlink service carries it.
// Source: https://varlink.org/Service
constexpr std::string_view service_interface_text = R"(# Every service answers these.
interface org.varlink.service

method GetInfo() -> (
  vendor: string,
  product: string,
  version: string,
  url: string,
  interfaces: []string
)

method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)
error MethodNotFound (method: string)
error MethodNotImplemented (method: string)
error InvalidParameter (parameter: string)
error PermissionDenied ()
error ExpectedMore ()
)";

Reply service_error(std::string_view name, Json parameters = Json::object())
{
	return {fmt::format("{}.{}", service_interface, name), std::move(parameters), false};
}

Reply invalid_parameter(std::string_view name)
{
	return service_error("InvalidParameter", {{"parameter", std::string(name)}});
}

/// The parameters of one call, each of which must be known and of its type.
class Parameters
{
public:
	Parameters(const Json &json, std::initializer_list<std::string_view> known) : json_(json)
	{
		for (const auto &[key, value] : json.items())
			if (std::find(known.begin(), known.end(), key) == known.end())
				wrong_ = key;
	}

	std::string text(const char *key)
	{
		const Json *found = member(key);
		if (found && !found->is_string())
			wrong_ = key;
		return found && found->is_string() ? found->get<std::string>() : std::string();
	}
	std::string needed_text(const char *key)
	{
		std::string value = text(key);
		if (value.empty())
			wrong_ = key;
		return value;
	}
	bool flag(const char *key)
	{
		const Json *found = member(key);
		if (found && !found->is_boolean())
			wrong_ = key;
		return found && found->is_boolean() && found->get<bool>();
	}

	/// Name of a parameter that is not as it must be.
	[[nodiscard]] const std::optional<std::string> &wrong() const { return wrong_; }

private:
	const Json *member(const char *key) const
	{
		const auto found = json_.find(key);
		return found == json_.end() || found->is_null() ? nullptr : &*found;
	}

	const Json &json_;
	std::optional<std::string> wrong_;
};

Dispatched answer(Reply reply)
{
	return {std::move(reply), std::nullopt};
}

Dispatched get_info(const Call &call)
{
	Parameters in(call.parameters, {});
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));
	return answer(
		{{},
		 {{"vendor", "swpath"},
		  {"product", "pathd"},
		  {"version", std::string(program_version())},
		  {"url", ""},
		  {"interfaces", {std::string(service_interface), std::string(control_interface)}}},
		 false});
}

Dispatched get_description(const Call &call)
{
	Parameters in(call.parameters, {"interface"});
	const std::string name = in.needed_text("interface");
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));
	if (name != service_interface && name != control_interface)
		return answer(service_error("InterfaceNotFound", {{"interface", name}}));
	const auto text =
		name == control_interface ? control_interface_text() : service_interface_text;
	return answer({{}, {{"description", std::string(text)}}, false});
}

/// The part of a report that a call asked for.
Answered<Report> select(const Report &report, const std::string &unit)
{
	if (unit.empty())
		return report;
	const auto found = find_unit(report, unit);
	if (!found)
		return tl::unexpected(found.error());
	Report one = {report.generated, report.source, report.version, {report.units[*found]}};
	return one;
}

Dispatched read_report(const Call &call, ControlHandler &handler, bool history)
{
	Parameters in(call.parameters, {"unit"});
	const std::string unit = in.text("unit");
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));
	const auto selected = select(handler.report(), unit);
	if (!selected)
		return answer(reply_of(selected.error()));
	return answer({{}, history ? history_to_json(*selected) : to_json(*selected), false});
}

Dispatched read_flight(const Call &call, ControlHandler &handler)
{
	Parameters in(call.parameters, {"unit"});
	const std::string unit = in.needed_text("unit");
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));
	const Report &report = handler.report();
	const auto found = find_unit(report, unit);
	if (!found)
		return answer(reply_of(found.error()));
	return answer({{}, to_json(handler.flight(report.units[*found].name)), false});
}

Dispatched read_peers(const Call &call, ControlHandler &handler)
{
	Parameters in(call.parameters, {});
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));
	return answer({{}, to_json(handler.cluster()), false});
}

Dispatched read_exports(const Call &call, ControlHandler &handler)
{
	Parameters in(call.parameters, {"unit"});
	const std::string unit = in.text("unit");
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));
	if (unit.empty())
		return answer({{}, to_json(handler.exports()), false});
	const Report &report = handler.report();
	const auto found = find_unit(report, unit);
	if (!found)
		return answer(reply_of(found.error()));
	const std::string name = report.units[*found].name;
	return answer({{}, to_json(exports_of(handler.exports(), name)), false});
}

Dispatched read_explain(const Call &call, ControlHandler &handler)
{
	Parameters in(call.parameters, {"disk"});
	const std::string disk = in.needed_text("disk");
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));
	const auto explained = handler.explain(disk);
	if (!explained)
		return answer(reply_of(explained.error()));
	return answer({{}, to_json(*explained), false});
}

Dispatched read_hints(const Call &call, ControlHandler &handler)
{
	Parameters in(call.parameters, {});
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));
	return answer({{}, to_json(handler.hints()), false});
}

Dispatched begin_events(const Call &call, ControlHandler &handler)
{
	Parameters in(call.parameters, {"unit"});
	const std::string unit = in.text("unit");
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));
	if (!call.more)
		return answer(service_error("ExpectedMore"));
	if (unit.empty())
		return {std::nullopt, std::string()};
	const Report &report = handler.report();
	const auto found = find_unit(report, unit);
	if (!found)
		return answer(reply_of(found.error()));
	return {std::nullopt, report.units[*found].name};
}

Reply not_root(std::string_view method)
{
	return reply_of(Refusal{RefusalKind::Permission, fmt::format("{} is for root only", method),
				"try it with sudo"});
}

Dispatched order(const Call &call, Verb verb, CallId id, ControlHandler &handler)
{
	const bool path_too = takes_path(verb);
	const bool may_force = verb == Verb::Switch || verb == Verb::Fail || verb == Verb::Fenced;
	Parameters in(call.parameters, {"unit", "dry_run", path_too ? "path" : "unit",
					may_force ? "forced" : "unit"});
	const std::string unit_query = in.needed_text("unit");
	const std::string path_query = path_too ? in.needed_text("path") : std::string();
	Order order;
	order.verb = verb;
	order.forced = may_force && in.flag("forced");
	order.dry_run = in.flag("dry_run");
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));

	const Report &report = handler.report();
	const auto found = find_unit(report, unit_query);
	if (!found)
		return answer(reply_of(found.error()));
	const UnitReport &unit = report.units[*found];
	order.unit = unit.name;
	if (path_too) {
		const auto path = find_path(unit, path_query);
		if (!path)
			return answer(reply_of(path.error()));
		order.path = *path;
	}
	handler.order(id, order);
	return {};
}

Dispatched reload(const Call &call, CallId id, ControlHandler &handler)
{
	Parameters in(call.parameters, {"dry_run"});
	const bool dry_run = in.flag("dry_run");
	if (in.wrong())
		return answer(invalid_parameter(*in.wrong()));
	handler.reload(id, dry_run);
	return {};
}

/// "Switch" for Verb::Switch: methods begin with a capital.
std::optional<Verb> verb_of(std::string method)
{
	if (method.empty() || method.front() < 'A' || method.front() > 'Z')
		return std::nullopt;
	method.front() = char(method.front() - 'A' + 'a');
	return from_word<Verb>(method);
}

} // namespace

Dispatched dispatch(const Call &call, uid_t uid, CallId id, ControlHandler &handler)
{
	const std::string_view full = call.method;
	const auto dot = full.rfind('.');
	if (dot == full.npos)
		return answer(service_error("MethodNotFound", {{"method", call.method}}));
	const auto interface = full.substr(0, dot);
	const auto method = full.substr(dot + 1);

	if (interface == service_interface) {
		if (method == "GetInfo")
			return get_info(call);
		if (method == "GetInterfaceDescription")
			return get_description(call);
		return answer(service_error("MethodNotFound", {{"method", call.method}}));
	}
	if (interface != control_interface)
		return answer(service_error("InterfaceNotFound",
					    {{"interface", std::string(interface)}}));

	if (method == "Status")
		return read_report(call, handler, false);
	if (method == "History")
		return read_report(call, handler, true);
	if (method == "Flight")
		return read_flight(call, handler);
	if (method == "Peers")
		return read_peers(call, handler);
	if (method == "Exports")
		return read_exports(call, handler);
	if (method == "Explain")
		return read_explain(call, handler);
	if (method == "Hints")
		return read_hints(call, handler);
	if (method == "Events")
		return begin_events(call, handler);

	const auto verb = verb_of(std::string(method));
	if (!verb && method != "Reload")
		return answer(service_error("MethodNotFound", {{"method", call.method}}));
	if (uid != 0)
		return answer(not_root(method));
	return verb ? order(call, *verb, id, handler) : reload(call, id, handler);
}

Reply reply_of(const Answered<Done> &done)
{
	if (!done)
		return reply_of(done.error());
	return {{}, {{"messages", done->messages}, {"text", done->text}}, false};
}

Reply reply_of(const Answered<std::vector<std::string>> &changes)
{
	if (!changes)
		return reply_of(changes.error());
	return {{}, {{"changes", *changes}}, false};
}

} // namespace swpath
