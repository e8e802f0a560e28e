// SPDX-License-Identifier: LGPL-2.1-or-later
/// nbdkit's plugin: turns nbdkit's calls into those of ExportServer, and decides nothing.
///
/// nbdkit is one process with a thread pool for each connection; a call here blocks its thread
/// until the disk has answered. The parameters are in swpath-serve(8).
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>

#include <dlfcn.h>
#include <sys/socket.h>

#include "libpath/serve/disk_ring.h"
#include "libpath/serve/export_server.h"
#include "libpath/serve/serve_control.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

namespace
{

using namespace swpath;
using Session = ExportServer::Session;

/// One of each in the process: nbdkit hands plugins no pointer of their own.
ExportServer::Setup setup{std::string(serve_socket), "/run/swpath/serve.closed", false, false,
			  "/sys"};
std::unique_ptr<ExportServer> server;
std::unique_ptr<ServeControl> control;
std::thread quit_watch;

/// Reports a failed call to nbdkit, which logs it and tells the client what NBD has a number for.
int failed(int error, const std::string &text)
{
	nbdkit_error("%s", text.c_str());
	nbdkit_set_error(error);
	return -1;
}

/// What NBD has a number for; nbdkit would make EINVAL of the others, as if the client were to
/// blame.
int sendable(int error)
{
	switch (error) {
	case EPERM:
	case EROFS:
	case ENOMEM:
	case EINVAL:
	case ENOSPC:
	case EOPNOTSUPP:
	case ESHUTDOWN:
		return error;
	default:
		return EIO;
	}
}

/// The result of a request.
int answer(int error, const char *doing)
{
	if (error == 0)
		return 0;
	return failed(sendable(error), std::string(doing) + ": " + std::strerror(error));
}

Session &session_of(void *handle)
{
	return *static_cast<Session *>(handle);
}

int config(const char *key, const char *value)
{
	const std::string name = key;
	if (name == "control" || name == "closed") {
		auto *path = nbdkit_absolute_path(value);
		if (!path)
			return -1;
		(name == "control" ? setup.control_socket : setup.closed_file) = path;
		std::free(path);
		return 0;
	}
	if (name == "files" || name == "tls") {
		const int flag = nbdkit_parse_bool(value);
		if (flag < 0)
			return -1;
		(name == "files" ? setup.files : setup.tls) = flag != 0;
		return 0;
	}
	nbdkit_error("unknown parameter '%s': control, closed, files and tls are known", key);
	return -1;
}

int get_ready()
{
	if (!setup.tls && !::dlsym(RTLD_DEFAULT, "swpath_hangup")) {
		nbdkit_error("without TLS, start nbdkit with LD_PRELOAD=nbdkit-swpath-hangup.so: "
			     "version 1.32 aborts when a client hangs up at the wrong moment");
		return -1;
	}
	if (const auto ring = DiskRing::open(); !ring) {
		nbdkit_error("%s", ring.error().message().c_str());
		return -1;
	}
	auto created = ExportServer::create(setup);
	if (!created) {
		nbdkit_error("%s", created.error().message().c_str());
		return -1;
	}
	server = std::move(*created);
	return 0;
}

int after_fork()
{
	auto listening =
		ServeControl::listen(setup.control_socket, *server, [](const std::string &text) {
			nbdkit_error("%s", text.c_str());
		});
	if (!listening) {
		nbdkit_error("%s", listening.error().message().c_str());
		return -1;
	}
	control = std::move(*listening);
	// nbdkit ends only when its last client has gone: they are sent away. The sleep is cut
	// short when nbdkit is told to end, which is the one way for a plugin to hear of it.
	try {
		quit_watch = std::thread([] {
			while (nbdkit_nanosleep(1, 0) == 0)
				server->end_late();
			server->end_connections();
		});
	} catch (const std::system_error &error) {
		nbdkit_error("no thread to end the clients with: %s", error.what());
		return -1;
	}
	return 0;
}

void cleanup()
{
	if (quit_watch.joinable())
		quit_watch.join();
	control.reset();
}

int list_exports(int, int, nbdkit_exports *exports)
{
	for (const auto &name : server->open_exports())
		if (nbdkit_add_export(exports, name.c_str(), nullptr) < 0)
			return -1;
	return 0;
}

/// Of the connection whose thread this is; nothing: nbdkit has said why.
std::optional<Peer> this_peer()
{
	Peer peer;
	peer.bytes = sizeof(peer.address);
	if (nbdkit_peer_name(reinterpret_cast<sockaddr *>(&peer.address), &peer.bytes) < 0)
		return std::nullopt;
	if (peer.address.ss_family == AF_UNIX) {
		const auto pid = nbdkit_peer_pid(), uid = nbdkit_peer_uid();
		if (pid < 0 || uid < 0)
			return std::nullopt;
		peer.pid = static_cast<pid_t>(pid);
		peer.uid = static_cast<uid_t>(uid);
	}
	return peer;
}

int preconnect(int)
{
	const auto peer = this_peer();
	if (!peer)
		return -1;
	const auto taken = server->arrived(*peer);
	return taken ? 0 : failed(taken.error().code.value(), taken.error().context);
}

void *open(int)
{
	const auto peer = this_peer();
	if (!peer)
		return nullptr;
	auto session = server->connect(nbdkit_export_name(), *peer);
	if (!session) {
		(void)failed(session.error().code.value(), session.error().context);
		return nullptr;
	}
	return session->release();
}

void close(void *handle)
{
	server->disconnect(std::unique_ptr<Session>(&session_of(handle)));
}

std::int64_t get_size(void *handle)
{
	return static_cast<std::int64_t>(session_of(handle).disk->size_bytes());
}

int block_size(void *handle, std::uint32_t *minimum, std::uint32_t *preferred,
	       std::uint32_t *maximum)
{
	const auto &disk = *session_of(handle).disk;
	constexpr std::uint32_t page_bytes = 4096;
	*minimum = disk.logical_block_bytes();
	*preferred = std::max({page_bytes, disk.physical_block_bytes(), *minimum});
	*maximum = ServedDisk::request_bytes_max;
	return 0;
}

int can_write(void *handle)
{
	return !session_of(handle).read_only;
}

int yes(void *)
{
	return 1;
}

int can_fua(void *)
{
	return NBDKIT_FUA_NATIVE;
}

int can_trim(void *handle)
{
	return session_of(handle).disk->can_trim();
}

int is_rotational(void *handle)
{
	return session_of(handle).disk->rotational();
}

int pread(void *handle, void *buffer, std::uint32_t count, std::uint64_t offset, std::uint32_t)
{
	const std::span into(static_cast<std::byte *>(buffer), count);
	return answer(server->run(session_of(handle),
				  [&](const ServedDisk &disk) { return disk.read(into, offset); }),
		      "read");
}

int pwrite(void *handle, const void *buffer, std::uint32_t count, std::uint64_t offset,
	   std::uint32_t flags)
{
	const std::span from(static_cast<const std::byte *>(buffer), count);
	return answer(server->run(session_of(handle),
				  [&](const ServedDisk &disk) {
					  return disk.write(from, offset,
							    (flags & NBDKIT_FLAG_FUA) != 0);
				  }),
		      "write");
}

int flush(void *handle, std::uint32_t)
{
	return answer(server->run(session_of(handle),
				  [](const ServedDisk &disk) { return disk.flush(); }),
		      "flush");
}

int trim(void *handle, std::uint32_t count, std::uint64_t offset, std::uint32_t flags)
{
	return answer(server->run(session_of(handle),
				  [&](const ServedDisk &disk) {
					  return disk.trim(offset, count,
							   (flags & NBDKIT_FLAG_FUA) != 0);
				  }),
		      "trim");
}

int zero(void *handle, std::uint32_t count, std::uint64_t offset, std::uint32_t flags)
{
	const int error = server->run(session_of(handle), [&](const ServedDisk &disk) {
		return disk.zero(offset, count, (flags & NBDKIT_FLAG_MAY_TRIM) != 0,
				 (flags & NBDKIT_FLAG_FUA) != 0);
	});
	// nbdkit writes zeroes itself then, or says so to a client that wanted it fast: no
	// complaint.
	if (error == EOPNOTSUPP) {
		nbdkit_set_error(error);
		return -1;
	}
	return answer(error, "write zeroes");
}

nbdkit_plugin describe()
{
	nbdkit_plugin plugin{};
	plugin.name = "swpath";
	plugin.longname = "swpath: serve a direct path";
	plugin.version = SW_VERSION;
	plugin.description = "Serves disks of this host, to each client in one epoch at a time.";
	plugin.config_help = "control=PATH  socket for orders (/run/swpath/serve.sock)\n"
			     "closed=PATH   file of closed epochs (/run/swpath/serve.closed)\n"
			     "files=BOOL    regular files may be exported (no)\n"
			     "tls=BOOL      what --tls says, for the status (no)";
	plugin.config = config;
	plugin.get_ready = get_ready;
	plugin.after_fork = after_fork;
	plugin.cleanup = cleanup;
	plugin.list_exports = list_exports;
	plugin.preconnect = preconnect;
	plugin.open = open;
	plugin.close = close;
	plugin.get_size = get_size;
	plugin.block_size = block_size;
	plugin.can_write = can_write;
	plugin.can_flush = yes;
	plugin.can_fua = can_fua;
	plugin.can_trim = can_trim;
	plugin.can_zero = yes;
	plugin.can_fast_zero = yes;
	plugin.can_multi_conn = yes; // no cache here: what one connection wrote, the others read
	plugin.is_rotational = is_rotational;
	plugin.pread = pread;
	plugin.pwrite = pwrite;
	plugin.flush = flush;
	plugin.trim = trim;
	plugin.zero = zero;
	plugin.errno_is_preserved = 0;
	return plugin;
}

nbdkit_plugin plugin = describe();

} // namespace

NBDKIT_REGISTER_PLUGIN(plugin)
