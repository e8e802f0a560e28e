// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/snap/sw_stack.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/core.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpath/config/config.h"
#include "libpath/control/client.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/dm.h"
#include "libpath/sys/file.h"
#include "libpath/sys/nbd.h"
#include "libpath/sys/udev.h"
#include "tests/snap/wait.h"

namespace swpath::snap
{
namespace
{

using namespace std::chrono_literals;

constexpr const char *unit = "sw0";
constexpr const char *log_file = "/run/pathd.log";
constexpr unsigned direct = 0, served = 1;
/// Of an order: a pathd that was stopped takes it and does not answer.
constexpr auto order_limit = 300ms;
/// The server has done nothing for so long: what it had been given has ended.
constexpr auto quiet = 1s;

bool usable(const PathStatus &path)
{
	return path.state == PathState::READY && path.ticket_ms > 0;
}

} // namespace

Result<void> SwStack::configure() const
{
	const auto wwid = disk_.wwid(direct);
	const auto hctl = disk_.hctl(direct);
	if (!wwid || !hctl)
		return tl::unexpected(wwid ? hctl.error() : wwid.error());
	// A pinned path is not failed back from, so an operator's switch makes the difference.
	return replace_file(
		std::string(config_file),
		fmt::format("[unit.{}]\n"
			    "wwid = \"{}\"\n"
			    "fence = \"prove\"\n"
			    "stall = \"3s\"\n"
			    "check_interval = \"1s\"\n"
			    "failback = {{policy=\"auto\", interval=\"3s\", stable=\"2s\"}}\n"
			    "[[unit.{}.path]]\n"
			    "kind = \"direct\"\n"
			    "hctl = \"{}\"\n"
			    "[[unit.{}.path]]\n"
			    "kind = \"served\"\n"
			    "name = \"beta\"\n"
			    "server = \"{}:{}\"\n"
			    "export = \"{}\"\n",
			    unit, *wwid, unit, *hctl, unit, server_.endpoint().host,
			    server_.endpoint().port, server_.export_name()));
}

Result<void> SwStack::start_pathd()
{
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_file,
					 O_WRONLY | O_CREAT | O_APPEND, 0644);
	posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	std::array<char, 6> name{"pathd"};
	std::array<char *, 2> arguments{name.data(), nullptr};
	const int error =
		::posix_spawnp(&pathd_, name.data(), &actions, nullptr, arguments.data(), environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error != 0)
		return fail(error, "start pathd");
	return {};
}

Result<UnitStatus> SwStack::status() const
{
	return dm::status(unit).and_then(
		[](const auto &target) { return parse_status(target.params); });
}

Result<void> SwStack::begin()
{
	if (auto configured = configure(); !configured)
		return configured;
	if (auto started = start_pathd(); !started)
		return started;
	const bool up = wait_until(60s, [&] {
		const auto now = status();
		return now && now->state == UnitState::ONLINE && usable(now->paths[direct]) &&
		       usable(now->paths[served]) && ::access(device().c_str(), F_OK) == 0;
	});
	if (!up)
		return fail(ETIMEDOUT, "unit with two usable paths");
	return {};
}

std::string SwStack::device() const
{
	return fmt::format("/dev/{}", unit);
}

std::string SwStack::order(Verb verb, std::string_view path, bool forced) const
{
	const auto refused = [](const Refusal &refusal) { return "refused: " + refusal.message; };
	auto client = ControlClient::connect(std::string(control_socket), order_limit);
	if (!client)
		return refused(client.error());
	const auto done = client->order(verb, unit, path, forced, false);
	if (!done)
		return refused(done.error());
	return done->text.empty() ? "done" : done->text;
}

Result<void> SwStack::begin_on(bool on_served)
{
	if (!on_served)
		return {};
	const auto answer = order(Verb::Switch, "beta", false);
	const bool there = wait_until(10s, [&] {
		const auto now = status();
		return now && now->state == UnitState::ONLINE && now->active == served;
	});
	if (!there)
		return fail(ETIMEDOUT, "switch to the served path: " + answer);
	return {};
}

std::string SwStack::perform(const Deed &deed)
{
	switch (deed.kind) {
	case DeedKind::PathdKill:
	case DeedKind::PathdStop:
	case DeedKind::PathdContinue:
		::kill(pathd_, deed.kind == DeedKind::PathdKill   ? SIGKILL
			       : deed.kind == DeedKind::PathdStop ? SIGSTOP
								  : SIGCONT);
		return {};
	case DeedKind::PathdStart: {
		// One that hangs in the kernel stays until its command ends; pathd lives with that.
		while (::waitpid(-1, nullptr, WNOHANG) > 0)
			;
		const auto started = start_pathd();
		return started ? std::string() : started.error().message();
	}
	case DeedKind::SwitchDirect:
		return order(Verb::Switch, "direct", deed.forced);
	case DeedKind::SwitchServed:
		return order(Verb::Switch, "beta", deed.forced);
	default:
		return {};
	}
}

std::string SwStack::state() const
{
	const auto is = status();
	if (!is)
		return is.error().message();
	std::string text = fmt::format(
		"{} {} mv {} epoch {} active {}, {} in doubt, {}:", word(is->state),
		word(is->phase), is->mv, is->epoch, is->active ? std::to_string(*is->active) : "-",
		is->doubt, word(is->reason));
	for (const auto &path : is->paths)
		text += fmt::format(" {} {} {}", word(path.kind), word(path.state),
				    word(path.reason));
	return text;
}

bool SwStack::is_well(std::string &said)
{
	said.clear();
	const auto is = status();
	if (!is)
		return false;
	if (is->state == UnitState::ONLINE) {
		// A forced switch took the old path out of use: only a person brings it back.
		for (const unsigned path : {direct, served})
			if (is->paths[path].state == PathState::FAILED &&
			    is->paths[path].reason == Reason::OPERATOR)
				said = "a person: reinstate: " +
				       order(Verb::Reinstate, path == direct ? "direct" : "beta",
					     false);
		return usable(is->paths[direct]) && usable(is->paths[served]);
	}
	// Everything is healed, and the unit waits for a proof that nothing old can land: a person
	// sees that the server has come to rest, and says so. Where pathd proves it by itself, it
	// does so before.
	const auto writes = disk_.writes(served);
	if (!writes || served_writes_ != *writes || is->phase != Phase::PROVE || is->doubt == 0) {
		served_writes_ = writes.value_or(0);
		quiet_since_ = now();
	} else if (now() - quiet_since_ >= quiet) {
		said = "a person: fenced: " + order(Verb::Fenced, "", true);
		quiet_since_ = now();
	}
	return false;
}

std::vector<std::string> SwStack::views() const
{
	std::vector<std::string> views{device()};
	const auto blocks = enumerate_block_devices();
	if (!blocks)
		return views;
	for (const auto &each : *blocks)
		if (each.nbd_backend.starts_with(nbd_backend_prefix) && each.size_bytes > 0)
			views.push_back(each.devnode);
	return views;
}

void SwStack::post_mortem() const
{
	fmt::print("--- status\n{}\n",
		   dm::status(unit).map(&dm::TargetStatus::params).value_or(""));
	fmt::print("--- history\n{}\n", dm::message(unit, "history").value_or(""));
	fmt::print("--- pathd\n{}", read_file(log_file, 1 << 20).value_or(""));
}

} // namespace swpath::snap
