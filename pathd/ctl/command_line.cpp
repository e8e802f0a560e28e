// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/command_line.h"

#include <functional>
#include <optional>
#include <sstream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/config/config.h"
#include "libpath/control/client.h"
#include "pathd/ctl/check.h"

namespace swpath::ctl
{

namespace
{

constexpr const char *name_of_units = "Name of a unit: sw0, /dev/sw0, its WWID, /dev/dm-3 or 253:3";

/// CLI::Range takes what is no number, too.
std::function<std::string(const std::string &)> seconds_within(double least, double most)
{
	return [least, most](const std::string &text) {
		double seconds = 0;
		const bool within = CLI::detail::lexical_cast(text, seconds) && seconds >= least &&
				    seconds <= most;
		return within ? std::string()
			      : fmt::format("'{}' is no time from {} to {} seconds", text, least,
					    most);
	};
}

/// Longer than any name of a unit, a path or a disk, and two of them fit into a message to pathd.
constexpr std::size_t name_bytes_max = 512;

std::string check_name(const std::string &text)
{
	return text.size() > name_bytes_max ? fmt::format("more than {} bytes", name_bytes_max)
					    : std::string();
}

/// CLI11's objects with the values that they fill.
struct Parser {
	CLI::App app{
		"Shows and steers swpath's units: disks that are reached over a direct or a served "
		"path.",
		"pathctl"};
	CommandLine line;
	std::string color = "auto";
	double timeout_s = 2;
	double interval_s = 1;
	bool no_wait = false;
	CLI::App *config = nullptr;

