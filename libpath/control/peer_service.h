// SPDX-License-Identifier: LGPL-2.1-or-later
/// The answering side: what a peer's request means for this host's own paths and its server. Pure:
/// a request comes in with what the host knows of the disk, an answer or an order comes out; the
/// order's result becomes the answer.
///
/// What a peer may not have: a disk that is not meant to be served, one whose direct path is not
/// proved or whose unit goes through another host itself (two hosts that serve each other would
/// send I/O in a circle), a key that is not this host's; with reservations, an export to a copy of
/// this host, which has the same keys. Another peer's export it cannot name: who
/// asks is part of the name.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "libpath/base/instant.h"
#include "libpath/control/peer_message.h"
#include "libpath/control/peer_replays.h"
#include "libpath/policy/fence.h"
#include "libpath/unit/geometry.h"

namespace swpath
{

/// Of a peer that says it is the machine that this host is.
inline constexpr std::string_view same_machine = "two hosts have one /etc/machine-id, and so one "
						 "reservation key: on the copy, remove the file, "
						 "run systemd-machine-id-setup and restart pathd";

/// What this host knows of a disk, when a peer asks about it.
struct PeerDisk {
	bool direct = false;  ///< a direct path of this host is proved
	bool looped = false;  ///< its unit uses a served path now
	bool serving = false; ///< the server that exports it answers, or can be started
	bool reservations = false;
	bool lu_reset = false;
	Geometry geometry;
	std::vector<std::string> designators; ///< as PeerAnswer has them
	std::uint64_t key = 0;                ///< of the direct path; 0: none
	std::vector<std::uint64_t> keys;      ///< of all direct paths
	std::uint64_t epoch = 0; ///< newest of this peer's that was exported or revoked
};

/// What is to be done for a peer.
struct PeerOrder {
	enum class Kind : std::uint8_t {
		Export, ///< request.epoch of request.wwid, to `client` alone
		Revoke, ///< the same, and wait until it has drained
		Disk,   ///< `action` through this host's direct path
		Carry,  ///< request.key for `client`, see ClientKeys
	} kind = Kind::Disk;
	std::uint64_t token = 0; ///< to answer by
	std::string client;      ///< the peer's name
	PeerRequest request;
	FenceAction action{}; ///< Disk
	Duration limit{};     ///< an answer after this is of no use
};

class PeerService
{
public:
	explicit PeerService(PeerHello own) : own_(std::move(own)) {}

	struct Taken {
		std::optional<PeerAnswer> answer; ///< to be sent at once
		std::optional<PeerOrder> order;
		/// For the engine of the cluster. It may come twice: whoever asks does so again if
		/// the connection breaks before the answer.
		std::optional<std::string> cast;
		/// None: the same request runs, its answer will come.
	};
	/// A request of `client`, who said `hello` and is named `name` by its key. `disk`: of
	/// request.wwid, null if it is not served here.
	[[nodiscard]] Taken take(const PeerHello &hello, const std::string &name,
				 const PeerRequest &request, const PeerDisk *disk, Instant now);

	struct Done {
		PeerHello client; ///< every connection of it gets the answer
		PeerAnswer answer;
	};
	/// An order was carried out; verb and id of the answer are filled in. Nothing: the token is
	/// not known.
	[[nodiscard]] std::optional<Done> done(std::uint64_t token, PeerAnswer answer);

private:
	[[nodiscard]] PeerAnswer attest(const PeerDisk &disk) const;
	/// Why it is not done; nothing: it is.
	[[nodiscard]] std::optional<PeerAnswer>
	refuse(const PeerHello &hello, const PeerRequest &request, const PeerDisk &disk) const;

	PeerHello own_;
	PeerReplays replays_;
	std::optional<Instant> began_;
	std::uint64_t last_token_ = 0;
	struct Running {
		PeerHello client;
		PeerVerb verb = PeerVerb::Status;
		std::uint64_t id = 0;
	};
	std::map<std::uint64_t, Running> running_;
};

/// The status that tells a peer of an errno of FenceResult, so that errno_of() gives it back.
[[nodiscard]] PeerStatus peer_status_of(int error_number) noexcept;

} // namespace swpath
