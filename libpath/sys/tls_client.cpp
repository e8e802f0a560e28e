// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/tls_client.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>

#include <fmt/core.h>
#include <gnutls/gnutls.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "libpath/base/unique_fd.h"
#include "libpath/sys/clock.h"

#ifndef SOL_TLS
#define SOL_TLS 282 // linux/socket.h, which C libraries do not have
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif

namespace swpath
{
namespace
{

constexpr const char *priority = "NONE:+VERS-TLS1.2:+DHE-PSK:+AES-128-GCM:+AEAD:+SIGN-ALL:"
				 "+GROUP-FFDHE2048:+GROUP-FFDHE3072:+GROUP-FFDHE4096";

using Session = UniquePtr<std::remove_pointer_t<gnutls_session_t>, &gnutls_deinit>;
using Credentials = UniquePtr<std::remove_pointer_t<gnutls_psk_client_credentials_t>,
			      &gnutls_psk_free_client_credentials>;

Result<void> handshake(gnutls_session_t session, int fd, Instant deadline)
{
	for (;;) {
		const int done = gnutls_handshake(session);
		if (done == GNUTLS_E_SUCCESS)
			return {};
		if (done != GNUTLS_E_AGAIN && done != GNUTLS_E_INTERRUPTED &&
		    gnutls_error_is_fatal(done)) {
			// What a server does about a wrong key: nbdkit hangs up, others send an
			// alert.
			if (done == GNUTLS_E_PREMATURE_TERMINATION)
				return fail(EACCES,
					    "TLS handshake (the server hung up, as one does that "
					    "has another key)");
			if (done != GNUTLS_E_FATAL_ALERT_RECEIVED)
				return fail(EPROTO, fmt::format("TLS handshake ({})",
								gnutls_strerror(done)));
			const auto alert = gnutls_alert_get(session);
			const bool key = alert == GNUTLS_A_DECRYPT_ERROR ||
					 alert == GNUTLS_A_BAD_RECORD_MAC ||
					 alert == GNUTLS_A_UNKNOWN_PSK_IDENTITY;
			return fail(key ? EACCES : EPROTO,
				    fmt::format("TLS handshake (the server says: {})",
						gnutls_alert_get_name(alert)));
		}
		const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
		if (left.count() <= 0)
			return fail(ETIMEDOUT, "TLS handshake");
		const short wanted = gnutls_record_get_direction(session) ? POLLOUT : POLLIN;
		pollfd watched{fd, wanted, 0};
		(void)::poll(&watched, 1,
			     static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
	}
}

/// One direction's keys as the kernel wants them. The explicit part of the nonce begins with the
/// sequence number, as in GnuTLS itself; RFC 5288 asks only that it does not repeat.
Result<tls12_crypto_info_aes_gcm_128> keys_of(gnutls_session_t session, bool reading)
{
	gnutls_datum_t mac{}, salt{}, key{};
	unsigned char sequence[8] = {};
	if (const int error =
		    gnutls_record_get_state(session, reading, &mac, &salt, &key, sequence);
	    error != GNUTLS_E_SUCCESS)
		return fail(EPROTO, fmt::format("take the TLS keys ({})", gnutls_strerror(error)));
	tls12_crypto_info_aes_gcm_128 info{};
	if (salt.size < sizeof(info.salt) || key.size != sizeof(info.key))
		return fail(EPROTO, "take the TLS keys: not those of AES-128-GCM");
	info.info.version = TLS_1_2_VERSION;
	info.info.cipher_type = TLS_CIPHER_AES_GCM_128;
	std::memcpy(info.salt, salt.data, sizeof(info.salt));
	std::memcpy(info.key, key.data, sizeof(info.key));
	std::memcpy(info.iv, sequence, sizeof(info.iv));
	std::memcpy(info.rec_seq, sequence, sizeof(info.rec_seq));
	return info;
}

} // namespace

Result<void> start_tls(int fd, const PresharedKey &key, Instant deadline)
{
	gnutls_session_t raw_session = nullptr;
	gnutls_psk_client_credentials_t raw_credentials = nullptr;
	if (gnutls_init(&raw_session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
		return fail(ENOMEM, "TLS session");
	const Session session(raw_session);
	if (gnutls_psk_allocate_client_credentials(&raw_credentials) < 0)
		return fail(ENOMEM, "TLS session");
	const Credentials credentials(raw_credentials);
	const gnutls_datum_t secret{const_cast<unsigned char *>(key.key.data()),
				    static_cast<unsigned>(key.key.size())};
	int error = gnutls_priority_set_direct(session.get(), priority, nullptr);
	if (error >= 0)
		error = gnutls_psk_set_client_credentials(credentials.get(), key.user.c_str(),
							  &secret, GNUTLS_PSK_KEY_RAW);
	if (error >= 0)
		error = gnutls_credentials_set(session.get(), GNUTLS_CRD_PSK, credentials.get());
	if (error < 0)
		return fail(EPROTO, fmt::format("TLS session ({})", gnutls_strerror(error)));
	gnutls_transport_set_int(session.get(), fd);
	if (auto done = handshake(session.get(), fd, deadline); !done)
		return done;

	// The session goes without a word to the server: its keys live on in the kernel.
	const auto sending = keys_of(session.get(), false);
	const auto receiving = keys_of(session.get(), true);
	if (!sending || !receiving)
		return tl::unexpected((sending ? receiving : sending).error());
	if (::setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) < 0)
		return fail(errno == ENOENT ? ENOPROTOOPT : errno,
			    "give the connection to the kernel's TLS (modprobe tls)");
	if (::setsockopt(fd, SOL_TLS, TLS_RX, &*receiving, sizeof(*receiving)) < 0 ||
	    ::setsockopt(fd, SOL_TLS, TLS_TX, &*sending, sizeof(*sending)) < 0)
		return fail(errno, "give the keys to the kernel's TLS");
	return {};
}

} // namespace swpath
