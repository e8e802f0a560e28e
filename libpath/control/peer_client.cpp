// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/peer_client.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include "libpath/base/earlier.h"

namespace swpath
{

namespace
{

/// Why whoever answers is not the peer `name`: one that has a key has those of all others, too.
std::optional<std::string> why_not(const PeerHello &own, const std::string &name,
				   const PeerHello &other)
{
	if (other.host == own.host && other.incarnation == own.incarnation)
		return "this host itself answers there; give the [[cluster.peer]] the other host's "
		       "address";
	if (other.name != name)
		return fmt::format("the host there calls itself '{}'; its name in [cluster] and "
				   "that of the [[cluster.peer]] here must be the same",
				   other.name);
	return std::nullopt;
}

/// Of the whole process, as the incarnation is: a peer at another address has another client, and
/// what that asks must not be taken for what an earlier one has asked.
std::uint64_t next_id()
{
	static std::atomic<std::uint64_t> last{0};
	return ++last;
}

} // namespace

bool PeerClient::reachable() const
{
	return link_ && link_->session().hello().has_value();
}

const PeerHello *PeerClient::hello() const
{
	return reachable() ? &*link_->session().hello() : nullptr;
}

void PeerClient::ask(PeerRequest request, Duration limit, Instant now, Answered answered)
{
	request.id = next_id();
	asked_[request.id] = {std::move(request), now + limit, false, std::move(answered)};
}

void PeerClient::connect(Instant now)
{
	tried_ = now;
	next_try_ = now + retry_;
	retry_ = std::min(2 * retry_, retry_max);
	auto socket = connect_peer(peer_.address.host, peer_.address.port);
	if (!socket)
		return broken(socket.error(), now);
	auto link =
		PeerLink::create(std::move(*socket), PeerSession::Side::Asks, own_, keys_, {}, now);
	if (!link)
		return broken(link.error(), now);
	link_ = std::move(*link);
	link_->session().judge_by([own = own_, name = peer_.name](const PeerHello &other) {
		return why_not(own, name, other);
	});
}

void PeerClient::broken(const Error &error, Instant now)
{
	// What a judge says is said in full.
	trouble_ = fmt::format("{} at {}: {}", peer_.name, peer_.address.text(),
			       error.code == std::errc::permission_denied ? error.context
									  : error.message());
	// One that worked is tried again at once, and then less and less often.
	if (reachable()) {
		retry_ = retry_first;
		next_try_ = now + retry_;
	}
	link_.reset();
	for (auto &[id, asked] : asked_)
		asked.sent = false;
}

void PeerClient::send_waiting(Instant now)
{
	for (auto &[id, asked] : asked_) {
		if (asked.sent || now >= asked.until)
			continue;
		const auto left =
			std::chrono::ceil<std::chrono::milliseconds>(asked.until - now).count();
		asked.request.deadline_ms = static_cast<std::uint32_t>(left);
		// No room now: when an answer has made some.
		if (!link_->session().ask(asked.request, now))
			break;
		asked.sent = true;
	}
}

void PeerClient::take(const std::vector<PeerEvent> &events)
{
	for (const auto &event : events) {
		if (event.kind != PeerEvent::Kind::Answer)
			continue;
		if (auto found = asked_.extract(event.answer.id))
			found.mapped().answered(event.answer);
	}
}

void PeerClient::expire(Instant now)
{
	// The callbacks may ask anew.
	std::vector<Answered> over;
	std::erase_if(asked_, [&](auto &entry) {
		if (now < entry.second.until)
			return false;
		over.push_back(std::move(entry.second.answered));
		return true;
	});
	for (const auto &answered : over)
		answered(reachable() ? fail(ETIMEDOUT, fmt::format("{} did not answer", peer_.name))
				     : fail(EHOSTUNREACH, trouble_));
}

void PeerClient::hang_up(const std::string &why, Instant now)
{
	if (link_)
		broken(Error{{ETIMEDOUT, std::generic_category()}, why}, now);
}

bool PeerClient::is_there(std::uint64_t incarnation, Instant now)
{
	const bool had_one = link_ != nullptr;
	if (reachable() && hello()->incarnation != incarnation)
		hang_up("it has been started anew", now);
	else if (reachable() || (had_one && now < tried_ + retry_first))
		return false;
	retry_ = retry_first;
	next_try_ = now;
	link_.reset();
	return had_one;
}

void PeerClient::end()
{
	link_.reset();
	for (const auto &[id, asked] : std::exchange(asked_, {}))
		asked.answered(
			fail(EHOSTUNREACH, fmt::format("{} is no peer any more", peer_.name)));
}

bool PeerClient::step(Instant now)
{
	const bool before = was_reachable_;
	if (!link_ && now >= next_try_)
		connect(now);
	// Twice: what an answer made somebody ask goes out with the next turn of the same step.
	for (unsigned turn = 0; link_ && turn < 2; turn++) {
		if (reachable())
			send_waiting(now);
		auto events = link_->step(now);
		if (!events) {
			broken(events.error(), now);
			break;
		}
		if (reachable() && !before) {
			retry_ = retry_first;
			trouble_.clear();
		}
		take(*events);
	}
	expire(now);
	was_reachable_ = reachable();
	const bool changed = before != was_reachable_ || told_ != trouble_;
	told_ = trouble_;
	return changed;
}

std::optional<Instant> PeerClient::deadline() const
{
	auto first = link_ ? link_->deadline() : next_try_;
	for (const auto &[id, asked] : asked_)
		first = earlier(first, asked.until);
	return first;
}

} // namespace swpath
