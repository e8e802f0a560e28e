// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/child_process.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/core.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace swpath
{
namespace
{

/// The pointers that execve(2) wants; they live as long as `words`.
std::vector<char *> pointers(const std::vector<std::string> &words)
{
	std::vector<char *> all;
	all.reserve(words.size() + 1);
	for (const auto &each : words)
		all.push_back(const_cast<char *>(each.c_str()));
	all.push_back(nullptr);
	return all;
}

class SpawnRules
{
public:
	SpawnRules(int input, int output)
	{
		posix_spawnattr_init(&attributes);
		posix_spawn_file_actions_init(&actions);
		// A daemon blocks signals, which is inherited, and ignores some, which is too.
		sigset_t none, all;
		sigemptyset(&none);
		sigfillset(&all);
		posix_spawnattr_setsigmask(&attributes, &none);
		posix_spawnattr_setsigdefault(&attributes, &all);
		posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
							      POSIX_SPAWN_SETSIGDEF);
		if (input < 0)
			posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
		else
			posix_spawn_file_actions_adddup2(&actions, input, 0);
		if (output >= 0)
			posix_spawn_file_actions_adddup2(&actions, output, 1);
	}
	SpawnRules(const SpawnRules &) = delete;
	SpawnRules &operator=(const SpawnRules &) = delete;
	~SpawnRules()
	{
		posix_spawn_file_actions_destroy(&actions);
		posix_spawnattr_destroy(&attributes);
	}

	posix_spawnattr_t attributes{};
	posix_spawn_file_actions_t actions{};
};

} // namespace

Result<UniqueFd> open_pidfd(pid_t pid)
{
	UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
	if (!fd)
		return fail(errno, fmt::format("open process {}", pid));
	return fd;
}

Result<ChildProcess> start_child(const ChildSetup &setup)
{
	const auto arguments = pointers(setup.arguments);
	auto environment = pointers(setup.environment);
	environment.pop_back();
	for (char **each = environ; *each; each++)
		environment.push_back(*each);
	environment.push_back(nullptr);
	const SpawnRules rules(setup.input, setup.output);
	pid_t pid = -1;
	const int error = ::posix_spawnp(&pid, arguments[0], &rules.actions, &rules.attributes,
					 arguments.data(), environment.data());
	if (error != 0)
		return fail(error, fmt::format("start '{}'", setup.arguments[0]));
	// Not reaped yet, so the number still means this process.
	auto pidfd = open_pidfd(pid);
	if (!pidfd) {
		::kill(pid, SIGTERM);
		return tl::unexpected(std::move(pidfd.error()));
	}
	return ChildProcess{pid, std::move(*pidfd)};
}

std::optional<std::string> how_it_ended(const ChildProcess &child)
{
	siginfo_t info{};
	const auto pidfd = static_cast<id_t>(child.pidfd.get());
	if (::waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG) < 0 && errno == ECHILD)
		return "has ended"; // somebody else waited for it
	if (info.si_pid == 0)
		return std::nullopt;
	if (info.si_code == CLD_EXITED)
		return fmt::format("ended with status {}", info.si_status);
	return fmt::format("was killed by signal {}", info.si_status);
}

} // namespace swpath
