// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/send_queue.h"

#include <algorithm>
#include <utility>

namespace swpath
{

void SendQueue::push(std::string frame)
{
	if (frames_.size() >= frames_max || bytes_ + frame.size() > bytes_max) {
		dropped_++;
		return;
	}
	bytes_ += frame.size();
	frames_.push_back(std::move(frame));
}

void SendQueue::push_introduction(std::string message)
{
	if (std::find(introductions_.begin(), introductions_.end(), message) ==
	    introductions_.end())
		introductions_.push_back(std::move(message));
}

void SendQueue::drop_frames()
{
	frames_.clear();
	bytes_ = 0;
}

void SendQueue::clear()
{
	drop_frames();
	introductions_.clear();
	pause_.worked();
}

const std::string *SendQueue::offer(Instant now) const
{
	if (empty() || !pause_.due(now))
		return nullptr;
	return introductions_.empty() ? &frames_.front() : &introductions_.front();
}

void SendQueue::taken()
{
	pause_.worked();
	if (!introductions_.empty()) {
		introductions_.pop_front();
		return;
	}
	bytes_ -= frames_.front().size();
	frames_.pop_front();
}

void SendQueue::refused(Instant now)
{
	held_up_++;
	pause_.failed(now);
}

std::optional<Instant> SendQueue::next(Instant now) const
{
	if (empty())
		return std::nullopt;
	return pause_.next().value_or(now);
}

} // namespace swpath
