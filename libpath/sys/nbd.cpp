// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/nbd.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/nbd-netlink.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "libpath/base/text.h"
#include "libpath/sys/clock.h"
#include "libpath/sys/file.h"
#include "libpath/sys/sysfs.h"

namespace swpath
{
namespace
{

// ---- reaching a server

/// Waits for a socket, at most until `deadline`.
Result<void> wait_for(int fd, short events, Instant deadline)
{
	for (;;) {
		const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
		if (left.count() <= 0)
			return fail(ETIMEDOUT, "wait for the server");
		pollfd poll_fd{fd, events, 0};
		const auto wait_ms = std::min<std::int64_t>(left.count(), 60'000);
		const int ready = poll(&poll_fd, 1, static_cast<int>(wait_ms));
		if (ready > 0)
			return {};
		if (ready < 0 && errno != EINTR)
			return fail(errno, "wait for the server");
	}
}

Result<UniqueFd> connect_to(const sockaddr *address, socklen_t bytes, Instant deadline)
{
	UniqueFd fd(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (!fd)
		return fail(errno, "socket");
	if (::connect(fd.get(), address, bytes) == 0)
		return fd;
	if (errno != EINPROGRESS && errno != EAGAIN)
		return fail(errno, "connect");
	if (auto ready = wait_for(fd.get(), POLLOUT, deadline); !ready)
		return tl::unexpected(ready.error());
	int error = 0;
	socklen_t error_bytes = sizeof(error);
	if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &error_bytes) < 0)
		error = errno;
	if (error != 0)
		return fail(error, "connect");
	return fd;
}

Result<UniqueFd> connect_unix(const NbdEndpoint &endpoint, Instant deadline)
{
	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	if (endpoint.unix_path.size() >= sizeof(address.sun_path))
		return fail(ENAMETOOLONG, "connect");
	std::memcpy(address.sun_path, endpoint.unix_path.data(), endpoint.unix_path.size());
	return connect_to(reinterpret_cast<const sockaddr *>(&address), sizeof(address), deadline);
}

Result<UniqueFd> connect_tcp(const NbdEndpoint &endpoint, Instant deadline)
{
	addrinfo hints{};
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
	addrinfo *found = nullptr;
	const auto service = std::to_string(endpoint.port);
	int why = getaddrinfo(endpoint.host.c_str(), service.c_str(), &hints, &found);
	if (why == EAI_ADDRFAMILY || why == EAI_NONAME) {
		// A host that has only its loopback up has no "configured" family.
		hints.ai_flags = AI_NUMERICSERV;
		why = getaddrinfo(endpoint.host.c_str(), service.c_str(), &hints, &found);
	}
	if (why != 0)
		return fail(
			why == EAI_SYSTEM ? errno : EADDRNOTAVAIL,
			fmt::format("look up host '{}' ({})", endpoint.host, gai_strerror(why)));
	const UniquePtr<addrinfo, &freeaddrinfo> addresses(found);

	Result<UniqueFd> last = fail(EADDRNOTAVAIL, "connect");
	for (const auto *each = addresses.get(); each; each = each->ai_next) {
		last = connect_to(each->ai_addr, each->ai_addrlen, deadline);
		if (!last)
			continue;
		const int on = 1;
		// Both are improvements that a server can do without; ignoring.
		(void)setsockopt(last->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(last->get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		break;
	}
	return last;
}

Result<void> send_all(int fd, std::span<const std::uint8_t> bytes, Instant deadline)
{
	while (!bytes.empty()) {
		const auto put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
		if (put > 0) {
			bytes = bytes.subspan(static_cast<std::size_t>(put));
			continue;
		}
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno != EAGAIN)
			return fail(errno, "send");
		if (auto ready = wait_for(fd, POLLOUT, deadline); !ready)
			return ready;
	}
	return {};
}

Result<void> receive_all(int fd, std::span<std::uint8_t> bytes, Instant deadline)
{
	while (!bytes.empty()) {
		const auto got = ::recv(fd, bytes.data(), bytes.size(), 0);
		if (got > 0) {
			bytes = bytes.subspan(static_cast<std::size_t>(got));
			continue;
		}
		if (got == 0)
			return fail(ECONNRESET, "receive");
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return fail(errno, "receive");
		if (auto ready = wait_for(fd, POLLIN, deadline); !ready)
			return ready;
	}
	return {};
}

Result<NbdExport> shake_hands(int fd, std::string_view export_name, const PresharedKey *key,
			      Instant deadline)
{
	NbdHandshake handshake(export_name, key != nullptr);
	std::vector<std::uint8_t> bytes;
	while (!handshake.done()) {
		if (key != nullptr && handshake.wants_tls()) {
			if (auto secure = start_tls(fd, *key, deadline); !secure)
				return tl::unexpected(secure.error());
			const auto next = handshake.secured();
			if (auto sent = send_all(fd, *next, deadline); !sent)
				return tl::unexpected(sent.error());
		}
		bytes.resize(handshake.wants());
		if (auto got = receive_all(fd, bytes, deadline); !got)
			return tl::unexpected(got.error());
		const auto answer = handshake.step(bytes);
		if (!answer)
			return tl::unexpected(answer.error());
		if (auto sent = send_all(fd, *answer, deadline); !sent)
			return tl::unexpected(sent.error());
	}
	return handshake.result();
}

// ---- netlink

using Message = UniquePtr<nl_msg, &nlmsg_free>;
using Callbacks = UniquePtr<nl_cb, &nl_cb_put>;
using Attributes = std::array<nlattr *, NBD_ATTR_MAX + 1>;

/// The errno that is meant by one of libnl's own numbers.
int errno_of(int nl_error) noexcept
{
	switch (-nl_error) {
	case NLE_NOMEM:
		return ENOMEM;
	case NLE_AGAIN:
		return EAGAIN;
	case NLE_OBJ_NOTFOUND:
		return ENOENT;
	case NLE_PERM:
		return EPERM;
	case NLE_NOACCESS:
		return EACCES;
	case NLE_BUSY:
		return EBUSY;
	default:
		return EIO;
	}
}

struct Socket {
	UniquePtr<nl_sock, &nl_socket_free> socket;
	int family;
};

Result<Socket> open_socket()
{
	Socket opened{UniquePtr<nl_sock, &nl_socket_free>(nl_socket_alloc()), 0};
	if (!opened.socket)
		return fail(ENOMEM, "netlink socket");
	if (const int error = genl_connect(opened.socket.get()); error < 0)
		return fail(errno_of(error), "netlink socket");
	opened.family = genl_ctrl_resolve(opened.socket.get(), NBD_GENL_FAMILY_NAME);
	if (opened.family < 0)
		return fail(errno_of(opened.family), "find nbd in the kernel (module not loaded?)");
	return opened;
}

/// What a round trip needs to know while libnl calls back.
struct Exchange {
	std::function<void(const Attributes &)> on_reply;
	int error = 0; ///< positive errno that the kernel answered
	bool done = false;
};

int take_reply(nl_msg *message, void *argument)
{
	auto &exchange = *static_cast<Exchange *>(argument);
	Attributes attributes{};
	if (genlmsg_parse(nlmsg_hdr(message), 0, attributes.data(), NBD_ATTR_MAX, nullptr) == 0 &&
	    exchange.on_reply)
		exchange.on_reply(attributes);
	return NL_OK;
}

int take_ack(nl_msg *, void *argument)
{
	static_cast<Exchange *>(argument)->done = true;
	return NL_STOP;
}

int take_error(sockaddr_nl *, nlmsgerr *error, void *argument)
{
	auto &exchange = *static_cast<Exchange *>(argument);
	exchange.error = -error->error;
	exchange.done = true;
	return NL_STOP;
}

Result<Message> make_message(int family, std::uint8_t command)
{
	Message message(nlmsg_alloc());
	if (!message || !genlmsg_put(message.get(), NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_ACK,
				     command, NBD_GENL_VERSION))
		return fail(ENOMEM, "netlink message");
	return message;
}

Result<void> exchange_with_kernel(nl_sock *socket, nl_msg *message, std::string doing,
				  std::function<void(const Attributes &)> on_reply = {})
{
	if (const int error = nl_send_auto(socket, message); error < 0)
		return fail(errno_of(error), std::move(doing));
	Exchange exchange{std::move(on_reply)};
	const Callbacks callbacks(nl_cb_alloc(NL_CB_DEFAULT));
	if (!callbacks)
		return fail(ENOMEM, std::move(doing));
	nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, take_reply, &exchange);
	nl_cb_set(callbacks.get(), NL_CB_ACK, NL_CB_CUSTOM, take_ack, &exchange);
	nl_cb_err(callbacks.get(), NL_CB_CUSTOM, take_error, &exchange);
	while (!exchange.done) {
		const int error = nl_recvmsgs(socket, callbacks.get());
		if (error < 0 && exchange.error == 0)
			return fail(errno_of(error), std::move(doing));
	}
	if (exchange.error != 0)
		return fail(exchange.error, std::move(doing));
	return {};
}

bool put_u64(nl_msg *message, int attribute, std::uint64_t value)
{
	return nla_put_u64(message, attribute, value) == 0;
}

bool put_socket(nl_msg *message, int fd)
{
	auto *sockets = nla_nest_start(message, NBD_ATTR_SOCKETS);
	auto *item = sockets ? nla_nest_start(message, NBD_SOCK_ITEM) : nullptr;
	if (!item || nla_put_u32(message, NBD_SOCK_FD, static_cast<std::uint32_t>(fd)) != 0)
		return false;
	nla_nest_end(message, item);
	nla_nest_end(message, sockets);
	return true;
}

struct DeviceState {
	std::uint32_t index = 0;
	bool connected = false;
};

std::vector<DeviceState> device_states(const Attributes &attributes)
{
	std::vector<DeviceState> states;
	auto *list = attributes[NBD_ATTR_DEVICE_LIST];
	if (!list)
		return states;
	nlattr *item;
	int left;
	nla_for_each_nested(item, list, left)
	{
		nlattr *fields[NBD_DEVICE_ATTR_MAX + 1] = {};
		if (nla_type(item) != NBD_DEVICE_ITEM ||
		    nla_parse_nested(fields, NBD_DEVICE_ATTR_MAX, item, nullptr) != 0 ||
		    !fields[NBD_DEVICE_INDEX] || !fields[NBD_DEVICE_CONNECTED])
			continue;
		states.push_back({nla_get_u32(fields[NBD_DEVICE_INDEX]),
				  nla_get_u8(fields[NBD_DEVICE_CONNECTED]) != 0});
	}
	return states;
}

int take_link_dead(nl_msg *message, void *argument)
{
	auto &dead = *static_cast<std::vector<std::uint32_t> *>(argument);
	const auto *header = static_cast<genlmsghdr *>(nlmsg_data(nlmsg_hdr(message)));
	Attributes attributes{};
	if (header->cmd == NBD_CMD_LINK_DEAD &&
	    genlmsg_parse(nlmsg_hdr(message), 0, attributes.data(), NBD_ATTR_MAX, nullptr) == 0 &&
	    attributes[NBD_ATTR_INDEX])
		dead.push_back(nla_get_u32(attributes[NBD_ATTR_INDEX]));
	return NL_OK;
}

} // namespace

Result<NbdConnection> nbd_connect(const NbdEndpoint &endpoint, std::string_view export_name,
				  Instant deadline, const PresharedKey *key)
{
	const auto doing = [&] {
		return fmt::format("reach export '{}' at {}", export_name, endpoint.text());
	};
	auto fd = endpoint.host.empty() ? connect_unix(endpoint, deadline)
					: connect_tcp(endpoint, deadline);
	if (!fd)
		return fail(fd.error(), doing());
	const auto what = shake_hands(fd->get(), export_name, key, deadline);
	if (!what)
		return fail(what.error(), doing());
	// The kernel's own calls block as they need; a flag of ours must not say otherwise.
	const int flags = fcntl(fd->get(), F_GETFL);
	if (flags < 0 || fcntl(fd->get(), F_SETFL, flags & ~O_NONBLOCK) < 0)
		return fail(errno, doing());
	return NbdConnection{std::move(*fd), *what};
}

void nbd_cut(const UniqueFd &socket) noexcept
{
	(void)::shutdown(socket.get(), SHUT_RDWR); // already dead is as good
}

std::string nbd_backend(std::string_view unit, std::string_view server,
			std::string_view export_name)
{
	return fmt::format("{}{}:{}/{}", nbd_backend_prefix, unit, server, export_name);
}

Result<NbdControl> NbdControl::open()
{
	auto socket = open_socket();
	if (!socket)
		return tl::unexpected(socket.error());
	return NbdControl(std::move(socket->socket), socket->family);
}

Result<std::uint32_t> NbdControl::attach(const NbdAttach &how, const NbdConnection &connection)
{
	const auto doing = how.index ? fmt::format("attach nbd{}", *how.index)
				     : std::string("attach an nbd device");
	if (how.request_timeout.count() < 1)
		return fail(EINVAL, doing + ": a request timeout of 0 would hang for ever");
	auto message = make_message(family_, NBD_CMD_CONNECT);
	if (!message)
		return tl::unexpected(message.error());
	auto *raw = message->get();
	const bool fits = (!how.index || nla_put_u32(raw, NBD_ATTR_INDEX, *how.index) == 0) &&
			  put_u64(raw, NBD_ATTR_SIZE_BYTES, connection.what.size_bytes) &&
			  put_u64(raw, NBD_ATTR_BLOCK_SIZE_BYTES, how.block_bytes) &&
			  put_u64(raw, NBD_ATTR_TIMEOUT,
				  static_cast<std::uint64_t>(how.request_timeout.count())) &&
			  put_u64(raw, NBD_ATTR_DEAD_CONN_TIMEOUT, 0) &&
			  put_u64(raw, NBD_ATTR_SERVER_FLAGS, connection.what.flags) &&
			  put_u64(raw, NBD_ATTR_CLIENT_FLAGS, 0) &&
			  (how.backend.empty() || nla_put_string(raw, NBD_ATTR_BACKEND_IDENTIFIER,
								 how.backend.c_str()) == 0) &&
			  put_socket(raw, connection.socket.get());
	if (!fits)
		return fail(EMSGSIZE, doing);
	std::optional<std::uint32_t> index = how.index;
	const auto done = exchange_with_kernel(socket_.get(), raw, doing, [&](const auto &reply) {
		if (reply[NBD_ATTR_INDEX])
			index = nla_get_u32(reply[NBD_ATTR_INDEX]);
	});
	if (!done)
		return tl::unexpected(done.error());
	if (!index)
		return fail(EBADMSG, doing + ": the kernel does not say which");
	return *index;
}

Result<void> NbdControl::disconnect(std::uint32_t index)
{
	const auto doing = fmt::format("disconnect nbd{}", index);
	auto message = make_message(family_, NBD_CMD_DISCONNECT);
	if (!message)
		return tl::unexpected(message.error());
	if (nla_put_u32(message->get(), NBD_ATTR_INDEX, index) != 0)
		return fail(EMSGSIZE, doing);
	return exchange_with_kernel(socket_.get(), message->get(), doing);
}

Result<bool> NbdControl::connected(std::uint32_t index)
{
	const auto doing = fmt::format("status of nbd{}", index);
	auto message = make_message(family_, NBD_CMD_STATUS);
	if (!message)
		return tl::unexpected(message.error());
	if (nla_put_u32(message->get(), NBD_ATTR_INDEX, index) != 0)
		return fail(EMSGSIZE, doing);
	std::optional<bool> is_connected;
	const auto done =
		exchange_with_kernel(socket_.get(), message->get(), doing, [&](const auto &reply) {
			for (const auto &each : device_states(reply))
				if (each.index == index)
					is_connected = each.connected;
		});
	if (!done)
		return tl::unexpected(done.error());
	if (!is_connected)
		return fail(ENOENT, doing);
	return *is_connected;
}

Result<std::vector<std::uint32_t>> NbdControl::list()
{
	auto message = make_message(family_, NBD_CMD_STATUS);
	if (!message)
		return tl::unexpected(message.error());
	std::vector<std::uint32_t> connected;
	const auto done = exchange_with_kernel(
		socket_.get(), message->get(), "list nbd devices", [&](const auto &reply) {
			for (const auto &each : device_states(reply))
				if (each.connected)
					connected.push_back(each.index);
		});
	if (!done)
		return tl::unexpected(done.error());
	std::sort(connected.begin(), connected.end());
	return connected;
}

Result<NbdEvents> NbdEvents::open()
{
	auto socket = open_socket();
	if (!socket)
		return tl::unexpected(socket.error());
	auto *raw = socket->socket.get();
	const int group =
		genl_ctrl_resolve_grp(raw, NBD_GENL_FAMILY_NAME, NBD_GENL_MCAST_GROUP_NAME);
	if (group < 0)
		return fail(errno_of(group), "find nbd's events in the kernel");
	nl_socket_disable_seq_check(raw);
	if (const int error = nl_socket_add_membership(raw, group); error < 0)
		return fail(errno_of(error), "listen to nbd's events");
	if (const int error = nl_socket_set_nonblocking(raw); error < 0)
		return fail(errno_of(error), "listen to nbd's events");
	return NbdEvents(std::move(socket->socket));
}

int NbdEvents::fd() const noexcept
{
	return nl_socket_get_fd(socket_.get());
}

Result<std::vector<std::uint32_t>> NbdEvents::receive()
{
	std::vector<std::uint32_t> dead;
	const Callbacks callbacks(nl_cb_alloc(NL_CB_DEFAULT));
	if (!callbacks)
		return fail(ENOMEM, "receive nbd events");
	nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, take_link_dead, &dead);
	for (;;) {
		const int error = nl_recvmsgs(socket_.get(), callbacks.get());
		if (error == -NLE_AGAIN)
			return dead;
		if (error < 0)
			return fail(error == -NLE_NOMEM ? ENOBUFS : errno_of(error),
				    "receive nbd events");
	}
}

