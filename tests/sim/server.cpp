// SPDX-License-Identifier: GPL-2.0-or-later
#include "server.h"

#include <algorithm>
#include <iterator>

namespace swpath::sim
{

namespace
{

constexpr Nanos watch_lasts = 1 * sec;

} // namespace

Nexus &Server::nexus() const
{
	const auto good = std::find_if(ways_.begin(), ways_.end(),
				       [this](const Nexus *way) { return proved(*way); });
	return good == ways_.end() ? *ways_.front() : **good;
}

Nexus &Server::nexus_of(Epoch epoch) const
{
	const auto found = exports_.find(epoch);
	return found == exports_.end() ? nexus() : *found->second;
}

Epoch Server::open(std::uint64_t connection, Epoch epoch)
{
	if (epoch <= closed_)
		return closed_ + 1;
	sessions_[connection] = epoch;
	exported_ = std::max(exported_, epoch);
	if (lost_.try_emplace(epoch, 0).second)
		exports_[epoch] = &nexus();
	context_.trace.say("server", "{} opens epoch {} by nexus {} for connection {}",
			   process_.name(), epoch, nexus_of(epoch).id(), connection);
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
	const auto number = next_number_++;
	auto &nexus = nexus_of(epoch);
	at_disk_[number] = {epoch, &nexus, std::nullopt};
	if (request.user && request.op == Op::Write)
		at_disk_[number].opening = request.opening;
	nexus.revive();
	nexus.send(request, [this, epoch, number, &nexus, request, when = cache_.sent(request),
			     reply = std::move(reply),
			     boot = process_.boot()](const Answer &answer) {
		if (boot != process_.boot())
			return ended(number);
		at_disk_[number].back = true;
		process_.run([this, epoch, number, &nexus, request, when, reply, answer] {
			Answer told = answer;
			cache_.passed(request, when, told);
			if (path_error(answer.status)) {
				lost_[epoch]++;
				if (const auto opening = at_disk_[number].opening)
					context_.checker.server_lost(nexus.id(), *opening, false);
			}
			reply(told);
			ended(number);
		});
	});
}

bool Server::is_free(const Nexus &way) const
{
	return std::none_of(exports_.begin(), exports_.end(),
			    [&](const auto &each) {
				    return each.first > closed_ && each.first <= exported_ &&
					   each.second == &way;
			    }) &&
	       std::none_of(at_disk_.begin(), at_disk_.end(),
			    [&](const auto &each) { return each.second.nexus == &way; });
}

void Server::ended(std::uint64_t number)
{
	at_disk_.erase(number);
	answer_waiters();
}

bool Server::quiet(Epoch epoch) const
{
	return context_.broken(Mutant::REVOKE_EARLY) ||
	       std::none_of(at_disk_.begin(), at_disk_.end(),
			    [epoch](const auto &each) { return each.second.epoch <= epoch; });
}

/// An earlier process knows, and nobody can ask it any more.
std::uint64_t Server::lost_by(Epoch epoch) const
{
	if (context_.broken(Mutant::REVOKE_TRUSTS_ERRORS))
		return 0;
	const auto after = lost_.upper_bound(epoch);
	return after == lost_.begin() ? 1 : std::prev(after)->second;
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
		const Drained drained{.lost = lost_by(waiter.epoch)};
		context_.trace.say("server", "{} revoked epoch {}, {} lost", process_.name(),
				   waiter.epoch, drained.lost);
		waiter.answer(drained);
	}
}

void Server::died(bool machine)
{
	sessions_.clear();
	waiters_.clear();
	exported_ = 0;
	lost_.clear();
	for (const auto &[number, each] : at_disk_)
		if (each.opening)
			context_.checker.server_lost(each.nexus->id(), *each.opening, machine);
	std::erase_if(at_disk_,
		      [machine](const auto &each) { return machine || each.second.back; });
	if (machine)
		cache_.lose();
}

} // namespace swpath::sim
