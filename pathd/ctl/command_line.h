// SPDX-License-Identifier: GPL-2.0-or-later
/// What was typed, understood. The one list of verbs, options and their help: the man page and the
/// completion are checked against it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "libpath/control/order.h"

namespace swpath::ctl
{

enum class Task : std::uint8_t {
	Status,
	List,
	Paths,
	Watch,
	Events,
	History,
	Peers,
	Exports,
	Explain,
	Hints,
	Check,
	Order,
	Reload,
	ConfigCheck,
	ConfigShow,
	ConfigDiff,
	Complete,
};

enum class ColorChoice : std::uint8_t { Auto, Always, Never };

struct CommandLine {
	Task task = Task::Status;
	Verb verb = Verb::Hold; ///< of Task::Order
	std::string unit;       ///< as typed; may be empty for reading
	std::string path;       ///< as typed
	bool json = false;
	bool dry_run = false;
	bool forced = false;
	bool kernel = false;                      ///< send the order to the kernel, without pathd
	bool wait = true;                         ///< for what an order set going to end
	bool once = false;                        ///< watch: one frame; events: only the dump
	std::chrono::milliseconds interval{1000}; ///< watch
	std::chrono::milliseconds timeout{2000};
	std::string socket;
	std::string config_file;
	std::string config_dir;
	ColorChoice color = ColorChoice::Auto;
	bool ascii = false;
	std::string svg; ///< history: file of the picture, "-": standard output; empty: none
	std::vector<std::string>
		words; ///< Complete: those before the one to complete, and that one
};

/// The command line is at its end: help was asked for, or it was wrong.
struct CommandLineEnd {
	int status = 0; ///< 0, or 2: usage (of `check`: 3)
	std::string out;
	std::string error;
};

/// Reads the arguments after the program's name.
[[nodiscard]] tl::expected<CommandLine, CommandLineEnd>
parse_command_line(const std::vector<std::string> &arguments);

struct VerbHelp {
	std::string name; ///< "config check" for a verb of two words
	std::string text;
	std::vector<std::string> options; ///< "--json"
	bool takes_unit = false;
	bool takes_path = false;
	bool takes_disk = false; ///< a unit, or a disk of this host
};
/// Every verb but the hidden ones, in the order of `--help`.
[[nodiscard]] std::vector<VerbHelp> verbs_in_help();

} // namespace swpath::ctl
