// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/key_watch.h"

#include <algorithm>
#include <cerrno>

namespace swpath
{

namespace
{

using Kind = FenceAction::Kind;

/// It was refused, or not even begun.
bool is_over(int error_number)
{
	return error_number == ENOENT || error_number == EBADE || error_number == EOPNOTSUPP ||
	       error_number == EACCES || error_number == EAGAIN;
}

void at_least(std::optional<Instant> &time, Instant other)
{
	time = std::max(time.value_or(other), other);
}

} // namespace

void KeyWatch::look(std::span<const FencePath> paths, Instant now, Duration order_life)
{
	if (!earlier_)
		earlier_ = now + order_life;
	for (unsigned i = 0; i < paths.size() && i < needed_.size(); i++) {
		const auto &path = paths[i];
		const auto needed = path.export_key != 0 ? path.export_key : path.key;
		// The device of a path may be away, and its key is on the disk all the same.
		if (needed != 0)
			needed_[i] = needed;
		if (path.reservations)
			reserving_ |= 1U << i;
		for (const auto key : path.keys)
			note(key);
		note(path.key);
		note(needed);
	}
}

void KeyWatch::forget_paths()
{
	needed_ = {};
	reserving_ = 0;
}

/// No allocation for one that is known.
void KeyWatch::note(std::uint64_t key)
{
	if (key != 0 && !keys_.contains(key))
		keys_[key] = {};
}

KeyWatch::Order *KeyWatch::find(std::uint64_t token)
{
	const auto found = std::find_if(orders_.begin(), orders_.end(), [token](const Order &each) {
		return token != 0 && each.token == token;
	});
	return found == orders_.end() ? nullptr : &*found;
}

void KeyWatch::forget(Order &order)
{
	if (const auto key = keys_.find(order.victim); key != keys_.end())
		at_least(key->second.over, order.over);
	order = {};
}

void KeyWatch::ordered(const FenceAction &action, Instant now, Duration order_life)
{
	auto &order = orders_[next_++ % orders_.size()];
	forget(order);
	order = {.token = action.token,
		 .kind = action.kind,
		 .key = action.key,
		 .sent = now,
		 .over = now + order_life};
	if (action.kind == Kind::PreemptAbort) {
		order.victim = action.victim;
		note(order.victim);
	}
}

void KeyWatch::done(std::uint64_t token, const FenceAnswer &answer, Instant at)
{
	auto *order = find(token);
	if (order == nullptr)
		return;
	if (order->kind == Kind::ReadKeys)
		seen_keys(answer.keys, order->sent);
	if (order->kind == Kind::RegisterKey)
		seen(order->key, order->sent);
	order->over = at;
	forget(*order);
}

void KeyWatch::failed(std::uint64_t token, int error_number, Instant at)
{
	auto *order = find(token);
	if (order == nullptr || !is_over(error_number))
		return;
	order->over = at;
	forget(*order);
}

void KeyWatch::seen(std::uint64_t key, Instant began)
{
	if (const auto known = keys_.find(key); known != keys_.end())
		at_least(known->second.seen, began);
}

void KeyWatch::seen_keys(std::span<const std::uint64_t> keys, Instant began)
{
	for (const auto key : keys)
		seen(key, began);
}

std::optional<Instant> KeyWatch::over(unsigned path, bool fencing) const
{
	// On a disk without reservations a key is neither there nor needed.
	if (path >= needed_.size() || (reserving_ & 1U << path) == 0)
		return std::nullopt;
	std::optional<Instant> over;
	if (const auto known = keys_.find(needed_[path]); known != keys_.end())
		over = known->second.over;
	for (const auto &order : orders_)
		if (order.victim != 0 && order.victim == needed_[path])
			at_least(over, order.over);
	if (fencing && earlier_)
		at_least(over, *earlier_);
	return over;
}

bool KeyWatch::may_lack(unsigned path, bool fencing) const
{
	const auto taken = over(path, fencing);
	if (!taken)
		return false;
	const auto known = keys_.find(needed_[path]);
	return known == keys_.end() || !known->second.seen || *known->second.seen <= *taken;
}

} // namespace swpath
