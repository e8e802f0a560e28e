// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/hints/lock_keeper.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "libpath/base/earlier.h"

namespace swpath
{

Result<void> LockKeeper::publish(const LockBytes &bytes, Instant deadline)
{
	if (!told_ || released_)
		return fail(ENOENT, "it is not held");
	if (wish_)
		return fail(EBUSY, "it is being published");
	wish_ = Wish{bytes, deadline};
	return {};
}

LockKeeperStep LockKeeper::completed(int error, const LockValue &value, Instant now)
{
	LockKeeperStep out;
	const auto request = std::exchange(asked_, std::nullopt);
	if (!request)
		return out;
	if (error == 0)
		granted(out, *request, value, now);
	else
		refused(out, *request, error, now);
	decide(out, now);
	return out;
}

LockKeeperStep LockKeeper::blocked(Instant now)
{
	LockKeeperStep out;
	// Exclusive is left at once anyway; and what is said of a mode that is already being left
	// is stale. What counts is said to a Shared that stays, or that is going up and may be
	// refused.
	if (mode_ == LockMode::Shared && (!asked_ || asked_->to == LockMode::Exclusive))
		in_the_way_ = true;
	decide(out, now);
	return out;
}

LockKeeperStep LockKeeper::step(Instant now)
{
	LockKeeperStep out;
	decide(out, now);
	return out;
}

void LockKeeper::granted(LockKeeperStep &out, const LockRequest &request, const LockValue &value,
			 Instant now)
{
	mode_ = request.to;
	in_the_way_ = false;
	switch (request.to) {
	case LockMode::None:
		break;
	case LockMode::Null:
		shared_at_ = now + step_back;
		break;
	case LockMode::Exclusive:
		found_ = value;
		break;
	case LockMode::Shared:
		if (request.write) {
			told_ = LockValue{*request.write, true};
			out.news.push_back({LockEventKind::Published, *told_, 0});
			break;
		}
		// Down from Exclusive nothing is read: the value is what was found there.
		const auto &read = request.from == LockMode::Exclusive ? found_ : value;
		if (!told_)
			out.news.push_back({LockEventKind::Held, read, 0});
		else if (*told_ != read)
			out.news.push_back({LockEventKind::Changed, read, 0});
		told_ = read;
		break;
	}
}

void LockKeeper::refused(LockKeeperStep &out, const LockRequest &request, int error, Instant now)
{
	if (request.to == LockMode::Exclusive && (error == EAGAIN || error == EDEADLK)) {
		up_at_ = soon(now);
		return;
	}
	// Whether a value was written cannot be known then: the next reading says.
	not_before_ = now + error_pause;
	out.news.push_back({LockEventKind::Failed, {}, error});
}

void LockKeeper::ask(LockKeeperStep &out, LockMode to, bool no_queue)
{
	asked_ = LockRequest{mode_, to, no_queue, std::nullopt};
	out.request = asked_;
}

void LockKeeper::decide(LockKeeperStep &out, Instant now)
{
	if (wish_ && now >= wish_->deadline) {
		wish_.reset();
		out.news.push_back({LockEventKind::Failed, {}, ETIMEDOUT});
	}
	if (asked_ || now < not_before_)
		return;
	if (released_) {
		if (mode_ != LockMode::None)
			ask(out, LockMode::None);
		return;
	}
	switch (mode_) {
	case LockMode::None:
		ask(out, LockMode::Shared);
		return;
	case LockMode::Exclusive:
		ask(out, LockMode::Shared);
		if (!wish_)
			return;
		if (found_ == *told_) {
			asked_->write = wish_->bytes;
			out.request = asked_;
		} else {
			told_ = found_;
			out.news.push_back({LockEventKind::Overtaken, found_, 0});
		}
		wish_.reset();
		return;
	case LockMode::Shared:
		if (in_the_way_)
			ask(out, LockMode::Null);
		else if (wish_ && now >= up_at_)
			ask(out, LockMode::Exclusive, true);
		return;
	case LockMode::Null:
		if (wish_ && now >= up_at_)
			ask(out, LockMode::Exclusive, true);
		else if (now >= shared_at_)
			ask(out, LockMode::Shared);
		return;
	}
}

std::optional<Instant> LockKeeper::next() const
{
	std::optional<Instant> at;
	const auto consider = [&](Instant other) { at = earlier(at, other); };
	if (wish_)
		consider(wish_->deadline);
	if (asked_ || gone())
		return at;
	if (released_ || mode_ == LockMode::None || mode_ == LockMode::Exclusive || in_the_way_)
		consider(not_before_);
	if (wish_)
		consider(std::max(up_at_, not_before_));
	if (mode_ == LockMode::Null)
		consider(std::max(shared_at_, not_before_));
	return at;
}

Instant LockKeeper::soon(Instant now)
{
	std::uniform_int_distribution<Duration::rep> pause(retry_min.count(), retry_max.count());
	return now + Duration(pause(random_));
}

} // namespace swpath
