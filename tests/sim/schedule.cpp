// SPDX-License-Identifier: GPL-2.0-or-later
#include "schedule.h"

#include <algorithm>

namespace swpath::sim
{

void Schedule::at(Nanos time, What what)
{
	heap_.push_back({std::max(time, now_), next_number_++, std::move(what)});
	std::push_heap(heap_.begin(), heap_.end(), later);
}

bool Schedule::step(Nanos until)
{
	if (heap_.empty() || heap_.front().time > until) {
		now_ = std::max(now_, until);
		return false;
	}
	std::pop_heap(heap_.begin(), heap_.end(), later);
	Entry entry = std::move(heap_.back());
	heap_.pop_back();
	now_ = entry.time;
	events_++;
	entry.what();
	return true;
}

} // namespace swpath::sim
