// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/peer_link.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace swpath
{
namespace
{

/// Key exchange with the key and a fresh secret: what was recorded cannot be read with a key that
/// leaks later. No certificates, no plain PSK.
constexpr auto priorities =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK:+DHE-PSK";
constexpr std::size_t chunk_bytes = 16384; ///< of the largest record
/// One that sends without end takes no more of the loop's time than this at a time.
constexpr unsigned turn_records_max = 8;

/// Keys that differ show as a proof of the key that is wrong, which has no error of its own.
bool is_about_the_key(gnutls_session_t tls, int error)
{
	if (error != GNUTLS_E_FATAL_ALERT_RECEIVED)
		return error == GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER ||
		       error == GNUTLS_E_DECRYPTION_FAILED ||
		       error == GNUTLS_E_INSUFFICIENT_CREDENTIALS;
	const auto alert = gnutls_alert_get(tls);
	return alert == GNUTLS_A_ILLEGAL_PARAMETER || alert == GNUTLS_A_DECRYPT_ERROR ||
	       alert == GNUTLS_A_BAD_RECORD_MAC || alert == GNUTLS_A_UNKNOWN_PSK_IDENTITY;
}

int errno_of_tls(int error)
{
	switch (error) {
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_PULL_ERROR:
	case GNUTLS_E_PUSH_ERROR:
		return ECONNRESET;
	case GNUTLS_E_MEMORY_ERROR:
		return ENOMEM;
	default:
		return EPROTO;
	}
}

} // namespace

struct PeerKeys::Credentials {
	KeyFile file;
	PresharedKey own;
	gnutls_psk_client_credentials_t client = nullptr;
	gnutls_psk_server_credentials_t server = nullptr;
	~Credentials()
	{
		if (client != nullptr)
			gnutls_psk_free_client_credentials(client);
		if (server != nullptr)
			gnutls_psk_free_server_credentials(server);
	}
};

PeerKeys::PeerKeys(std::unique_ptr<Credentials> credentials) : credentials_(std::move(credentials))
{
}
PeerKeys::~PeerKeys() = default;

const PresharedKey &PeerKeys::own() const noexcept
{
	return credentials_->own;
}

const KeyFile &PeerKeys::file() const noexcept
{
	return credentials_->file;
}

namespace
{

/// The key of whoever asks; 1: there is no such user, and GnuTLS goes on with a key that nobody
/// has, so that nobody learns which names there are.
int key_of_asker(gnutls_session_t tls, const char *user, gnutls_datum_t *key)
{
	const auto *file = static_cast<const KeyFile *>(gnutls_session_get_ptr(tls));
	const auto *found = file->of_user(user);
	if (found == nullptr)
		return 1;
	const auto size = static_cast<unsigned>(found->key.size());
	key->data = static_cast<unsigned char *>(gnutls_malloc(size));
	if (key->data == nullptr)
		return -1;
	std::memcpy(key->data, found->key.data(), size);
	key->size = size;
	return 0;
}

} // namespace

Result<std::shared_ptr<const PeerKeys>> PeerKeys::load(const std::string &file,
						       const std::string &name)
{
	auto keys = KeyFile::read(file);
	if (!keys)
		return tl::unexpected(keys.error());
	const auto *own = keys->of_host(name);
	if (own == nullptr)
		return fail(ENOKEY,
			    fmt::format("key file '{}': no line begins with '{}:'; make one with "
					"psktool -u {} -p {}",
					file, name, name, file));
	auto credentials = std::make_unique<Credentials>();
	credentials->own = *own;
	credentials->file = std::move(*keys);
	const auto &mine = credentials->own;
	const gnutls_datum_t key{const_cast<unsigned char *>(mine.key.data()),
				 static_cast<unsigned>(mine.key.size())};
	int r = gnutls_psk_allocate_client_credentials(&credentials->client);
	if (r == 0)
		r = gnutls_psk_set_client_credentials(credentials->client, mine.user.c_str(), &key,
						      GNUTLS_PSK_KEY_RAW);
	if (r == 0)
		r = gnutls_psk_allocate_server_credentials(&credentials->server);
	if (r == 0) {
		gnutls_psk_set_server_credentials_function(credentials->server, key_of_asker);
		r = gnutls_psk_set_server_known_dh_params(credentials->server,
							  GNUTLS_SEC_PARAM_MEDIUM);
	}
	if (r != 0)
		return fail(EINVAL, fmt::format("key file '{}': {}", file, gnutls_strerror(r)));
	return std::shared_ptr<const PeerKeys>(new PeerKeys(std::move(credentials)));
}

struct PeerLink::State {
	State(UniqueFd fd, PeerSession::Side which, const PeerHello &own,
	      std::shared_ptr<const PeerKeys> with, const PeerLimits &limits, Instant now)
		: socket(std::move(fd)), side(which), keys(std::move(with)),
		  session(which, own, limits, now)
	{
	}
	~State()
	{
		if (tls != nullptr)
			gnutls_deinit(tls);
	}
	UniqueFd socket;
	PeerSession::Side side;
	std::shared_ptr<const PeerKeys> keys;
	PeerSession session;
	gnutls_session_t tls = nullptr;
	bool shaken = false; ///< the handshake is done
	bool blocked_write = false;
	std::size_t sending = 0; ///< bytes of the record that GnuTLS holds
};

PeerLink::PeerLink(std::unique_ptr<State> state) : state_(std::move(state)) {}
PeerLink::~PeerLink() = default;

Result<std::unique_ptr<PeerLink>> PeerLink::create(UniqueFd socket, PeerSession::Side side,
						   const PeerHello &own,
						   std::shared_ptr<const PeerKeys> keys,
						   const PeerLimits &limits, Instant now)
{
	const bool asks = side == PeerSession::Side::Asks;
	auto state =
		std::make_unique<State>(std::move(socket), side, own, std::move(keys), limits, now);
	int r = gnutls_init(&state->tls, (asks ? GNUTLS_CLIENT : GNUTLS_SERVER) | GNUTLS_NONBLOCK |
						 GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
	if (r == 0)
		r = gnutls_priority_set_direct(state->tls, priorities, nullptr);
	if (r == 0)
		r = gnutls_credentials_set(
			state->tls, GNUTLS_CRD_PSK,
			asks ? static_cast<void *>(state->keys->credentials_->client)
			     : static_cast<void *>(state->keys->credentials_->server));
	if (r != 0)
		return fail(EIO, fmt::format("TLS: {}", gnutls_strerror(r)));
	gnutls_handshake_set_timeout(state->tls, GNUTLS_INDEFINITE_TIMEOUT);
	gnutls_transport_set_int(state->tls, state->socket.get());
	gnutls_session_set_ptr(state->tls, const_cast<KeyFile *>(&state->keys->credentials_->file));
	const auto set = [&](int level, int option, int to) {
		(void)setsockopt(state->socket.get(), level, option, &to, sizeof(to));
	};
	// Small messages that somebody waits for.
	set(IPPROTO_TCP, TCP_NODELAY, 1);
	// A host that has lost its power or its network says nothing of it: left alone, TCP would
	// keep the connection of one that asks for ever, and of one that is asked for a quarter of
	// an hour.
	set(SOL_SOCKET, SO_KEEPALIVE, 1);
	set(IPPROTO_TCP, TCP_KEEPIDLE, peer_silence_s / 2);
	set(IPPROTO_TCP, TCP_KEEPINTVL, peer_silence_s / 4);
	set(IPPROTO_TCP, TCP_USER_TIMEOUT, peer_silence_s * 1000);
	return std::unique_ptr<PeerLink>(new PeerLink(std::move(state)));
}

int PeerLink::fd() const
{
	return state_->socket.get();
}

bool PeerLink::wants_write() const
{
	return state_->blocked_write;
}

std::optional<Instant> PeerLink::deadline() const
{
	return state_->session.deadline();
}

PeerSession &PeerLink::session()
{
	return state_->session;
}

std::string PeerLink::peer_name() const
{
	if (!state_->shaken || state_->side == PeerSession::Side::Asks)
		return {};
	const char *name = gnutls_psk_server_get_username(state_->tls);
	return name != nullptr ? std::string(host_of_user(name)) : "";
}

Result<std::vector<PeerEvent>> PeerLink::step(Instant now)
{
	auto &s = *state_;
	std::vector<PeerEvent> events;
	s.blocked_write = false;

	// The handshake has the Hello's deadline.
	auto due = s.session.tick(now);
	if (!due)
		return tl::unexpected(due.error());
	events = std::move(*due);

	if (!s.shaken) {
		// GnuTLS does not tell why its first send failed.
		int error = 0;
		socklen_t bytes = sizeof(error);
		if (getsockopt(s.socket.get(), SOL_SOCKET, SO_ERROR, &error, &bytes) == 0 &&
		    error != 0)
			return fail(error, "connect");
		int r = GNUTLS_E_INTERRUPTED;
		const auto again = [&r] {
			return r == GNUTLS_E_INTERRUPTED ||
			       (r < 0 && r != GNUTLS_E_AGAIN && gnutls_error_is_fatal(r) == 0);
		};
		for (unsigned turn = 0; turn < turn_records_max && again(); turn++)
			r = gnutls_handshake(s.tls);
		if (r == GNUTLS_E_AGAIN || again()) {
			s.blocked_write = gnutls_record_get_direction(s.tls) == 1;
			return events;
		}
		if (r < 0) {
			std::string why = r == GNUTLS_E_FATAL_ALERT_RECEIVED
						  ? fmt::format("the other side: {}",
								gnutls_alert_get_name(
									gnutls_alert_get(s.tls)))
						  : gnutls_strerror(r);
			if (is_about_the_key(s.tls, r))
				why += "; the two hosts have not the same key for the one that "
				       "asks: use the same key file on both";
			(void)gnutls_alert_send_appropriate(s.tls, r);
			return fail(errno_of_tls(r), fmt::format("TLS handshake: {}", why));
		}
		s.shaken = true;
	}

	std::array<char, chunk_bytes> chunk{};
	std::optional<Error> over;
	// What GnuTLS has taken from the socket already wakes nobody.
	for (unsigned turn = 0; turn < turn_records_max || gnutls_record_check_pending(s.tls) > 0;
	     turn++) {
		const auto got = gnutls_record_recv(s.tls, chunk.data(), chunk.size());
		if (got == GNUTLS_E_INTERRUPTED)
			continue;
		if (got == GNUTLS_E_AGAIN)
			break;
		if (got == 0) {
			over = Error{{ECONNRESET, std::generic_category()},
				     "closed by the other side"};
			break;
		}
		if (got < 0) {
			const int r = static_cast<int>(got);
			if (gnutls_error_is_fatal(r) == 0)
				continue;
			return fail(errno_of_tls(r), fmt::format("TLS: {}", gnutls_strerror(r)));
		}
		auto fed = s.session.feed(
			std::string_view(chunk.data(), static_cast<std::size_t>(got)), now);
		if (!fed) {
			over = fed.error();
			break;
		}
		events.insert(events.end(), std::make_move_iterator(fed->begin()),
			      std::make_move_iterator(fed->end()));
	}

	auto &output = s.session.output();
	while (!output.empty()) {
		// A record that was begun is gone on with as it was.
		if (s.sending == 0)
			s.sending = std::min(output.size(), chunk_bytes);
		const auto sent = gnutls_record_send(s.tls, output.data(), s.sending);
		if (sent == GNUTLS_E_INTERRUPTED)
			continue;
		if (sent == GNUTLS_E_AGAIN) {
			s.blocked_write = true;
			break;
		}
		s.sending = 0;
		if (sent < 0)
			return fail(
				errno_of_tls(static_cast<int>(sent)),
				fmt::format("TLS: {}", gnutls_strerror(static_cast<int>(sent))));
		output.erase(0, static_cast<std::size_t>(sent));
	}
	if (over)
		return tl::unexpected(*over);
	return events;
}

namespace
{

struct Resolved {
	sockaddr_storage address{};
	socklen_t bytes = 0;
};

Result<Resolved> numeric_address(const std::string &address, std::uint16_t port)
{
	addrinfo hints{};
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	hints.ai_socktype = SOCK_STREAM;
	addrinfo *list = nullptr;
	if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &list) != 0)
		return fail(EINVAL, fmt::format("'{}' is not a numeric address", address));
	Resolved resolved;
	std::memcpy(&resolved.address, list->ai_addr, list->ai_addrlen);
	resolved.bytes = list->ai_addrlen;
	freeaddrinfo(list);
	return resolved;
}

} // namespace

Result<UniqueFd> connect_peer(const std::string &address, std::uint16_t port)
{
	const auto to = numeric_address(address, port);
	if (!to)
		return tl::unexpected(to.error());
	UniqueFd fd(socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (!fd ||
	    (connect(fd.get(), reinterpret_cast<const sockaddr *>(&to->address), to->bytes) != 0 &&
	     errno != EINPROGRESS))
		return fail(errno, fmt::format("connect to {} port {}", address, port));
	return fd;
}

Result<UniqueFd> listen_for_peers(const std::string &address, std::uint16_t port)
{
	const auto at = numeric_address(address, port);
	if (!at)
		return tl::unexpected(at.error());
	UniqueFd fd(socket(at->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	const int one = 1;
	if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd.get(), reinterpret_cast<const sockaddr *>(&at->address), at->bytes) != 0 ||
	    listen(fd.get(), 16) != 0)
		return fail(errno, fmt::format("listen at {} port {}{}", address, port,
					       errno == EADDRNOTAVAIL
						       ? ", which is no address of this host"
						       : ""));
	return fd;
}

} // namespace swpath
