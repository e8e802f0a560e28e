// SPDX-License-Identifier: LGPL-2.1-or-later
/// The asking side: one peer, to which a connection is kept. What is asked while there is none, or
/// has no answer when one breaks, is sent on the next with the same id, as long as its time lasts:
/// the peer does nothing twice.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "libpath/base/instant.h"
#include "libpath/config/cluster.h"
#include "libpath/control/peer_link.h"

namespace swpath
{

class PeerClient
{
public:
	static constexpr Duration retry_first = std::chrono::milliseconds(250);
	static constexpr Duration retry_max = std::chrono::seconds(5);

	/// An answer of the peer, of whatever status. Errors: ETIMEDOUT none came within the limit;
	/// EHOSTUNREACH the same, and there is no connection.
	using Answered = std::function<void(const Result<PeerAnswer> &)>;

	PeerClient(PeerConfig peer, PeerHello own, std::shared_ptr<const PeerKeys> keys)
		: peer_(std::move(peer)), own_(std::move(own)), keys_(std::move(keys))
	{
	}

	[[nodiscard]] const PeerConfig &peer() const { return peer_; }
	/// For connections from now on.
	void set_keys(std::shared_ptr<const PeerKeys> keys) { keys_ = std::move(keys); }
	/// The peer has said hello on the present connection.
	[[nodiscard]] bool reachable() const;
	/// Who it is; nothing: not reachable().
	[[nodiscard]] const PeerHello *hello() const;
	/// Why there is no connection, or why the last one ended; for people.
	[[nodiscard]] const std::string &trouble() const { return trouble_; }

	/// Asks. `answered` is called by a later step(), once. The request's id and deadline are
	/// filled in. Then step().
	void ask(PeerRequest request, Duration limit, Instant now, Answered answered);

	/// Ends the present connection: whoever is there has not answered for too long. What has no
	/// answer is asked again on the next one.
	void hang_up(const std::string &why, Instant now);
	/// The peer is there, for process `incarnation` of it has connected to this host: it is
	/// tried now, not when the pause after the last failure is over. True: what was on its way
	/// to it for longer than retry_first (a packet may have been lost before), or a connection
	/// to an earlier process, has ended, and begins anew.
	bool is_there(std::uint64_t incarnation, Instant now);
	/// It is not to be asked any more: what has no answer gets EHOSTUNREACH now.
	void end();

	/// Connects, sends, receives; never waits. True: whether it is reachable has changed, or
	/// why it is not.
	bool step(Instant now);
	[[nodiscard]] std::optional<Instant> deadline() const;
	/// -1: no connection.
	[[nodiscard]] int fd() const { return link_ ? link_->fd() : -1; }
	[[nodiscard]] bool wants_write() const { return link_ && link_->wants_write(); }

private:
	struct Asked {
		PeerRequest request;
		Instant until{};
		bool sent = false; ///< on the present connection
		Answered answered;
	};
	void connect(Instant now);
	void broken(const Error &error, Instant now);
	void send_waiting(Instant now);
	void take(const std::vector<PeerEvent> &events);
	void expire(Instant now);

	PeerConfig peer_;
	PeerHello own_;
	std::shared_ptr<const PeerKeys> keys_;
	std::unique_ptr<PeerLink> link_;
	std::map<std::uint64_t, Asked> asked_; ///< by id
	Duration retry_ = retry_first;
	Instant tried_{}, next_try_{};
	static constexpr auto not_tried = "not tried yet";
	bool was_reachable_ = false; ///< by the last step()
	std::string trouble_ = not_tried;
	std::string told_ = not_tried; ///< trouble_ by the last step()
};

} // namespace swpath
