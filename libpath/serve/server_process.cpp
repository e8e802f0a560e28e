// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/serve/server_process.h"

#include <cerrno>
#include <csignal>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "libpath/control/client.h"
#include "libpath/control/server_socket.h"
#include "libpath/serve/client_address.h"
#include "libpath/sys/child_process.h"

namespace swpath
{

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
	auto child = start_child({std::move(command->arguments), std::move(command->environment)});
	if (!child)
		return tl::unexpected(std::move(child.error()));
	return ServerProcess(child->pid, std::move(child->pidfd));
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
