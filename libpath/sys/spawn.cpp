// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/spawn.h"

#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
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
	SpawnRules(int in, int out)
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
		if (in < 0)
			posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
							 O_RDONLY, 0);
		else
			posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
		if (out >= 0)
			posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
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

Result<pid_t> spawn(const std::vector<std::string> &arguments,
		    const std::vector<std::string> &environment, int in, int out)
{
	const auto words = pointers(arguments);
	auto variables = pointers(environment);
	variables.pop_back();
	for (char **each = environ; *each; each++)
		variables.push_back(*each);
	variables.push_back(nullptr);
	const SpawnRules rules(in, out);
	pid_t pid = -1;
	const int error = ::posix_spawnp(&pid, words[0], &rules.actions, &rules.attributes,
					 words.data(), variables.data());
	if (error != 0)
		return fail(error, fmt::format("start '{}'", arguments[0]));
	return pid;
}

} // namespace swpath