	Parser();
	CLI::App *reading(CLI::App *parent, const char *name, Task task, const char *help);
	CLI::App *order(Verb verb, const char *help);
	void add_orders();
	void add_config();
};

CLI::App *Parser::reading(CLI::App *parent, const char *name, Task task, const char *help)
{
	auto *verb = parent->add_subcommand(name, help);
	verb->callback([this, task] { line.task = task; });
	return verb;
}

CLI::App *Parser::order(Verb verb, const char *help)
{
	auto *app_verb = app.add_subcommand(std::string(word(verb)), help);
	app_verb->callback([this, verb] {
		line.task = Task::Order;
		line.verb = verb;
	});
	app_verb->add_option("UNIT", line.unit, name_of_units)->required()->check(check_name);
	if (takes_path(verb))
		app_verb->add_option(
				"PATH", line.path,
				"Name of a path: its label, its device, its number in the table, "
				"or its kind if only one path is of that kind")
			->required()
			->check(check_name);
	app_verb->add_flag("--dry-run", line.dry_run,
			   "Print the messages that the kernel would get, change nothing");
	app_verb->add_flag("--json", line.json, "Print the answer, or the error, as JSON");
	if (verb == Verb::Switch || verb == Verb::Fail)
		app_verb->add_flag(
			"--force", line.forced,
			verb == Verb::Switch
				? "Do not flush the old path and do not wait for a proof of the "
				  "new one: I/O is held until there is one"
				: "Even if it is the only usable path: I/O is held");
	if (verb == Verb::Fenced)
		app_verb->add_flag("--i-am-sure", line.forced,
				   "Nothing can write to the disk by the old path any more: you "
				   "have seen to it");
	if (!needs_daemon(verb))
		app_verb->add_flag("--kernel", line.kernel, "Send it to the kernel without pathd");
	if (verb == Verb::Switch || verb == Verb::Failback || verb == Verb::Release ||
	    verb == Verb::Retry)
		app_verb->add_flag("--no-wait", no_wait, "Do not wait until I/O flows again");
	return app_verb;
}

void Parser::add_orders()
{
	order(Verb::Switch, "Move I/O to a path that is proved to lead to the same disk");
	order(Verb::Failback, "Move I/O back to the most preferred path that is usable");
	order(Verb::Hold, "Hold the unit's I/O, until `release` or the unit's mv_timeout");
	order(Verb::Release, "Let held I/O go on");
	order(Verb::Fail, "Mark a path failed: it is not used until it is reinstated");
	order(Verb::Reinstate, "Take a failed or rejected path in again");
	order(Verb::Pin, "Keep the active path: no automatic failback");
	order(Verb::Unpin, "Let failback follow the configuration again");
	order(Verb::Abort, "End a hold or a mount verification: held I/O gets errors");
	order(Verb::Fenced,
	      "Vouch that the old path can write no more: take that for the missing proof");
	order(Verb::Retry, "Begin a new mount verification of a unit that has failed");
}

void Parser::add_config()
{
	auto *reload =
		reading(&app, "reload", Task::Reload, "Make pathd read its configuration again");
	reload->add_flag("--dry-run", line.dry_run, "Only say what would change");
	reload->add_flag("--json", line.json, "Print the answer, or the error, as JSON");

	config = app.add_subcommand("config", "Look at the configuration");
	config->require_subcommand(1);
	auto *check =
		reading(config, "check", Task::ConfigCheck, "Say whether the files are valid");
	auto *show = reading(config, "show", Task::ConfigShow,
			     "Show every value in effect and the line that it comes from");
	auto *diff = reading(config, "diff", Task::ConfigDiff,
			     "Show what `reload` would change in the running pathd");
	for (auto *verb : {check, show}) {
		verb->add_option("--file", line.config_file, "Main file")
			->default_str(std::string(config_file));
		verb->add_option("--dir", line.config_dir, "Directory of more files, *.toml")
			->default_str(std::string(config_dir));
	}
	for (auto *verb : {check, show, diff})
		verb->add_flag("--json", line.json, "Print JSON");
}

Parser::Parser()
{
	app.footer("Without a verb: status. Exit status: 0 ok, 1 failed, 2 usage, 3 pathd is not "
		   "reachable, 4 "
		   "no\nsuch unit or path, 5 permission, 6 refused for safety, 7 timeout, 8 "
		   "configuration "
		   "invalid;\n`check` has those of monitoring plugins. pathctl(8) has examples.");
	app.require_subcommand(0, 1);
	app.fallthrough();
	app.set_version_flag("--version", "pathctl " + std::string(program_version()));
	app.set_help_flag("-h,--help", "Print this help");
	app.add_option("--color", color, "auto, always or never")
		->check([](const std::string &value) {
			return value == "auto" || value == "always" || value == "never"
				       ? std::string()
				       : "'" + value + "' is none of auto, always, never";
		});
	app.add_flag("--ascii", line.ascii, "Use no character outside of ASCII");
	app.add_option("--timeout", timeout_s, "Seconds to wait for pathd's answer (2)")
		->check(seconds_within(0.05, 3600.0));
	app.add_option("--socket", line.socket, "Socket of pathd");

	auto *status = reading(&app, "status", Task::Status,
			       "Show the state of units, why, and what to do");
	auto *list = reading(&app, "list", Task::List, "List units, one line each");
	auto *paths = reading(&app, "paths", Task::Paths, "List paths, one line each");
	auto *watch =
		reading(&app, "watch", Task::Watch, "Show the status again and again (q quits)");
	auto *events = reading(&app, "events", Task::Events,
			       "Print what exists, then every change as it happens");
	auto *history =
		reading(&app, "history", Task::History, "List the last 32 switches of units");
	auto *peers = reading(&app, "peers", Task::Peers,
			      "Show the hosts of the cluster and who takes part");
	auto *exports = reading(&app, "exports", Task::Exports,
				"Show what this host serves to peers, and what not and why");
	auto *explain = reading(&app, "explain", Task::Explain,
				"Say why a disk has the paths that it has, in sentences");
	explain->add_option("DISK", line.unit,
			    std::string(name_of_units) + "; or a disk of this host: /dev/sdb")
		->required()
		->check(check_name);
	auto *hints = reading(&app, "hints", Task::Hints,
			      "Show the buses of this host and which other hosts are on");
	auto *check = reading(&app, "check", Task::Check,
			      "Answer as a monitoring plugin: exit status 0, 1, 2 or 3");
	for (auto *verb : {status, list, paths, watch, events, history, exports, check})
		verb->add_option("UNIT", line.unit, name_of_units)->check(check_name);
	for (auto *verb :
	     {status, list, paths, events, history, peers, exports, explain, hints, check})
		verb->add_flag("--json", line.json, "Print JSON");
	history->add_option("--svg", line.svg,
			    "Draw a picture into FILE instead (SVG; - is standard output): held "
			    "I/O over "
			    "time, states, phases of each switch")
		->type_name("FILE")
		->excludes("--json");
	watch->add_option("-n,--interval", interval_s, "Seconds between two frames (1)")
		->check(seconds_within(0.1, 3600.0));
	watch->add_flag("--once", line.once, "One frame");
	events->add_flag("--once", line.once, "Only what exists now");

	add_orders();
	add_config();
}

void add_names(const CLI::App &app, std::vector<std::string> &names)
{
	for (const auto *verb : app.get_subcommands([](const CLI::App *) { return true; }))
		if (!verb->get_group().empty())
			names.push_back(verb->get_name());
}

/// With the verb before it, if it is the verb of one.
std::string full_name(const CLI::App &verb)
{
	const auto *before = verb.get_parent();
	return before == nullptr || before->get_parent() == nullptr
		       ? verb.get_name()
		       : full_name(*before) + " " + verb.get_name();
}

/// Words that a verb takes without an option.
std::size_t count_places(const CLI::App &verb)
{
	const auto options = verb.get_options(
		[](const CLI::Option *option) { return option->get_positional(); });
	std::size_t places = 0;
	for (const auto *option : options)
		places += static_cast<std::size_t>(option->get_items_expected_max());
	return places;
}

/// The first word that is a verb.
std::string first_verb(const CLI::App &app, const std::vector<std::string> &arguments)
{
	const auto verbs = app.get_subcommands([](const CLI::App *) { return true; });
	for (const auto &word : arguments)
		for (const auto *verb : verbs)
			if (verb->get_name() == word)
				return word;
	return {};
}

/// `text` is what is wrong, and the hint on a line of its own.
CommandLineEnd wrong_usage(const Parser &parser, const std::vector<std::string> &arguments,
			   std::string text)
{
	// Whoever runs a plugin reads its first line, and takes 2 for CRITICAL.
	if (first_verb(parser.app, arguments) == "check") {
		const auto answer = check_failed(text.substr(0, text.find('\n')));
		return {static_cast<int>(answer.status), answer.text, std::move(text)};
	}
	return {exit_status(RefusalKind::Usage), {}, std::move(text)};
}

/// The first word that nothing in the grammar takes, with the nearest that it does.
CommandLineEnd usage_error(const Parser &parser, const std::vector<std::string> &arguments,
			   const CLI::ParseError &error)
{
	std::string message = error.what();
	const bool lacks = dynamic_cast<const CLI::RequiredError *>(&error) != nullptr;
	std::string hint = "`pathctl --help` lists verbs and options";

	const CLI::App *app = &parser.app;
	std::size_t words = 0; // without an option, of the verb
	for (std::size_t i = 0; i < arguments.size(); i++) {
		const auto &word = arguments[i];
		std::vector<std::string> known;
		if (word.starts_with("-") && word.size() > 1) {
			const auto name = word.substr(0, word.find('='));
			if (const auto *option = app->get_option_no_throw(name)) {
				i += option->get_items_expected_min() > 0 && name == word;
				continue;
			}
			if (const auto *option = parser.app.get_option_no_throw(name)) {
				i += option->get_items_expected_min() > 0 && name == word;
				continue;
			}
			for (const auto *option : app->get_options())
				known.push_back(option->get_name());
			for (const auto *option : parser.app.get_options())
				known.push_back(option->get_name());
			message = app == &parser.app ? fmt::format("there is no option '{}'", name)
						     : fmt::format("'{}' has no option '{}'",
								   full_name(*app), name);
		} else if (app == &parser.app || app == parser.config) {
			const CLI::App *next = nullptr;
			for (const auto *verb :
			     app->get_subcommands([](const CLI::App *) { return true; }))
				if (verb->get_name() == word)
					next = verb;
			if (next) {
				app = next;
				hint = fmt::format("`pathctl {} --help` lists what it takes",
						   full_name(*app));
				continue;
			}
			add_names(*app, known);
			message = fmt::format("there is no verb '{}'", word);
		} else {
			if (++words <= count_places(*app))
				continue;
			message = fmt::format("'{}' does not take '{}'", full_name(*app), word);
			break;
		}
		const std::vector<std::string_view> views(known.begin(), known.end());
		const auto option = word.substr(0, word.find('='));
		if (const auto near = nearest_word(option, views); !near.empty())
			hint = fmt::format("did you mean '{}'?", near);
		break;
	}
	if (lacks && app != &parser.app && message == error.what())
		message = fmt::format("'{}': {}", full_name(*app), message);
	return wrong_usage(parser, arguments, message + "\n" + hint);
}

/// The first argument that says nothing: "$UNIT" of a script that has not set it must not mean all
/// units, and still less the first.
std::optional<std::string> empty_argument(const std::vector<std::string> &arguments)
{
	for (const auto &word : arguments) {
		if (word.empty())
			return "an argument is empty";
		if (word.starts_with("--") && word.ends_with('='))
			return fmt::format("'{}' is empty", word);
	}
	return std::nullopt;
}

} // namespace

tl::expected<CommandLine, CommandLineEnd>
parse_command_line(const std::vector<std::string> &arguments)
{
	Parser parser;
	// What a shell wants completed may look like anything, and is no argument of ours.
	if (!arguments.empty() && arguments.front() == "__complete") {
		parser.line.task = Task::Complete;
		parser.line.words.assign(arguments.begin() + 1, arguments.end());
		parser.line.socket = control_socket;
		return parser.line;
	}
	if (auto empty = empty_argument(arguments))
		return tl::unexpected(wrong_usage(
			parser, arguments, *empty + "\nis a variable of the script not set?"));
	try {
		// CLI11 takes the words from the end.
		parser.app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
	} catch (const CLI::ParseError &error) {
		if (error.get_exit_code() != 0)
			return tl::unexpected(usage_error(parser, arguments, error));
		std::ostringstream out;
		std::ostringstream unused;
		parser.app.exit(error, out, unused);
		return tl::unexpected(CommandLineEnd{0, out.str(), {}});
	}
	CommandLine &line = parser.line;
	line.color = parser.color == "always"  ? ColorChoice::Always
		     : parser.color == "never" ? ColorChoice::Never
					       : ColorChoice::Auto;
	const auto milliseconds = [](double seconds) {
		return std::chrono::milliseconds(std::int64_t(seconds * 1000));
	};
	line.timeout = milliseconds(parser.timeout_s);
	line.interval = milliseconds(parser.interval_s);
	line.wait = !parser.no_wait;
	if (line.socket.empty())
		line.socket = control_socket;
	if (line.config_file.empty())
		line.config_file = config_file;
	if (line.config_dir.empty())
		line.config_dir = config_dir;
	return line;
}

namespace
{

void collect(const CLI::App &app, const std::string &prefix, std::vector<VerbHelp> &verbs)
{
	for (const auto *verb : app.get_subcommands([](const CLI::App *) { return true; })) {
		if (verb->get_group().empty())
			continue;
		const auto name = prefix + verb->get_name();
		if (!verb->get_subcommands([](const CLI::App *) { return true; }).empty()) {
			collect(*verb, name + " ", verbs);
			continue;
		}
		VerbHelp help{name, verb->get_description(), {}, false, false, false};
		for (const auto *option : verb->get_options()) {
			const auto option_name = option->get_name();
			if (option_name == "UNIT")
				help.takes_unit = true;
			else if (option_name == "PATH")
				help.takes_path = true;
			else if (option_name == "DISK")
				help.takes_disk = true;
			else if (option_name != "--help")
				help.options.push_back(option_name);
		}
		verbs.push_back(std::move(help));
	}
}

} // namespace

std::vector<VerbHelp> verbs_in_help()
{
	const Parser parser;
	std::vector<VerbHelp> verbs;
	collect(parser.app, "", verbs);
	return verbs;
}

} // namespace swpath::ctl
