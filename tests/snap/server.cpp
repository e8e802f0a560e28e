// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/snap/server.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "libpath/control/client.h"
#include "libpath/serve/export_name.h"
#include "tests/snap/wait.h"

namespace swpath::snap
{
namespace
{

using namespace std::chrono_literals;

/// Of the export; nobody revokes it here.
constexpr std::string_view client_name = "guest";
constexpr std::uint64_t export_epoch = 1;
constexpr auto answer_limit = 30s;

} // namespace

Server::Server(std::string wwid, std::string device)
	: wwid_(std::move(wwid)), device_(std::move(device)),
	  export_name_(ExportName{wwid_, std::string(client_name), export_epoch}.text())
{
	setup_.listen.host = "127.0.0.1";
	setup_.listen.port = 10809;
	setup_.plain = true;
}

Result<void> Server::export_disk() const
{
	auto client = ControlClient::connect(setup_.control_socket);
	if (!client)
		return fail(ETIMEDOUT, client.error().message);
	const auto done = client->call(fmt::format("{}.Export", serve_interface),
				       {{"wwid", wwid_},
					{"client", client_name},
					{"epoch", export_epoch},
					{"device", device_},
					{"clients", Json::array({"127.0.0.1"})}});
	if (!done)
		return fail(EINVAL, fmt::format("export {}: {}", device_, done.error().message));
	return {};
}

Result<void> Server::start()
{
	auto started = ServerProcess::start(setup_);
	if (!started)
		return tl::unexpected(started.error());
	process_ = std::move(*started);
	Result<void> exported = fail(ETIMEDOUT, "the server");
	(void)wait_until(answer_limit, [&] {
		exported = export_disk();
		return exported || exported.error().code != std::errc::timed_out;
	});
	return exported;
}

Result<bool> Server::revive()
{
	if (process_ && !process_->ended())
		return false;
	if (auto started = start(); !started)
		return tl::unexpected(started.error());
	return true;
}

void Server::signal(int number) const
{
	if (!process_)
		return;
	::kill(process_->pid(), number);
	if (number == SIGKILL)
		(void)process_->ended(); // reaps it, if it is gone already
}

} // namespace swpath::snap
