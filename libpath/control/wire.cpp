// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/wire.h"

#include <fmt/core.h>

namespace swpath
{

namespace
{

std::string encode(const Json &json)
{
	// Names of devices come from the kernel and may be any bytes.
	std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
	text.push_back('\0');
	return text;
}

Result<bool> read_flag(const Json &message, const char *key)
{
	const auto found = message.find(key);
	if (found == message.end())
		return false;
	if (!found->is_boolean())
		return fail(EBADMSG, fmt::format("message: '{}' is not true or false", key));
	return found->get<bool>();
}

Result<Json> read_parameters(const Json &message)
{
	const auto found = message.find("parameters");
	if (found == message.end() || found->is_null())
		return Json::object();
	if (!found->is_object())
		return fail(EBADMSG, "message: 'parameters' is not an object");
	return *found;
}

} // namespace

Result<Call> parse_call(const Json &message)
{
	Call call;
	const auto method = message.find("method");
	if (method == message.end() || !method->is_string())
		return fail(EBADMSG, "message: no 'method'");
	call.method = method->get<std::string>();
	auto parameters = read_parameters(message);
	if (!parameters)
		return tl::unexpected(std::move(parameters.error()));
	call.parameters = std::move(*parameters);
	const auto more = read_flag(message, "more");
	const auto oneway = read_flag(message, "oneway");
	const auto upgrade = read_flag(message, "upgrade");
	if (!more || !oneway || !upgrade)
		return fail(EBADMSG, "message: 'more', 'oneway' or 'upgrade' is not true or false");
	if (*upgrade)
		return fail(EBADMSG, "message: 'upgrade' is not supported");
	call.more = *more;
	call.oneway = *oneway;
	return call;
}

std::string encode_call(const Call &call)
{
	Json json = {{"method", call.method}, {"parameters", call.parameters}};
	if (call.more)
		json["more"] = true;
	if (call.oneway)
		json["oneway"] = true;
	return encode(json);
}

Result<Reply> parse_reply(const Json &message)
{
	Reply reply;
	if (const auto error = message.find("error"); error != message.end()) {
		if (!error->is_string() || error->get_ref<const std::string &>().empty())
			return fail(EBADMSG, "message: 'error' is not a name");
		reply.error = error->get<std::string>();
	}
	auto parameters = read_parameters(message);
	if (!parameters)
		return tl::unexpected(std::move(parameters.error()));
	reply.parameters = std::move(*parameters);
	auto continues = read_flag(message, "continues");
	if (!continues)
		return tl::unexpected(std::move(continues.error()));
	reply.continues = *continues;
	return reply;
}

std::string encode_reply(const Reply &reply)
{
	Json json = Json::object();
	if (!reply.error.empty())
		json["error"] = reply.error;
	json["parameters"] = reply.parameters;
	if (reply.continues)
		json["continues"] = true;
	return encode(json);
}

Reply reply_of(const Refusal &refusal)
{
	return {fmt::format("{}.{}", control_interface, word(refusal.kind)),
		{{"message", refusal.message}, {"hint", refusal.hint}},
		false};
}

Refusal refusal_of(const Reply &reply)
{
	const auto text = [&](const char *key) {
		const auto found = reply.parameters.find(key);
		return found != reply.parameters.end() && found->is_string()
			       ? found->get<std::string>()
			       : std::string();
	};
	const std::string_view name = reply.error;
	const auto dot = name.rfind('.');
	const auto interface = dot == name.npos ? std::string_view() : name.substr(0, dot);
	if (interface == control_interface)
		if (const auto kind = from_word<RefusalKind>(name.substr(dot + 1)))
			return {*kind, text("message"), text("hint")};
	const bool service = interface == "org.varlink.service";
	std::string message = reply.error;
	for (const char *key : {"interface", "method", "parameter"})
		if (const auto what = text(key); !what.empty())
			message += fmt::format(" ({} '{}')", key, what);
	return {service ? RefusalKind::Usage : RefusalKind::Failed, std::move(message),
		service ? "pathctl and pathd may be of different versions" : ""};
}

} // namespace swpath
