// SPDX-License-Identifier: LGPL-2.1-or-later
/// One conversation between two pathds: bytes in, events out. Both sides begin with a Hello; the
/// side that connected asks, the other answers. Pure: the time comes with every call.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/base/instant.h"
#include "libpath/base/result.h"
#include "libpath/control/peer_message.h"

namespace swpath
{

struct PeerLimits {
	Duration hello = std::chrono::seconds(5); ///< from the connection to the other's Hello
	Duration frame = std::chrono::seconds(5); ///< from a frame's first byte to its last
	std::size_t requests_max = 64;            ///< that have no answer yet
	std::size_t unread_bytes_max = 1U << 20;  ///< of answers that have not left
};

struct PeerEvent {
	enum class Kind : std::uint8_t {
		Ready,   ///< the other side said who it is: hello()
		Request, ///< to be answered; its deadline is what is left of it
		Answer,  ///< to a request of ours
		Expired, ///< a request of ours has had no answer within its deadline
	} kind = Kind::Ready;
	PeerRequest request; ///< Request; Expired: the one that was sent
	PeerAnswer answer;
};

class PeerSession
{
public:
	enum class Side : std::uint8_t { Asks, Answers };

	/// Why the other side, which says that it is this, is not wanted, for people on either
	/// side; nothing: it is.
	using Judge = std::function<std::optional<std::string>(const PeerHello &)>;

	PeerSession(Side side, PeerHello own, const PeerLimits &limits, Instant now);

	/// Who is asked about the other side when it has said hello; without one all are wanted.
	void judge_by(Judge judge) { judge_ = std::move(judge); }

	/// Bytes came. Errors: the connection must be closed; the context says why, in one line:
	/// those of decode_peer_frame(); EPROTO a message that has no place here; EPROTONOSUPPORT
	/// no version in common; EACCES the judge, here or there, does not want the other side;
	/// ENOBUFS more requests at once than requests_max, or more to come while
	/// unread_bytes_max of answers wait. What is left of output() may still go.
	[[nodiscard]] Result<std::vector<PeerEvent>> feed(std::string_view bytes, Instant now);
	/// Time went by. Errors: ETIMEDOUT, the connection must be closed: no Hello, or a frame
	/// that does not end.
	[[nodiscard]] Result<std::vector<PeerEvent>> tick(Instant now);
	/// When tick() has something to do; nothing: nothing is waited for.
	[[nodiscard]] std::optional<Instant> deadline() const;

	/// Sends a request; request.id must be new, or one of a connection before that had no
	/// answer. Errors: ENOTCONN not Ready; ENOBUFS.
	[[nodiscard]] Result<void> ask(PeerRequest request, Instant now);
	/// Answers a request. One that came too late is not sent: the client has forgotten it.
	void answer(PeerAnswer answer, Instant now);

	/// Who the other side is; only when Ready.
	[[nodiscard]] const std::optional<PeerHello> &hello() const { return other_; }
	/// Bytes to send; the caller takes from the front what was sent.
	[[nodiscard]] std::string &output() { return output_; }

private:
	struct Waiting {
		PeerRequest request;
		Instant until{};
	};
	[[nodiscard]] Result<void> take(const PeerFrame &frame, Instant now,
					std::vector<PeerEvent> &events);
	void send(PeerAnswer answer, Instant now);
	[[nodiscard]] Result<void> greet(const PeerHello &other, std::vector<PeerEvent> &events);

	Side side_;
	PeerHello own_;
	PeerLimits limits_;
	Judge judge_;
	Instant began_;
	std::optional<PeerHello> other_;
	std::optional<Instant> frame_began_;
	std::string input_, output_;
	/// What the clock of the host that is asked shows more than ours, by its newest answer;
	/// less by the time that this was on its way, so what is sent is believed to be older
	/// than it is.
	std::uint64_t ahead_ns_ = 0;
	std::map<std::uint64_t, Waiting>
		waiting_; ///< by id: asked and not answered, or to be answered
};

} // namespace swpath