Result<NbdFree> find_free_nbd(std::optional<std::uint32_t> after, const std::string &sys)
{
	namespace fs = std::filesystem;
	std::vector<std::uint32_t> indices;
	std::error_code error;
	for (const auto &name : names_or_none(sys + "/block")) {
		if (!name.starts_with("nbd"))
			continue;
		if (const auto index =
			    parse_number<std::uint32_t>(std::string_view(name).substr(3));
		    index && (!after || *index > *after))
			indices.push_back(*index);
	}
	std::sort(indices.begin(), indices.end());
	for (const auto index : indices) {
		const auto directory = fmt::format("{}/block/nbd{}", sys, index);
		// The kernel shows `pid` exactly while a connection is configured.
		if (fs::exists(directory + "/pid", error))
			continue;
		const auto size = read_attribute(directory + "/size");
		const auto number = read_attribute(directory + "/dev");
		const auto parsed = number ? DevNumber::parse(*number) : std::nullopt;
		if (size && *size == "0" && parsed)
			return NbdFree{index, *parsed};
	}
	return fail(ENODEV, "find a free nbd device");
}

Result<void> disconnect_nbd(const std::string &sysname, std::string_view backend,
			    const std::string &sys)
{
	const auto index = parse_number<std::uint32_t>(sysname.starts_with("nbd")
							       ? std::string_view(sysname).substr(3)
							       : std::string_view());
	if (!index)
		return fail(EINVAL, "'" + sysname + "' is not an NBD device");
	// The kernel has the text exactly as long as the connection is configured.
	const auto has = read_attribute(fmt::format("{}/block/{}/backend", sys, sysname));
	if (has.value_or(std::string()) != backend)
		return {};
	auto control = NbdControl::open();
	if (!control)
		return tl::unexpected(control.error());
	return control->disconnect(*index);
}

} // namespace swpath
