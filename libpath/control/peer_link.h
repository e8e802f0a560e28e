// SPDX-License-Identifier: LGPL-2.1-or-later
/// A PeerSession over TLS with a pre-shared key, on a connected socket that never blocks. Who knows
/// the key is a member of the cluster; the name in front of the key is who it is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"
#include "libpath/control/peer_session.h"
#include "libpath/sys/key_file.h"

namespace swpath
{

/// The cluster's keys in memory, for both sides of a conversation: no handshake reads a file.
class PeerKeys
{
public:
	/// Reads the key file. `name`: this host, which asks with the first of its keys. Errors:
	/// those of KeyFile::read(); ENOKEY no line is this host's. BLOCKS while it is read.
	[[nodiscard]] static Result<std::shared_ptr<const PeerKeys>> load(const std::string &file,
									  const std::string &name);
	~PeerKeys();
	PeerKeys(const PeerKeys &) = delete;
	PeerKeys &operator=(const PeerKeys &) = delete;

	/// What this host asks with.
	[[nodiscard]] const PresharedKey &own() const noexcept;
	[[nodiscard]] const KeyFile &file() const noexcept;

private:
	friend class PeerLink;
	struct Credentials;
	explicit PeerKeys(std::unique_ptr<Credentials> credentials);
	std::unique_ptr<Credentials> credentials_;
};

/// A connection whose other end sends nothing for so long, not even TCP's own packets, or takes
/// nothing, is over.
inline constexpr int peer_silence_s = 12;

class PeerLink
{
public:
	/// `socket` is connected, or connecting, and O_NONBLOCK. Errors: EIO GnuTLS cannot begin.
	[[nodiscard]] static Result<std::unique_ptr<PeerLink>>
	create(UniqueFd socket, PeerSession::Side side, const PeerHello &own,
	       std::shared_ptr<const PeerKeys> keys, const PeerLimits &limits, Instant now);
	~PeerLink();
	PeerLink(const PeerLink &) = delete;
	PeerLink &operator=(const PeerLink &) = delete;

	[[nodiscard]] int fd() const;
	/// The loop must tell when the socket can be written to.
	[[nodiscard]] bool wants_write() const;
	[[nodiscard]] std::optional<Instant> deadline() const;

	/// Something happened to the socket, the deadline came, or there is something new to send:
	/// never waits. Errors: the conversation is over; one line says why. ECONNRESET the other
	/// side closed it; EPROTO and its kin of TLS and of PeerSession; ETIMEDOUT.
	[[nodiscard]] Result<std::vector<PeerEvent>> step(Instant now);

	/// To ask and to answer; then step().
	[[nodiscard]] PeerSession &session();
	/// The host whose key the other side has; empty before the handshake is done, and on the
	/// side that asks.
	[[nodiscard]] std::string peer_name() const;

private:
	struct State;
	explicit PeerLink(std::unique_ptr<State> state);
	std::unique_ptr<State> state_;
};

/// Connects without waiting: numeric addresses only ("127.0.0.1", "::1"). Errors: those of
/// socket(2) and connect(2); EINVAL not a numeric address.
[[nodiscard]] Result<UniqueFd> connect_peer(const std::string &address, std::uint16_t port);
/// A listening socket, O_NONBLOCK; port 0: any free one. Errors: those of bind(2).
[[nodiscard]] Result<UniqueFd> listen_for_peers(const std::string &address, std::uint16_t port);

} // namespace swpath
