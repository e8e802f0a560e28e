// SPDX-License-Identifier: GPL-2.0-or-later
/// The serving host, as far as one process is one: the real nbdkit with our plugin, which has the
/// disk by its second way.
#pragma once

#include <optional>
#include <string>

#include "libpath/base/result.h"
#include "libpath/serve/server_process.h"
#include "libpath/unit/nbd_endpoint.h"

namespace swpath::snap
{

class Server
{
public:
	Server(std::string wwid, std::string device);

	/// Starts it and exports the disk. BLOCKS until it answers, at most 30 s. Errors: those of
	/// ServerProcess::start(); ETIMEDOUT it does not answer; EINVAL it refuses the export.
	[[nodiscard]] Result<void> start();
	/// Starts it again if it is not there any more, as pathd's supervision would, and says so.
	/// BLOCKS and errors: as start(). nbdkit 1.32 aborts if a client goes away in the middle of
	/// a write's data while another of its threads replies (server/connections.c,
	/// raw_send_socket).
	[[nodiscard]] Result<bool> revive();
	/// SIGSTOP, SIGCONT or SIGKILL.
	void signal(int number) const;

	[[nodiscard]] const NbdEndpoint &endpoint() const { return setup_.listen; }
	[[nodiscard]] const std::string &export_name() const { return export_name_; }

private:
	[[nodiscard]] Result<void> export_disk() const;

	std::string wwid_;
	std::string device_;
	std::string export_name_;
	ServerSetup setup_;
	std::optional<ServerProcess> process_;
};

} // namespace swpath::snap
