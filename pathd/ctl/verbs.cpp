// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/verbs.h"

#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "libpath/control/client.h"
#include "libpath/control/report_json.h"
#include "pathd/ctl/check.h"
#include "pathd/ctl/completion.h"
#include "pathd/ctl/config_verbs.h"
#include "pathd/ctl/kernel_view.h"
#include "pathd/ctl/order_verbs.h"
#include "pathd/ctl/output.h"
#include "pathd/ctl/picture_verb.h"
#include "pathd/ctl/render.h"
#include "pathd/ctl/sight.h"
#include "pathd/ctl/terminal.h"

namespace swpath::ctl
{

namespace
{

/// What is printed about a report, by verb.
std::string shown(const CommandLine &line, const Report &report)
{
	if (line.json)
		return json_text(line.task == Task::History ? history_to_json(report)
							    : to_json(report));
	const Style style = style_for(line, STDOUT_FILENO);
	switch (line.task) {
	case Task::List:
		return render_list(style, report);
	case Task::Paths:
		return render_paths(style, report);
	case Task::History:
		return render_history(style, report);
	default:
		return render_status(style, report);
	}
}

void say_what_is_missing(const CommandLine &line, const Sight &sight)
{
	const Style style = style_for(line, STDERR_FILENO);
	if (sight.without_daemon) {
		Refusal why = *sight.without_daemon;
		why.message += "; this is what the kernel says";
		print_error(render_refusal(style, why, ""));
	}
	if (!sight.report.units.empty())
		return;
	Refusal none{RefusalKind::NotFound, "there is no unit",
		     "units are defined in /etc/swpath/swpath.toml; see swpath.toml(5)"};
	if (sight.report.source == Source::Kernel && !target_is_loaded())
		none.hint +=
			"; the kernel cannot load the target either: `modprobe dm-sw` says why";
	print_error(render_refusal(style, none, ""));
}

int read_and_show(const CommandLine &line)
{
	auto sight = look(line, line.task == Task::History);
	if (!sight)
		return failed(line, sight.error());
	say_what_is_missing(line, *sight);
	if (!print(shown(line, sight->report)))
		return exit_status(RefusalKind::Failed);
	return shown_status(sight->without_daemon);
}

int show_peers(const CommandLine &line)
{
	auto client = ControlClient::connect(line.socket, line.timeout);
	if (!client)
		return failed(line, client.error());
	const auto cluster = client->cluster();
	if (!cluster)
		return failed(line, cluster.error());
	if (line.json)
		return print(json_text(to_json(*cluster))) ? 0 : exit_status(RefusalKind::Failed);
	if (cluster->name.empty())
		return failed(line,
			      {RefusalKind::NotFound, "this host is in no cluster",
			       "give it a [cluster] and peers in /etc/swpath/swpath.toml; see "
			       "swpath.toml(5)"});
	return print(render_peers(style_for(line, STDOUT_FILENO), *cluster))
		       ? 0
		       : exit_status(RefusalKind::Failed);
}

int show_exports(const CommandLine &line)
{
	auto client = ControlClient::connect(line.socket, line.timeout);
	if (!client)
		return failed(line, client.error());
	const auto exports = client->exports(line.unit);
	if (!exports)
		return failed(line, exports.error());
	if (line.json)
		return print(json_text(to_json(*exports))) ? 0 : exit_status(RefusalKind::Failed);
	if (exports->address.empty())
		return failed(line, {RefusalKind::NotFound, "this host serves no disks",
				     "give its [cluster] an address to serve at, and a unit serve "
				     "= true; see swpath.toml(5)"});
	if (!line.unit.empty() && exports->exports.empty() && exports->not_served.empty())
		return failed(line, {RefusalKind::NotFound,
				     fmt::format("{} is not to be served", line.unit),
				     "serve = true in the unit's configuration changes that; see "
				     "swpath.toml(5)"});
	return print(render_exports(style_for(line, STDOUT_FILENO), *exports))
		       ? 0
		       : exit_status(RefusalKind::Failed);
}

int show_explanation(const CommandLine &line)
{
	auto client = ControlClient::connect(line.socket, line.timeout);
	if (!client)
		return failed(line, client.error());
	const auto explained = client->explain(line.unit);
	if (!explained)
		return failed(line, explained.error());
	return print(line.json ? json_text(to_json(*explained))
			       : render_explanation(style_for(line, STDOUT_FILENO), *explained))
		       ? 0
		       : exit_status(RefusalKind::Failed);
}

int show_hints(const CommandLine &line)
{
	auto client = ControlClient::connect(line.socket, line.timeout);
	if (!client)
		return failed(line, client.error());
	const auto hints = client->hints();
	if (!hints)
		return failed(line, hints.error());
	if (line.json)
		return print(json_text(to_json(*hints))) ? 0 : exit_status(RefusalKind::Failed);
	if (hints->state == HintsState::Off)
		return failed(line,
			      {RefusalKind::NotFound, "this host leaves no hints on its buses",
			       "give it a [hints] in /etc/swpath/swpath.toml; see "
			       "swpath.toml(5)"});
	return print(render_hints(style_for(line, STDOUT_FILENO), *hints))
		       ? 0
		       : exit_status(RefusalKind::Failed);
}

int check_units(const CommandLine &line)
{
	const auto result = [&] {
		auto sight = look(line, false);
		if (!sight)
			return check_failed(sight.error().message);
		return check(sight->report);
	}();
	// The status is half of the answer, and what reads a plugin goes by it.
	(void)print(line.json ? json_text({{"schema", "swpath.check"},
					   {"version", report_version},
					   {"status", unsigned(result.status)},
					   {"text", result.text}})
			      : result.text);
	return int(result.status);
}

int watch(const CommandLine &line)
{
	const auto frame = [&](const Style &style, const Answered<Sight> &sight) {
		const auto now = std::chrono::floor<std::chrono::milliseconds>(
			std::chrono::system_clock::now());
		std::string text =
			painted(style, Paint::Dim,
				fmt::format("pathctl watch  {}  every {}{}",
					    clock_text(style, now, now), time_text(line.interval),
					    ::isatty(STDOUT_FILENO) ? ", q quits" : "")) +
			"\n\n";
		if (!sight)
			return text + render_refusal(style, sight.error(), line.unit);
		if (sight->without_daemon)
			text += render_refusal(style, *sight->without_daemon, "") + "\n";
		text += render_status(style, sight->report);
		return text + "\n";
	};
	// Whoever asks once, a script, goes by the status; a unit that is watched may come yet.
	if (line.once) {
		const auto sight = look(line, false);
		if (!sight)
			return failed(line, sight.error());
		if (!print(frame(style_for(line, STDOUT_FILENO), sight)))
			return exit_status(RefusalKind::Failed);
		return shown_status(sight->without_daemon);
	}
	const auto now = [&](const Style &style) { return frame(style, look(line, false)); };
	return show_live(line, line.interval, now) ? 0 : exit_status(RefusalKind::Failed);
}

int events(const CommandLine &line)
{
	auto client = ControlClient::connect(line.socket, line.timeout);
	if (!client)
		return failed(line, client.error());
	if (auto begun = client->events(line.unit); !begun)
		return failed(line, begun.error());
	const Style style = style_for(line, STDOUT_FILENO);
	bool dumping = true;
	for (;;) {
		// A dump comes at once or pathd is stuck; after it nothing may happen for days.
		const auto event =
			client->next_event(dumping ? line.timeout : std::chrono::milliseconds(-1));
		if (!event)
			return failed(line, event.error());
		if (!*event)
			return failed(line, {RefusalKind::Timeout, "pathd did not answer in time",
					     "`systemctl status pathd` shows what it does"});
		if (!print(line.json ? to_json(**event).dump(-1, ' ', false,
							     Json::error_handler_t::replace) +
					       "\n"
				     : render_event(style, **event)))
			return exit_status(RefusalKind::Failed);
		if ((*event)->kind == EventKind::End) {
			dumping = false;
			if (line.once)
				return 0;
		}
	}
}

int complete(const CommandLine &line)
{
	// A shell waits for this: what cannot be had at once is not offered.
	CommandLine quick = line;
	quick.unit.clear();
	quick.timeout = std::chrono::milliseconds(300);
	const auto sight = look(quick, false);
	std::string text;
	for (const auto &each : completions(line.words, sight ? sight->report : Report{}))
		text += each + "\n";
	return print(text) ? 0 : exit_status(RefusalKind::Failed);
}

} // namespace

int run(const CommandLine &line)
{
	switch (line.task) {
	case Task::Status:
	case Task::List:
	case Task::Paths:
		return read_and_show(line);
	case Task::History:
		return line.svg.empty() ? read_and_show(line) : draw_history(line);
	case Task::Peers:
		return show_peers(line);
	case Task::Exports:
		return show_exports(line);
	case Task::Explain:
		return show_explanation(line);
	case Task::Hints:
		return show_hints(line);
	case Task::Watch:
		return watch(line);
	case Task::Events:
		return events(line);
	case Task::Check:
		return check_units(line);
	case Task::Order:
		return carry_out(line);
	case Task::Reload:
	case Task::ConfigDiff:
		return reload(line);
	case Task::ConfigCheck:
		return config_check(line);
	case Task::ConfigShow:
		return config_show(line);
	case Task::Complete:
		return complete(line);
	}
	return exit_status(RefusalKind::Usage);
}

} // namespace swpath::ctl
