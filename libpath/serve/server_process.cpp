// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/server_process.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "libpath/control/client.h"
#include "libpath/control/server_socket.h"
#include "libpath/serve/client_address.h"

extern char **environ;

namespace swpath
{
namespace
{

Result<UniqueFd> open_pidfd(pid_t pid)
{
	UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
	if (!fd)
		return fail(errno, fmt::format("open process {}", pid));
	return fd;
}

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
	SpawnRules()
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
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
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

Result<ServerCommand> server_command(const ServerSetup &setup)
{
	if (setup.psk_file.empty() && !setup.plain)
		return fail(EINVAL,
			    "serving needs a file of pre-shared keys (psktool makes one), or "
			    "the explicit setting to serve without TLS");
	if (!setup.psk_file.empty() && setup.plain)
		return fail(EINVAL, "serving: keys are given, and TLS is switched off: which?");
	ServerCommand command;
	auto &to = command.arguments;
	to = {setup.nbdkit, "--foreground", "--threads", std::to_string(setup.threads)};
	if (!setup.listen.unix_path.empty()) {
		to.insert(to.end(), {"--unix", setup.listen.unix_path});
	} else {
		if (!ClientPattern::parse(setup.listen.host) || setup.listen.host == "any" ||
		    setup.listen.host.starts_with("unix") ||
		    setup.listen.host.find('/') != std::string::npos)
			return fail(EINVAL,
				    fmt::format("serving on '{}': give a numeric address of "
						"this host (0.0.0.0 or :: for all)",
						setup.listen.host));
		if (setup.listen.port == 0)
			return fail(EINVAL, "serving on port 0: give the port");
		to.insert(to.end(), {"--ipaddr", setup.listen.host, "--port",
				     std::to_string(setup.listen.port)});
	}
	if (setup.plain)
		to.push_back("--tls=off");
	else
		to.insert(to.end(), {"--tls=require", "--tls-psk=" + setup.psk_file});
	to.insert(to.end(),
		  {setup.plugin, "control=" + setup.control_socket, "closed=" + setup.closed_file,
		   fmt::format("tls={}", setup.plain ? "no" : "yes")});
	if (setup.files)
		to.push_back("files=yes");
	command.environment.push_back("LD_PRELOAD=" + setup.hangup_library);
	return command;
}

Result<ServerProcess> ServerProcess::start(const ServerSetup &setup)
{
	auto command = server_command(setup);
	if (!command)
		return tl::unexpected(std::move(command.error()));
	// nbdkit does not listen on a name that is there.
	if (const auto &path = setup.listen.unix_path; !path.empty())
		if (auto free = remove_dead_socket(path); !free)
			return tl::unexpected(std::move(free.error()));
	const auto arguments = pointers(command->arguments);
	auto environment = pointers(command->environment);
	environment.pop_back();
	for (char **each = environ; *each; each++)
		environment.push_back(*each);
	environment.push_back(nullptr);
	const SpawnRules rules;
	pid_t pid = -1;
	const int error = ::posix_spawnp(&pid, arguments[0], &rules.actions, &rules.attributes,
					 arguments.data(), environment.data());
	if (error != 0)
		return fail(error, fmt::format("start '{}'", setup.nbdkit));
	// Not reaped yet, so the number still means this process.
	auto pidfd = open_pidfd(pid);
	if (!pidfd) {
		::kill(pid, SIGTERM);
		return tl::unexpected(std::move(pidfd.error()));
	}
	return ServerProcess(pid, std::move(*pidfd));
}

Result<std::optional<ServerProcess>> ServerProcess::process_of(const ControlClient &client,
							       const std::string &path)
{
	ucred peer{};
	socklen_t bytes = sizeof(peer);
	if (::getsockopt(client.fd(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
		return fail(errno, "ask who listens on " + path);
	auto pidfd = open_pidfd(peer.pid);
	if (!pidfd && pidfd.error().code == std::errc::no_such_process)
		return std::nullopt; // ended in between
	if (!pidfd)
		return tl::unexpected(std::move(pidfd.error()));
	return ServerProcess(peer.pid, std::move(*pidfd));
}

Result<std::optional<ServerProcess>> ServerProcess::find(const std::string &path,
							 std::chrono::milliseconds limit)
{
	auto client = ControlClient::connect(path, limit);
	if (!client && client.error().kind == RefusalKind::NotReachable)
		return std::nullopt;
	if (!client)
		return fail(client.error().kind == RefusalKind::Timeout ? ETIMEDOUT : EACCES,
			    client.error().message);
	auto process = process_of(*client, path);
	if (!process || !*process)
		return process;
	// It answers now, so it had not ended when the number was looked up.
	const auto status = client->call(fmt::format("{}.Status", serve_interface));
	if (!status)
		return fail(status.error().kind == RefusalKind::Timeout ? ETIMEDOUT : EPROTO,
			    fmt::format("process {} on {}: {}", (*process)->pid(), path,
					status.error().message));
	if (status->value("schema", "") != "swpath.serve")
		return fail(EPROTO, fmt::format("process {} on {} is no server of swpath",
						(*process)->pid(), path));
	return process;
}

bool ServerProcess::ended() const noexcept
{
	(void)::waitpid(pid_, nullptr, WNOHANG); // ECHILD: an earlier pathd's
	pollfd watched{pidfd_.get(), POLLIN, 0};
	return ::poll(&watched, 1, 0) > 0;
}

Result<std::optional<ServerProcess>> ServerProcess::listening(const std::string &path,
							      std::chrono::milliseconds limit)
{
	auto client = ControlClient::connect(path, limit);
	if (!client && client.error().kind == RefusalKind::NotReachable)
		return std::nullopt;
	if (!client)
		return fail(client.error().kind == RefusalKind::Timeout ? ETIMEDOUT : EACCES,
			    client.error().message);
	return process_of(*client, path);
}

void ServerProcess::kill() const noexcept
{
	(void)::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

void ServerProcess::terminate() const noexcept
{
	(void)::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGTERM, nullptr, 0);
}

} // namespace swpath
