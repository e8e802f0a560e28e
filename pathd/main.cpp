// SPDX-License-Identifier: GPL-2.0-or-later
/// pathd: keeps swpath's units.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <getopt.h>
#include <unistd.h>

#include <fmt/core.h>

#include "pathd/daemon.h"
#include "pathd/log.h"
#include "pathd/process.h"
#include "pathd/run_state.h"

namespace
{

using namespace swpath;

constexpr const char *usage =
	"usage: pathd [--config FILE] [--config-dir DIR] [--check] [--dry-run]\n"
	"\n"
	"Keeps the units of swpath: builds them, checks their paths, answers mount verifications.\n"
	"\n"
	"  --config FILE     instead of /etc/swpath/swpath.toml\n"
	"  --config-dir DIR  instead of /etc/swpath/conf.d\n"
	"  --check           only check the configuration; exit status 8 if it is unusable\n"
	"  --dry-run         check every path once, print what would be done, do nothing\n"
	"  --version, --help\n";

enum ExitStatus { ok = 0, failed = 1, bad_usage = 2, config_invalid = 8 };

int complain(const std::string &text)
{
	fmt::print(stderr, "pathd: {}\n", text);
	return failed;
}

/// For sd-event, and so that worker threads never run a handler.
void block_signals()
{
	sigset_t set;
	sigemptyset(&set);
	for (const int signal : {SIGTERM, SIGINT, SIGHUP})
		sigaddset(&set, signal);
	(void)pthread_sigmask(SIG_BLOCK, &set, nullptr);
	(void)std::signal(SIGPIPE, SIG_IGN);
}

} // namespace

int main(int argc, char **argv)
{
	DaemonOptions options;
	bool check = false;
	const option long_options[] = {
		{"config", required_argument, nullptr, 'c'},
		{"config-dir", required_argument, nullptr, 'd'},
		{"check", no_argument, nullptr, 'k'},
		{"dry-run", no_argument, nullptr, 'n'},
		{"version", no_argument, nullptr, 'v'},
		{"help", no_argument, nullptr, 'h'},
		{nullptr, 0, nullptr, 0},
	};
	int letter = 0;
	while ((letter = getopt_long(argc, argv, "c:h", long_options, nullptr)) != -1) {
		switch (letter) {
		case 'c':
			options.config = optarg;
			break;
		case 'd':
			options.config_directory = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'n':
			options.dry_run = true;
			break;
		case 'v':
			fmt::print("pathd {}\n", SWPATH_VERSION);
			return ok;
		case 'h':
			fmt::print("{}", usage);
			return ok;
		default:
			fmt::print(stderr, "{}", usage);
			return bad_usage;
		}
	}
	if (optind < argc) {
		fmt::print(stderr, "pathd: unexpected argument '{}'\n{}", argv[optind], usage);
		return bad_usage;
	}

	auto config = load_config(options.config, options.config_directory);
	if (!config) {
		complain(problems_text(config.error()));
		return config_invalid;
	}
	if (check)
		return ok;
	if (::geteuid() != 0)
		return complain("must be run by root");

	prepare_memory();
	block_signals();
	UniqueFd lock;
	if (!options.dry_run) {
		auto locked = lock_run_dir();
		if (!locked)
			return complain(locked.error().code == std::errc::operation_would_block
						? locked.error().context +
							  "; stop it first (systemctl stop pathd)"
						: locked.error().message());
		lock = std::move(*locked);
	}
	if (auto started = log::start(config->daemon.log_level); !started)
		return complain(started.error().message());

	// Before any thread that works for a unit: each has what it is started by.
	for (const auto &missing : seal_process())
		log::say(log::Message::Warning, {}, "{}", missing);

	auto daemon = Daemon::create(options, std::move(*config));
	if (!daemon) {
		log::flush(std::chrono::seconds(1));
		return complain(daemon.error().message());
	}
	if (!options.dry_run)
		log::say(log::Message::Notice, {}, "pathd {} started", SWPATH_VERSION);

	const auto done = (*daemon)->run();
	if (!done)
		log::say(log::Message::Error, {}, "{}", done.error().message());
	log::flush(std::chrono::seconds(1));
	// A thread may hang in the kernel: nobody waits for it, and nothing is torn down under it.
	std::fflush(nullptr);
	::_exit(done ? ok : failed);
}
