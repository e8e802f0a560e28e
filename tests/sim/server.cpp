// SPDX-License-Identifier: GPL-2.0-or-later
#include "server.h"

#include <algorithm>

namespace swpath::sim
{

namespace
{

constexpr Nanos watch_lasts = 1 * sec;

} // namespace

Epoch Server::open(std::uint64_t connection, Epoch epoch)
{
	if (epoch <= closed_)
		return closed_ + 1;
	sessions_[connection] = epoch;
	exported_ = std::max(exported_, epoch);
	context_.trace.say("server", "{} opens epoch {} for connection {}", process_.name(), epoch,
			   connection);
	return epoch;
}

void Server::watched(bool able, std::optional<Key> told)
{
	watched_at_ = context_.schedule.now();
	if (!able)
		watched_since_ = 0;
	else if (watched_since_ == 0 || told != told_)
		watched_since_ = watched_at_;
	told_ = told;
}

void Server::serve(std::uint64_t connection, const Request &request, Done reply)
{
	const auto session = sessions_.find(connection);
	if (session == sessions_.end())
		return;
	// A worker that is not scheduled for long is what a ghost is made of.
	const Nanos delay = context_.random.chance(0.01)
				    ? context_.random.between(100 * ms, 6 * sec)
				    : context_.random.between(5 * us, 100 * us);
	process_.after(delay,
		       [this, connection, epoch = session->second, request,
			reply = std::move(reply)] { submit(connection, epoch, request, reply); });
}

void Server::submit(std::uint64_t, Epoch epoch, const Request &request, Done reply)
{
	if (epoch <= closed_ && !context_.broken(Mutant::EPOCH_IGNORED)) {
		reply({.status = Status::Error});
		return;
	}
	if (request.user && told_ && watched_since_ != 0 &&
	    context_.schedule.now() - watched_at_ < watch_lasts)
		context_.checker.served(*told_, watched_since_);
	at_disk_[epoch]++;
	nexus_.revive();
	nexus_.send(request,
		    [this, epoch, request, when = cache_.sent(request), reply = std::move(reply),
		     boot = process_.boot()](const Answer &answer) {
			    if (boot == process_.boot()) {
				    process_.run([this, epoch, request, when, reply, answer] {
					    Answer told = answer;
					    cache_.passed(request, when, told);
					    reply(told);
					    ended(epoch);
				    });
			    } else {
				    ended(epoch);
			    }
		    });
}

void Server::ended(Epoch epoch)
{
	if (const auto count = at_disk_.find(epoch);
	    count != at_disk_.end() && --count->second == 0)
		at_disk_.erase(count);
	answer_waiters();
}

bool Server::quiet(Epoch epoch) const
{
	return context_.broken(Mutant::REVOKE_EARLY) || at_disk_.empty() ||
	       at_disk_.begin()->first > epoch;
}

void Server::revoke(Epoch epoch, std::function<void(Drained)> answer)
{
	closed_ = std::max(closed_, epoch);
	std::erase_if(sessions_, [this](const auto &s) { return s.second <= closed_; });
	waiters_.push_back({epoch, std::move(answer)});
	answer_waiters();
}

void Server::answer_waiters()
{
	for (std::size_t i = 0; i < waiters_.size();) {
		if (!quiet(waiters_[i].epoch)) {
			i++;
			continue;
		}
		const auto waiter = std::move(waiters_[i]);
		waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(i));
		const Drained drained{.in_doubt = nexus_.in_doubt() > 0 &&
						  !context_.broken(Mutant::REVOKE_TRUSTS_ERRORS)};
		context_.trace.say("server", "{} revoked epoch {}{}", process_.name(), waiter.epoch,
				   drained.in_doubt ? ", writes in doubt at its disk" : "");
		waiter.answer(drained);
	}
}

void Server::died(bool machine)
{
	sessions_.clear();
	waiters_.clear();
	exported_ = 0;
	if (machine) {
		at_disk_.clear();
		cache_.lose();
	}
}

} // namespace swpath::sim
