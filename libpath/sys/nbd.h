// SPDX-License-Identifier: LGPL-2.1-or-later
/// The kernel's network block device: reach a server, hand the connection to the kernel, make it
/// give up, hear when it died.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/dev_number.h"
#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/sys/nbd_handshake.h"
#include "libpath/sys/tls_client.h"
#include "libpath/unit/nbd_endpoint.h"

struct nl_sock;
extern "C" {
void nl_socket_free(struct nl_sock *);
}

namespace swpath
{

/// A connection whose handshake is over: ready for the kernel.
struct NbdConnection {
	UniqueFd socket;
	NbdExport what;
};

/// Connects and shakes hands. BLOCKS, at most until `deadline`, except for the name service, which
/// has time limits of its own: give addresses, or names from /etc/hosts. TCP gets NODELAY and
/// keepalive. Errors: ECONNREFUSED, EHOSTUNREACH, … of connect(); ETIMEDOUT; EADDRNOTAVAIL no such
/// host name; those of NbdHandshake::step(). With `key` the connection is secured first, by the
/// kernel's TLS, and nothing is said in the clear but the wish for it; errors also those of
/// start_tls(), and TCP only.
[[nodiscard]] Result<NbdConnection> nbd_connect(const NbdEndpoint &endpoint,
						std::string_view export_name, Instant deadline,
						const PresharedKey *key = nullptr);

/// Cuts a connection that the kernel has, through our own descriptor of its socket: at once, even
/// while a stalled server takes no more bytes. Requests in flight end with the disconnect() that
/// is to follow. Does not block.
void nbd_cut(const UniqueFd &socket) noexcept;

/// How the kernel is to treat a connection.
struct NbdAttach {
	std::optional<std::uint32_t> index;      ///< N of /dev/nbdN; nothing: the kernel's choice
	std::uint32_t block_bytes = 512;         ///< logical block size: the unit's; 512 to 4096
	std::chrono::seconds request_timeout{4}; ///< at least 1: 0 would mean "hang for ever"
	std::string backend; ///< free text, to be read back in sysfs: nbd_backend()
};

/// What the backend text of every leg begins with; udev/ hides devices by it.
inline constexpr std::string_view nbd_backend_prefix = "swpath:";

/// The backend text of a leg: "swpath:<unit>:<server>/<export>".
[[nodiscard]] std::string nbd_backend(std::string_view unit, std::string_view server,
				      std::string_view export_name);

/// Commands to the nbd module. One thread at a time per object; any number of objects. Each call
/// blocks for one round trip to the kernel, which waits for no server, except disconnect().
class NbdControl
{
public:
	/// Errors: ENOENT module nbd is not loaded (modprobe nbd).
	[[nodiscard]] static Result<NbdControl> open();

	/// Gives the connection to the kernel, which keeps it without this process;
	/// dead_conn_timeout is 0 (no waiting for a reconnect: that is the unit's business) and
	/// nothing is ever sent again on another connection. Returns N of /dev/nbdN. Errors: EBUSY
	/// that index is in use; ENOENT the kernel has no free device; EINVAL a value that the
	/// kernel refuses.
	[[nodiscard]] Result<std::uint32_t> attach(const NbdAttach &how,
						   const NbdConnection &connection);
	/// Ends the connection: every request in flight ends with an error, which is how a hung leg
	/// is made to give up. What the server does with what it has received is not known. Tells
	/// the server first: BLOCKS up to twice the request timeout if it takes no more bytes,
	/// unless nbd_cut() came before. Errors: EINVAL or ENOENT there is no such connection.
	[[nodiscard]] Result<void> disconnect(std::uint32_t index);
	/// True while the kernel holds a connection there. Errors: ENOENT no such device.
	[[nodiscard]] Result<bool> connected(std::uint32_t index);
	/// All devices that hold a connection.
	[[nodiscard]] Result<std::vector<std::uint32_t>> list();

private:
	using Handle = UniquePtr<nl_sock, &nl_socket_free>;
	NbdControl(Handle socket, int family) noexcept : socket_(std::move(socket)), family_(family)
	{
	}
	Handle socket_;
	int family_;
};

/// The kernel's word that a connection has died.
class NbdEvents
{
public:
	/// Errors: as NbdControl::open().
	[[nodiscard]] static Result<NbdEvents> open();
	/// Readable when receive() has something. Owned by this object.
	[[nodiscard]] int fd() const noexcept;
	/// Indices of devices whose connection died since the last call; empty if none. Does not
	/// block. Errors: ENOBUFS words were lost: ask NbdControl::list().
	[[nodiscard]] Result<std::vector<std::uint32_t>> receive();

private:
	using Handle = UniquePtr<nl_sock, &nl_socket_free>;
	explicit NbdEvents(Handle socket) noexcept : socket_(std::move(socket)) {}
	Handle socket_;
};

/// A device /dev/nbdN that nobody uses, and its number.
struct NbdFree {
	std::uint32_t index = 0;
	DevNumber number;
};
/// The first one, or the first one `after` that. Errors: ENODEV none free (module option nbds_max),
/// or the module is not loaded.
[[nodiscard]] Result<NbdFree> find_free_nbd(std::optional<std::uint32_t> after = std::nullopt,
					    const std::string &sys = "/sys");

/// NbdControl::disconnect() of `sysname` ("nbd3"), if the connection that it has is still the one
/// of this backend text: the number may be another's by now, which is left alone, and that is no
/// error. BLOCKS as long. Errors: EINVAL no such name; else those of NbdControl.
[[nodiscard]] Result<void> disconnect_nbd(const std::string &sysname, std::string_view backend,
					  const std::string &sys = "/sys");

} // namespace swpath
