// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/serve_calls.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "libpath/control/wire.h"

namespace swpath
{
namespace
{

using std::chrono::milliseconds;

std::string method(std::string_view name)
{
	return fmt::format("{}.{}", serve_interface, name);
}

std::uint64_t to_ms(Duration duration)
{
	const auto ms = std::chrono::duration_cast<milliseconds>(duration).count();
	return ms > 0 ? static_cast<std::uint64_t>(ms) : 0;
}

/// The members of one object, each of which must be known and of its type. What is wrong first is
/// remembered.
class Members
{
public:
	Members(const Json &json, std::initializer_list<std::string_view> known) : json_(json)
	{
		for (const auto &[key, value] : json.items())
			if (std::find(known.begin(), known.end(), key) == known.end())
				wrong(key, "is not known");
	}
	explicit Members(const Json &json) : json_(json) {}

	std::string text(const char *key, bool needed)
	{
		const Json *found = member(key);
		if (!found && needed)
			wrong(key, "is missing");
		if (found && !found->is_string())
			wrong(key, "is not a text");
		return found && found->is_string() ? found->get<std::string>() : std::string();
	}
	template <std::unsigned_integral T>
	T number(const char *key, std::optional<T> otherwise = std::nullopt)
	{
		const Json *found = member(key);
		if (!found && !otherwise)
			wrong(key, "is missing");
		if (!found)
			return otherwise.value_or(0);
		if (!found->is_number_unsigned() ||
		    found->get<std::uint64_t>() > std::numeric_limits<T>::max()) {
			wrong(key, "is not a number in its range");
			return 0;
		}
		return static_cast<T>(found->get<std::uint64_t>());
	}
	bool flag(const char *key)
	{
		const Json *found = member(key);
		if (found && !found->is_boolean())
			wrong(key, "is not true or false");
		return found && found->is_boolean() && found->get<bool>();
	}
	std::vector<std::string> texts(const char *key, bool needed = true)
	{
		std::vector<std::string> list;
		const Json *found = member(key);
		if (!found && !needed)
			return list;
		if (!found || !found->is_array()) {
			wrong(key, found ? "is not a list" : "is missing");
			return list;
		}
		for (const auto &each : *found) {
			if (!each.is_string())
				wrong(key, "has a member that is not a text");
			else
				list.push_back(each.get<std::string>());
		}
		return list;
	}
	void wrong(std::string_view key, std::string_view why)
	{
		if (wrong_.empty())
			wrong_ = fmt::format("parameter '{}' {}", key, why);
	}
	[[nodiscard]] const std::string &wrong() const noexcept { return wrong_; }

private:
	const Json *member(const char *key) const
	{
		const auto found = json_.find(key);
		return found == json_.end() || found->is_null() ? nullptr : &*found;
	}

