// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/peer_session.h"

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "libpath/base/earlier.h"

namespace swpath
{
namespace
{

/// The Hello's own id: no request has it.
constexpr std::uint64_t hello_id = 0;

std::uint64_t clock_of(Instant at)
{
	return static_cast<std::uint64_t>(at.time_since_epoch().count());
}

PeerAnswer too_late(PeerVerb verb, std::uint64_t id)
{
	PeerAnswer answer;
	answer.verb = verb;
	answer.id = id;
	answer.status = PeerStatus::Timeout;
	answer.text = "not done within the request's deadline";
	return answer;
}

} // namespace

PeerSession::PeerSession(Side side, PeerHello own, const PeerLimits &limits, Instant now)
	: side_(side), own_(std::move(own)), limits_(limits), began_(now)
{
	if (side_ != Side::Asks)
		return;
	PeerRequest request;
	request.verb = PeerVerb::Hello;
	request.id = hello_id;
	request.hello = own_;
	output_ += encode(request);
}

Result<void> PeerSession::greet(const PeerHello &other, std::vector<PeerEvent> &events)
{
	if (other_)
		return fail(EPROTO, "a second hello");
	if (other.version_min > own_.version_max || other.version_max < own_.version_min)
		return fail(EPROTONOSUPPORT,
			    fmt::format("'{}' speaks versions {} to {} of the peer protocol, this "
					"host {} to {}",
					other.name, other.version_min, other.version_max,
					own_.version_min, own_.version_max));
	if (const auto why_not = judge_ ? judge_(other) : std::nullopt)
		return fail(EACCES, *why_not);
	other_ = other;
	events.push_back({.kind = PeerEvent::Kind::Ready, .request = {}, .answer = {}});
	return {};
}

Result<void> PeerSession::take(const PeerFrame &frame, Instant now, std::vector<PeerEvent> &events)
{
	if (frame.request) {
		const auto &request = *frame.request;
		if (side_ == Side::Asks)
			return fail(EPROTO,
				    fmt::format("a request ('{}') from the side that answers",
						word(request.verb)));
		if (request.verb == PeerVerb::Hello) {
			// Told in any case, so that the other side can say why it ended.
			PeerAnswer answer;
			answer.verb = PeerVerb::Hello;
			answer.id = request.id;
			answer.hello = own_;
			auto greeted = greet(request.hello, events);
			if (!greeted && greeted.error().code == std::errc::permission_denied) {
				answer.status = PeerStatus::Refused;
				answer.text = greeted.error().context;
			}
			send(std::move(answer), now);
			return greeted;
		}
		if (!other_)
			return fail(EPROTO, fmt::format("'{}' before a hello", word(request.verb)));
		if (waiting_.size() >= limits_.requests_max)
			return fail(ENOBUFS, fmt::format("more than {} requests at once",
							 limits_.requests_max));
		// Whoever does not read cannot make us remember more.
		if (output_.size() > limits_.unread_bytes_max)
			return fail(ENOBUFS, fmt::format("{} bytes of answers are not read",
							 output_.size()));
		// The same id again, while the first one runs: it gets that one's answer.
		const auto sent = std::min(request.clock, clock_of(now));
		const auto until = Instant(Duration(static_cast<Duration::rep>(sent))) +
				   std::chrono::milliseconds(request.deadline_ms);
		if (waiting_.contains(request.id))
			return {};
		if (now >= until) {
			send(too_late(request.verb, request.id), now);
			return {};
		}
		waiting_[request.id] = {request, until};
		PeerEvent event{.kind = PeerEvent::Kind::Request, .request = request, .answer = {}};
		event.request.clock = clock_of(now);
		event.request.deadline_ms = static_cast<std::uint32_t>(
			std::chrono::ceil<std::chrono::milliseconds>(until - now).count());
		events.push_back(std::move(event));
		return {};
	}

	const auto &answer = *frame.answer;
	if (side_ == Side::Answers)
		return fail(EPROTO, "an answer from the side that asks");
	ahead_ns_ = answer.clock - clock_of(now);
	if (answer.verb == PeerVerb::Hello)
		return answer.status == PeerStatus::Ok
			       ? greet(answer.hello, events)
			       : fail(EACCES, fmt::format("it says: {}", answer.text));
	if (!other_)
		return fail(EPROTO, "an answer before a hello");
	const auto found = waiting_.find(answer.id);
	// It may be one that has expired.
	if (found == waiting_.end())
		return {};
	if (found->second.request.verb != answer.verb)
		return fail(EPROTO,
			    fmt::format("'{}' is answered as '{}'",
					word(found->second.request.verb), word(answer.verb)));
	waiting_.erase(found);
	events.push_back({.kind = PeerEvent::Kind::Answer, .request = {}, .answer = answer});
	return {};
}

Result<std::vector<PeerEvent>> PeerSession::feed(std::string_view bytes, Instant now)
{
	std::vector<PeerEvent> events;
	input_ += bytes;
	std::size_t used = 0;
	while (used < input_.size()) {
		const auto frame = decode_peer_frame(std::string_view(input_).substr(used));
		if (!frame)
			return tl::unexpected(frame.error());
		if (!*frame)
			break;
		used += (*frame)->bytes;
		frame_began_.reset();
		if (auto taken = take(**frame, now, events); !taken)
			return tl::unexpected(taken.error());
	}
	input_.erase(0, used);
	if (input_.empty())
		frame_began_.reset();
	else if (!frame_began_)
		frame_began_ = now;
	return events;
}

Result<std::vector<PeerEvent>> PeerSession::tick(Instant now)
{
	std::vector<PeerEvent> events;
	if (!other_ && now >= began_ + limits_.hello)
		return fail(ETIMEDOUT, "no hello");
	if (frame_began_ && now >= *frame_began_ + limits_.frame)
		return fail(ETIMEDOUT, "a message that does not end");
	for (auto at = waiting_.begin(); at != waiting_.end();) {
		if (now < at->second.until) {
			++at;
			continue;
		}
		// To be answered: the worker may hang, the client is told in time.
		if (side_ == Side::Answers) {
			send(too_late(at->second.request.verb, at->first), now);
		} else {
			events.push_back({.kind = PeerEvent::Kind::Expired,
					  .request = at->second.request,
					  .answer = {}});
		}
		at = waiting_.erase(at);
	}
	return events;
}

std::optional<Instant> PeerSession::deadline() const
{
	std::optional<Instant> first;
	const auto consider = [&](Instant at) { first = earlier(first, at); };
	if (!other_)
		consider(began_ + limits_.hello);
	if (frame_began_)
		consider(*frame_began_ + limits_.frame);
	for (const auto &[id, waiting] : waiting_)
		consider(waiting.until);
	return first;
}

Result<void> PeerSession::ask(PeerRequest request, Instant now)
{
	if (side_ != Side::Asks || !other_)
		return fail(ENOTCONN, "ask a peer that has not said hello");
	if (waiting_.size() >= limits_.requests_max)
		return fail(ENOBUFS, "too many requests without an answer");
	request.clock = clock_of(now) + ahead_ns_;
	waiting_[request.id] = {request, now + std::chrono::milliseconds(request.deadline_ms)};
	output_ += encode(request);
	return {};
}

void PeerSession::send(PeerAnswer answer, Instant now)
{
	answer.clock = clock_of(now);
	output_ += encode(answer);
}

void PeerSession::answer(PeerAnswer answer, Instant now)
{
	const auto found = waiting_.find(answer.id);
	if (side_ != Side::Answers || found == waiting_.end() || now >= found->second.until)
		return;
	waiting_.erase(found);
	send(std::move(answer), now);
}

} // namespace swpath
