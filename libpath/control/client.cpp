// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>

#include <fmt/core.h>

#include "libpath/control/report_json.h"
#include "libpath/control/server_socket.h"
#include "libpath/control/wire.h"
#include "libpath/unit/unit_name.h"

namespace swpath
{

namespace
{

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

Refusal unreachable(std::string message)
{
	return {RefusalKind::NotReachable, std::move(message),
		"start it with `systemctl start pathd`; `journalctl -u pathd` says why it stopped"};
}

Refusal no_answer(milliseconds limit)
{
	return {RefusalKind::Timeout,
		fmt::format("pathd did not answer within {} ms", limit.count()),
		"`systemctl status pathd` shows what it does; --timeout allows it more time"};
}

/// Waits until the descriptor is ready or the time is over; `wait` below 0 is for ever.
/// True: ready.
bool wait_for(int fd, short events, milliseconds wait)
{
	const auto end = Clock::now() + wait;
	for (;;) {
		int left = -1;
		if (wait.count() >= 0) {
			const auto rest =
				std::chrono::ceil<milliseconds>(end - Clock::now()).count();
			left = rest > 0 ? int(std::min<std::int64_t>(rest, 60'000)) : 0;
		}
		pollfd one{fd, events, 0};
		const int ready = ::poll(&one, 1, left);
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			return false;
		if (wait.count() >= 0 && Clock::now() >= end)
			return false;
	}
}

Refusal connect_refusal(int error, const std::string &path)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return unreachable(
			fmt::format("pathd is not running (nobody listens on {})", path));
	case EACCES:
	case EPERM:
		return {RefusalKind::Permission, fmt::format("{} may not be opened", path),
			"try it with sudo, or as a member of the group of the socket"};
	case EAGAIN:
		return {RefusalKind::Timeout, fmt::format("pathd does not accept on {}", path),
			"`systemctl status pathd` shows what it does"};
	default:
		return {RefusalKind::Failed,
			fmt::format("connect to {}: {}", path, std::strerror(error)), ""};
	}
}

Refusal broken(const Error &error)
{
	return {RefusalKind::Failed, "answer of pathd: " + error.message(),
		"pathctl and pathd may be of different versions"};
}

} // namespace

ControlClient::ControlClient(UniqueFd fd, milliseconds limit) : fd_(std::move(fd)), limit_(limit) {}

Answered<ControlClient> ControlClient::connect(const std::string &path, milliseconds limit)
{
	const auto address = socket_address(path);
	if (!address)
		return tl::unexpected(refusal_of(address.error()));
	UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (!fd)
		return refuse(RefusalKind::Failed, fmt::format("socket: {}", std::strerror(errno)));
	const auto end = Clock::now() + limit;
	while (::connect(fd.get(), address->get(), address->length) < 0) {
		// A unix socket's full backlog gives EAGAIN and nothing to poll for: try again
		// until the time is over, giving the server a moment each time.
		if (errno != EAGAIN || Clock::now() >= end)
			return tl::unexpected(connect_refusal(errno, path));
		::poll(nullptr, 0, 5);
	}
	return ControlClient(std::move(fd), limit);
}

Answered<void> ControlClient::send(const Call &call)
{
	const std::string bytes = encode_call(call);
	const auto end = Clock::now() + limit_;
	for (std::size_t at = 0; at < bytes.size();) {
		const auto sent =
			::send(fd_.get(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
		if (sent >= 0) {
			at += std::size_t(sent);
		} else if (errno == EAGAIN) {
			const auto rest = std::chrono::ceil<milliseconds>(end - Clock::now());
			if (!wait_for(fd_.get(), POLLOUT, std::max(rest, milliseconds(0))))
				return tl::unexpected(no_answer(limit_));
		} else if (errno != EINTR) {
			// What the server said before it hung up may still wait to be read.
			return {};
		}
	}
	return {};
}

Answered<std::optional<Reply>> ControlClient::receive(milliseconds wait)
{
	const auto end = Clock::now() + wait;
	std::array<char, 16384> bytes;
	for (;;) {
		auto message = reader_.next();
		if (!message)
			return tl::unexpected(broken(message.error()));
		if (*message) {
			auto reply = parse_reply(**message);
			if (!reply)
				return tl::unexpected(broken(reply.error()));
			return std::optional<Reply>(std::move(*reply));
		}
		const auto got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
		if (got > 0) {
			if (auto fed = reader_.feed({bytes.data(), std::size_t(got)}); !fed)
				return tl::unexpected(broken(fed.error()));
			continue;
		}
		if (got == 0 || (errno != EAGAIN && errno != EINTR))
			return tl::unexpected(unreachable("pathd closed the connection"));
		if (errno == EINTR)
			continue;
		const auto rest =
			wait.count() < 0
				? milliseconds(-1)
				: std::max(std::chrono::ceil<milliseconds>(end - Clock::now()),
					   milliseconds(0));
		if (!wait_for(fd_.get(), POLLIN, rest))
			return std::optional<Reply>();
	}
}

Answered<Json> ControlClient::call(std::string_view method, Json parameters)
{
	if (auto sent = send({std::string(method), std::move(parameters), false, false}); !sent)
		return tl::unexpected(std::move(sent.error()));
	auto reply = receive(limit_);
	if (!reply)
		return tl::unexpected(std::move(reply.error()));
	if (!*reply)
		return tl::unexpected(no_answer(limit_));
	if (!(*reply)->error.empty())
		return tl::unexpected(refusal_of(**reply));
	return Answered<Json>(tl::in_place, std::move((*reply)->parameters));
}

Answered<Json> ControlClient::call(std::string_view method)
{
	return call(method, Json::object());
}

namespace
{

std::string method_name(std::string_view method)
{
	return fmt::format("{}.{}", control_interface, method);
}

Json unit_parameter(std::string_view unit)
{
	Json parameters = Json::object();
	if (!unit.empty())
		parameters["unit"] = std::string(unit);
	return parameters;
}

template <class T>
Answered<T> read_answer(Answered<Json> answer, Result<T> (*read)(const Json &))
{
	if (!answer)
		return tl::unexpected(std::move(answer.error()));
	auto report = read(*answer);
	if (!report)
		return tl::unexpected(broken(report.error()));
	return std::move(*report);
}

/// Whether what was asked for is called `name`. Only by their names can all forms tell: what is
/// known by a WWID or a number is taken as it comes.
bool is_asked_for(std::string_view unit, std::string_view name)
{
	const auto asked = unit.substr(unit.rfind('/') + 1);
	return !is_unit_name(asked) || asked == name;
}

Refusal of_others(std::string_view unit)
{
	return broken({std::make_error_code(std::errc::bad_message),
		       fmt::format("it is not about '{}' alone", unit)});
}

/// What was asked about one unit is answered about that one.
Answered<Report> of_unit(Answered<Report> report, std::string_view unit)
{
	if (report && !unit.empty() &&
	    (report->units.size() != 1 || !is_asked_for(unit, report->units.front().name)))
		return tl::unexpected(of_others(unit));
	return report;
}

/// A member that is a list of texts; nothing if it is not.
std::optional<std::vector<std::string>> texts(const Json &json, const char *key)
{
	const auto found = json.find(key);
	if (found == json.end() || !found->is_array())
		return std::nullopt;
	std::vector<std::string> list;
	for (const auto &each : *found) {
		if (!each.is_string())
			return std::nullopt;
		list.push_back(each.get<std::string>());
	}
	return list;
}

} // namespace

Answered<Report> ControlClient::status(std::string_view unit)
{
	return of_unit(
		read_answer(call(method_name("Status"), unit_parameter(unit)), report_from_json),
		unit);
}

Answered<Report> ControlClient::history(std::string_view unit)
{
	return of_unit(
		read_answer(call(method_name("History"), unit_parameter(unit)), history_from_json),
		unit);
}

Answered<FlightReport> ControlClient::flight(std::string_view unit)
{
	auto flight =
		read_answer(call(method_name("Flight"), unit_parameter(unit)), flight_from_json);
	if (flight && !is_asked_for(unit, flight->name))
		return tl::unexpected(of_others(unit));
	return flight;
}

Answered<ClusterReport> ControlClient::cluster()
{
	return read_answer(call(method_name("Peers")), cluster_from_json);
}

Answered<ExportsReport> ControlClient::exports(std::string_view unit)
{
	auto exports =
		read_answer(call(method_name("Exports"), unit_parameter(unit)), exports_from_json);
	const auto other = [&](const auto &each) { return !is_asked_for(unit, each.unit); };
	if (exports && (std::any_of(exports->exports.begin(), exports->exports.end(), other) ||
			std::any_of(exports->not_served.begin(), exports->not_served.end(), other)))
		return tl::unexpected(of_others(unit));
	return exports;
}

Answered<ExplainReport> ControlClient::explain(std::string_view disk)
{
	return read_answer(call(method_name("Explain"), {{"disk", std::string(disk)}}),
			   explain_from_json);
}

Answered<HintsReport> ControlClient::hints()
{
	return read_answer(call(method_name("Hints")), hints_from_json);
}

Answered<Done> ControlClient::order(Verb verb, std::string_view unit, std::string_view path,
				    bool forced, bool dry_run)
{
	std::string method(word(verb));
	method.front() = char(method.front() - 'a' + 'A');
	Json parameters = unit_parameter(unit);
	if (!path.empty())
		parameters["path"] = std::string(path);
	if (forced)
		parameters["forced"] = true;
	if (dry_run)
		parameters["dry_run"] = true;
	const auto answer = call(method_name(method), std::move(parameters));
	if (!answer)
		return tl::unexpected(answer.error());
	auto messages = texts(*answer, "messages");
	const auto text = answer->find("text");
	if (!messages || text == answer->end() || !text->is_string())
		return tl::unexpected(
			broken({std::make_error_code(std::errc::bad_message), method}));
	return Done{std::move(*messages), text->get<std::string>()};
}

Answered<std::vector<std::string>> ControlClient::reload(bool dry_run)
{
	Json parameters = Json::object();
	if (dry_run)
		parameters["dry_run"] = true;
	const auto answer = call(method_name("Reload"), std::move(parameters));
	if (!answer)
		return tl::unexpected(answer.error());
	auto changes = texts(*answer, "changes");
	if (!changes)
		return tl::unexpected(
			broken({std::make_error_code(std::errc::bad_message), "Reload"}));
	return std::move(*changes);
}

Answered<void> ControlClient::events(std::string_view unit)
{
	return send({method_name("Events"), unit_parameter(unit), true, false});
}

Answered<std::optional<Event>> ControlClient::next_event(milliseconds wait)
{
	auto reply = receive(wait);
	if (!reply)
		return tl::unexpected(std::move(reply.error()));
	if (!*reply)
		return std::optional<Event>();
	if (!(*reply)->error.empty())
		return tl::unexpected(refusal_of(**reply));
	auto event = event_from_json((*reply)->parameters);
	if (!event)
		return tl::unexpected(broken(event.error()));
	return std::optional<Event>(std::move(*event));
}

} // namespace swpath
