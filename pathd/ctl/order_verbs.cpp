// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/order_verbs.h"

#include <chrono>
#include <optional>

#include <poll.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "libpath/base/text.h"
#include "libpath/control/client.h"
#include "pathd/ctl/kernel_view.h"
#include "pathd/ctl/output.h"
#include "pathd/ctl/render.h"
#include "pathd/ctl/sight.h"
#include "pathd/ctl/terminal.h"

namespace swpath::ctl
{

namespace
{

/// The unit as it is, and the order for it as typed.
struct Planned {
	UnitReport unit;
	Order order;
	Done done;
};

Answered<Planned> plan(const CommandLine &line, Report report)
{
	if (auto selected = select_unit(report, line.unit); !selected)
		return tl::unexpected(std::move(selected.error()));
	Planned planned;
	planned.unit = std::move(report.units.front());
	planned.order = {line.verb, planned.unit.name, {}, line.forced, line.dry_run};
	if (takes_path(line.verb)) {
		const auto path = find_path(planned.unit, line.path);
		if (!path)
			return tl::unexpected(path.error());
		planned.order.path = *path;
	}
	auto done = plan_order(planned.order, planned.unit);
	if (!done)
		return tl::unexpected(std::move(done.error()));
	planned.done = std::move(*done);
	return planned;
}

bool print_done(const CommandLine &line, const std::string &unit, const Done &done)
{
	if (line.json)
		return print(json_text({{"schema", "swpath.order"},
					{"version", report_version},
					{"unit", unit},
					{"verb", std::string(word(line.verb))},
					{"dry_run", line.dry_run},
					{"messages", done.messages},
					{"text", done.text}}));
	if (line.dry_run) {
		std::string text;
		for (const auto &message : done.messages)
			text += fmt::format("dmsetup message {} 0 {}\n", unit, message);
		if (text.empty())
			text = fmt::format("no message to the kernel: {}\n", done.text);
		return print(text);
	}
	return done.text.empty() || print(fmt::format("{}: {}\n", unit, done.text));
}

int dry_run(const CommandLine &line)
{
	auto sight = look(line, false);
	if (!sight)
		return failed(line, sight.error());
	const auto planned = plan(line, std::move(sight->report));
	if (!planned)
		return failed(line, planned.error());
	return print_done(line, planned->unit.name, planned->done)
		       ? 0
		       : exit_status(RefusalKind::Failed);
}

/// I/O goes down a path.
bool flows(const UnitReport &unit)
{
	return unit.health == Health::Online || unit.health == Health::Degraded;
}

/// The path that a message sends I/O to; nothing: whichever is proved.
std::optional<unsigned> wanted_path(const Done &done)
{
	for (const auto &message : done.messages)
		if (const auto words = split_words(message);
		    words.size() > 1 && words[0] == SW_MSG_SWITCH)
			return parse_number<unsigned>(words[1]);
	return std::nullopt;
}

/// I/O flows: whether that is what was asked for.
int arrived(const CommandLine &line, const UnitReport &unit, std::optional<unsigned> wanted)
{
	if (!wanted || unit.active == wanted)
		return 0;
	const auto name = [&](unsigned index) {
		return index < unit.paths.size() ? path_name(unit, index)
						 : fmt::format("path {}", index);
	};
	return failed(line,
		      {RefusalKind::Failed,
		       fmt::format("I/O goes on over {}, not over {}",
				   unit.active ? name(*unit.active) : "no path", name(*wanted)),
		       fmt::format("`pathctl status {}` says why", unit.name)});
}

/// Waits until the I/O that the order set going has arrived somewhere: it flows, or has failed.
/// The end is that of the command's timeout.
int wait_for_end(const CommandLine &line, const std::string &name, std::uint64_t mv_before,
		 std::optional<unsigned> wanted)
{
	using Clock = std::chrono::steady_clock;
	const auto end = Clock::now() + line.timeout;
	for (;;) {
		auto sight = look(line, false);
		if (!sight)
			return failed(line, sight.error());
		const UnitReport &unit = sight->report.units.front();
		const bool begun = unit.mv != mv_before;
		if (begun && flows(unit)) {
			if (!line.json && !unit.history.empty())
				(void)print(render_switch(style_for(line, STDOUT_FILENO),
							  unit.history.back(),
							  sight->report.generated, name + ": "));
			return arrived(line, unit, wanted);
		}
		const bool over = Clock::now() >= end;
		if ((begun || over) && unit.health == Health::Failed)
			return failed(line, {RefusalKind::Failed,
					     "the unit has failed: " + unit.reason_text,
					     fmt::format("`pathctl status {}` shows it", name)});
		if (over) {
			if (flows(unit))
				return arrived(line, unit, wanted);
			const bool by_itself = unit.health == Health::Verifying;
			return failed(
				line,
				{RefusalKind::Timeout,
				 by_itself ? "I/O is still held; waits for " + unit.missing
					   : fmt::format("I/O is still held: the unit is {}",
							 word(unit.health)),
				 fmt::format("{}`pathctl watch {}`",
					     by_itself ? "it goes on by itself when it can: " : "",
					     name)});
		}
		// The state is asked for again at once, only not all the time.
		::poll(nullptr, 0, 20);
	}
}

bool sets_going(Verb verb)
{
	return verb == Verb::Switch || verb == Verb::Failback || verb == Verb::Retry ||
	       verb == Verb::Release;
}

int finish(const CommandLine &line, const Planned &before, const Done &done)
{
	// The status is that of the order: it was carried out whether that can be read or not.
	(void)print_done(line, before.unit.name, done);
	if (!line.wait || !sets_going(line.verb) || done.messages.empty())
		return 0;
	// Release ends the hold that had a number already, and so does a switch in a mount
	// verification.
	const bool begun =
		line.verb == Verb::Release ||
		(before.unit.kernel_state == UnitState::VERIFY && line.verb == Verb::Switch);
	const auto mv = begun ? ~std::uint64_t(0) : before.unit.mv;
	return wait_for_end(line, before.unit.name, mv, wanted_path(done));
}

int send_ourselves(const CommandLine &line)
{
	auto report = read_kernel();
	if (!report)
		return failed(line, report.error());
	const auto planned = plan(line, std::move(*report));
	if (!planned)
		return failed(line, planned.error());
	if (auto sent = send_to_kernel(planned->unit.name, planned->done); !sent)
		return failed(line, sent.error());
	return finish(line, *planned, planned->done);
}

int send_to_daemon(const CommandLine &line)
{
	auto client = ControlClient::connect(line.socket, line.timeout);
	if (!client) {
		Refusal why = client.error();
		if (why.kind == RefusalKind::NotReachable && !needs_daemon(line.verb))
			why.hint += "; --kernel sends the order to the kernel without pathd";
		return failed(line, why);
	}
	// The names are looked up here too, so that what is wrong with them is said in the same way
	// with and without pathd, and the state before the order is known.
	auto report = client->status(line.unit);
	if (!report)
		return failed(line, report.error());
	Planned before;
	before.unit = std::move(report->units.front());
	const auto done = client->order(line.verb, before.unit.name, line.path, line.forced, false);
	if (!done)
		return failed(line, done.error());
	return finish(line, before, *done);
}

} // namespace

int carry_out(const CommandLine &line)
{
	if (line.dry_run)
		return dry_run(line);
	return line.kernel ? send_ourselves(line) : send_to_daemon(line);
}

int reload(const CommandLine &line)
{
	const bool dry = line.dry_run || line.task == Task::ConfigDiff;
	auto client = ControlClient::connect(line.socket, line.timeout);
	if (!client)
		return failed(line, client.error());
	const auto changes = client->reload(dry);
	if (!changes)
		return failed(line, changes.error());
	std::string text;
	for (const auto &change : *changes)
		text += plain_text(change) + "\n";
	if (text.empty())
		text = "nothing has changed\n";
	if (line.json)
		text = json_text({{"schema", "swpath.reload"},
				  {"version", report_version},
				  {"dry_run", dry},
				  {"changes", *changes}});
	// The status is that of the reload; a dry run has nothing but what it says.
	return print(text) || !dry ? 0 : exit_status(RefusalKind::Failed);
}

} // namespace swpath::ctl