	const Json &json_;
	std::string wrong_;
};

Reply usage(std::string message, std::string hint = {})
{
	return reply_of(Refusal{RefusalKind::Usage, std::move(message), std::move(hint)});
}

ExportName read_name(Members &in)
{
	ExportName name{in.text("wwid", true), in.text("client", true),
			in.number<std::uint64_t>("epoch")};
	if (const auto good = ExportName::check_wwid(name.wwid); !good)
		in.wrong("wwid", fmt::format("cannot be used: {}", good.error().context));
	if (const auto good = ExportName::check_client(name.client); !good)
		in.wrong("client", fmt::format("cannot be used: {}", good.error().context));
	return name;
}

Reply call_export(const Call &call, ServeHandler &handler)
{
	Members in(call.parameters, {"wwid", "client", "epoch", "device", "clients", "read_only"});
	ExportOrder order;
	order.name = read_name(in);
	order.device = in.text("device", true);
	order.read_only = in.flag("read_only");
	for (const auto &text : in.texts("clients")) {
		const auto pattern = ClientPattern::parse(text);
		if (!pattern)
			return usage(pattern.error().context);
		order.clients.push_back(*pattern);
	}
	if (!order.device.starts_with('/') || order.device.find('\0') != std::string::npos)
		in.wrong("device", "is not an absolute path");
	if (order.clients.empty())
		in.wrong("clients", "is empty: nobody could connect");
	if (!in.wrong().empty())
		return usage(in.wrong());
	const auto done = handler.export_disk(order);
	if (!done)
		return reply_of(done.error());
	return {{},
		{{"export", done->name},
		 {"size_bytes", done->size_bytes},
		 {"logical_block_bytes", done->logical_block_bytes},
		 {"physical_block_bytes", done->physical_block_bytes},
		 {"read_only", done->read_only},
		 {"disk_sequence", done->disk_sequence}},
		false};
}

Reply call_revoke(const Call &call, ServeHandler &handler)
{
	Members in(call.parameters, {"wwid", "client", "epoch", "wait_ms", "devices"});
	RevokeOrder order;
	order.name = read_name(in);
	const auto wait_ms =
		in.number<std::uint64_t>("wait_ms", static_cast<std::uint64_t>(order.wait.count()));
	order.devices = in.texts("devices", false);
	for (const auto &device : order.devices)
		if (!device.starts_with('/') || device.find('\0') != std::string::npos)
			in.wrong("devices", "has a member that is not an absolute path");
	if (wait_ms > static_cast<std::uint64_t>(revoke_wait_max.count()))
		in.wrong("wait_ms", fmt::format("is more than {}", revoke_wait_max.count()));
	if (!in.wrong().empty())
		return usage(in.wrong());
	order.wait = milliseconds(wait_ms);
	const auto done = handler.revoke(order);
	if (!done)
		return reply_of(done.error());
	return {{},
		{{"drained", done->drained},
		 {"connections", done->connections},
		 {"connections_ended", done->connections_ended},
		 {"in_flight", done->in_flight},
		 {"oldest_ms", done->oldest_ms},
		 {"requests", done->requests},
		 {"lost", done->lost},
		 {"refused", done->refused},
		 {"served_here", done->served_here},
		 {"text", done->text}},
		false};
}

} // namespace

std::string revocation_text(const ExportName &name, const RevokedReply &reply)
{
	if (reply.drained && !reply.served_here)
		return fmt::format("{} revoked and drained: not served by this process, and no "
				   "I/O of an earlier one is left in the disk",
				   name.text());
	if (reply.drained)
		return fmt::format(
			"{} revoked and drained: {} connections ended, {} requests completed{}, {} "
			"refused",
			name.text(), reply.connections_ended,
			reply.requests - std::min(reply.lost, reply.requests),
			reply.lost == 0
				? ""
				: fmt::format(", {} ended in an error of its path", reply.lost),
			reply.refused);
	if (!reply.served_here)
		return fmt::format("{} draining: I/O of an earlier server process is still in the "
				   "disk",
				   name.text());
	auto text = fmt::format("{} draining: {} in flight", name.text(), reply.in_flight);
	if (reply.in_flight > 0)
		text += fmt::format(", oldest {}.{} s", reply.oldest_ms / 1000,
				    reply.oldest_ms % 1000 / 100);
	return text + fmt::format(", {} of {} connections still open", reply.connections,
				  reply.connections_ended);
}

Reply answer_serve_call(const Call &call, ServeHandler &handler)
{
	if (call.more)
		return usage("no method of this interface streams: leave 'more' out");
	if (call.method == method("Export"))
		return call_export(call, handler);
	if (call.method == method("Revoke"))
		return call_revoke(call, handler);
	if (call.method == method("Status")) {
		const Members in(call.parameters, std::initializer_list<std::string_view>{});
		if (!in.wrong().empty())
			return usage(in.wrong());
		return {{}, to_json(handler.report()), false};
	}
	return usage(fmt::format("there is no method '{}'", call.method),
		     fmt::format("the methods are {}, {} and {}", method("Export"),
				 method("Revoke"), method("Status")));
}

Call export_call(const ExportOrder &order)
{
	Json clients = Json::array();
	for (const auto &each : order.clients)
		clients.push_back(each.text());
	return {method("Export"),
		{{"wwid", order.name.wwid},
		 {"client", order.name.client},
		 {"epoch", order.name.epoch},
		 {"device", order.device},
		 {"clients", std::move(clients)},
		 {"read_only", order.read_only}},
		false,
		false};
}

Call revoke_call(const RevokeOrder &order)
{
	Call call{method("Revoke"),
		  {{"wwid", order.name.wwid},
		   {"client", order.name.client},
		   {"epoch", order.name.epoch},
		   {"wait_ms", static_cast<std::uint64_t>(order.wait.count())}},
		  false,
		  false};
	if (!order.devices.empty())
		call.parameters["devices"] = order.devices;
	return call;
}

Answered<ExportedReply> exported_from_json(const Json &json)
{
	Members in(json);
	const ExportedReply reply{in.text("export", true),
				  in.number<std::uint64_t>("size_bytes"),
				  in.number<std::uint32_t>("logical_block_bytes"),
				  in.number<std::uint32_t>("physical_block_bytes"),
				  in.flag("read_only"),
				  in.number<std::uint64_t>("disk_sequence")};
	if (!in.wrong().empty())
		return refuse(RefusalKind::Failed, "answer of the server: " + in.wrong());
	return reply;
}

Answered<RevokedReply> revoked_from_json(const Json &json)
{
	Members in(json);
	RevokedReply reply;
	reply.drained = in.flag("drained");
	reply.connections = in.number<unsigned>("connections");
	reply.connections_ended = in.number<unsigned>("connections_ended");
	reply.in_flight = in.number<unsigned>("in_flight");
	reply.oldest_ms = in.number<std::uint64_t>("oldest_ms");
	reply.requests = in.number<std::uint64_t>("requests");
	reply.lost = in.number<std::uint64_t>("lost");
	reply.refused = in.number<std::uint64_t>("refused");
	reply.served_here = in.flag("served_here");
	reply.text = in.text("text", true);
	if (!in.wrong().empty())
		return refuse(RefusalKind::Failed, "answer of the server: " + in.wrong());
	return reply;
}

Json to_json(const ServeReport &report)
{
	Json exports = Json::array();
	for (const auto &[view, since_ms] : report.exports) {
		Json clients = Json::array();
		for (const auto &each : view.order.clients)
			clients.push_back(each.text());
		exports.push_back({{"export", view.order.name.text()},
				   {"wwid", view.order.name.wwid},
				   {"client", view.order.name.client},
				   {"epoch", view.order.name.epoch},
				   {"state", std::string(word(view.state))},
				   {"since_ms", since_ms},
				   {"device", view.order.device},
				   {"clients", std::move(clients)},
				   {"read_only", view.order.read_only},
				   {"path_errno", view.path_error ? Json(view.path_error) : Json()},
				   {"connections", view.connections},
				   {"connections_ended", view.connections_ended},
				   {"in_flight", view.in_flight},
				   {"oldest_ms", view.oldest ? Json(to_ms(*view.oldest)) : Json()},
				   {"requests", view.requests},
				   {"lost", view.lost},
				   {"refused", view.refused}});
	}
	Json refusals = Json::array();
	for (const auto &each : report.refusals)
		refusals.push_back(
			{{"ms_ago", each.ms_ago}, {"client", each.client}, {"text", each.text}});
	return {{"schema", "swpath.serve"},
		{"version", 1},
		{"pid", report.pid},
		{"started_ms_ago", report.started_ms_ago},
		{"tls", report.tls},
		{"exports", std::move(exports)},
		{"refusals", std::move(refusals)}};
}

namespace
{

ExportView read_view(Members &in)
{
	ExportView view;
	view.order.name = {in.text("wwid", true), in.text("client", true),
			   in.number<std::uint64_t>("epoch")};
	const auto state = from_word<ExportState>(in.text("state", true));
	if (!state)
		in.wrong("state", "is no state of an export");
	view.state = state.value_or(ExportState::Open);
	view.order.device = in.text("device", true);
	for (const auto &each : in.texts("clients")) {
		auto pattern = ClientPattern::parse(each);
		if (pattern)
			view.order.clients.push_back(std::move(*pattern));
		else
			in.wrong("clients", pattern.error().message());
	}
	view.order.read_only = in.flag("read_only");
	view.path_error = in.number<std::uint16_t>("path_errno", 0);
	view.connections = in.number<unsigned>("connections");
	view.connections_ended = in.number<unsigned>("connections_ended");
	view.in_flight = in.number<unsigned>("in_flight");
	if (const auto oldest_ms = in.number<std::uint32_t>("oldest_ms", 0); oldest_ms > 0)
		view.oldest = milliseconds(oldest_ms);
	view.requests = in.number<std::uint64_t>("requests");
	view.lost = in.number<std::uint64_t>("lost");
	view.refused = in.number<std::uint64_t>("refused");
	return view;
}

} // namespace

Answered<ServeReport> serve_report_from_json(const Json &json)
{
	Members in(json);
	ServeReport report;
	report.pid = static_cast<int>(in.number<std::uint32_t>("pid"));
	report.started_ms_ago = in.number<std::uint64_t>("started_ms_ago");
	report.tls = in.flag("tls");
	std::string wrong;
	const auto list = json.find("exports");
	if (list == json.end() || !list->is_array())
		in.wrong("exports", "is not a list");
	else
		for (const auto &each : *list) {
			Members of(each);
			report.exports.push_back(
				{read_view(of), of.number<std::uint64_t>("since_ms")});
			if (!of.wrong().empty() && wrong.empty())
				wrong = of.wrong();
		}
	const auto refusals = json.find("refusals");
	if (refusals == json.end() || !refusals->is_array())
		in.wrong("refusals", "is not a list");
	else
		for (const auto &each : *refusals) {
			Members of(each);
			report.refusals.push_back({of.number<std::uint64_t>("ms_ago"),
						   of.text("client", true), of.text("text", true)});
			if (!of.wrong().empty() && wrong.empty())
				wrong = of.wrong();
		}
	if (wrong.empty())
		wrong = in.wrong();
	if (!wrong.empty())
		return refuse(RefusalKind::Failed, "answer of the server: " + wrong);
	return report;
}

} // namespace swpath
