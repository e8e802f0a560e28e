// SPDX-License-Identifier: LGPL-2.1-or-later
/// Messages that wait until a cluster manager takes them. Pure and bounded: when it takes nothing
/// for long, frames are dropped (recoveries ask for what they lack), introductions are not.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "libpath/base/backoff.h"

namespace swpath
{

class SendQueue
{
public:
	static constexpr std::size_t frames_max = 65536;
	static constexpr std::size_t bytes_max = std::size_t(4) << 20;
	/// Between tries: flow control lasts for some turns of the token, or for as long as a new
	/// ring is formed.
	static constexpr Duration first = std::chrono::milliseconds(2);
	static constexpr Duration most = std::chrono::milliseconds(100);

	void push(std::string frame);
	/// Goes before all frames, and stays when they are dropped; twice the same is once.
	void push_introduction(std::string message);
	/// What waits is of a round that is over.
	void drop_frames();
	void clear();

	/// What is to be offered now; null: nothing, or not yet. Taken or refused follows.
	[[nodiscard]] const std::string *offer(Instant now) const;
	void taken();
	void refused(Instant now);

	/// When there is something to offer.
	[[nodiscard]] std::optional<Instant> next(Instant now) const;
	/// Times that something was refused.
	[[nodiscard]] std::uint64_t held_up() const { return held_up_; }
	/// Frames, for lack of room.
	[[nodiscard]] std::uint64_t dropped() const { return dropped_; }
	[[nodiscard]] bool empty() const { return introductions_.empty() && frames_.empty(); }

private:
	std::deque<std::string> introductions_, frames_;
	std::size_t bytes_ = 0;
	std::uint64_t held_up_ = 0, dropped_ = 0;
	Backoff pause_{first, most};
};

} // namespace swpath
