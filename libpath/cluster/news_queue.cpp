// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/cluster/news_queue.h"

#include <utility>

namespace swpath
{
namespace
{

template <class T>
const std::size_t kind_of = MembersNews(T()).index();

} // namespace

void NewsQueue::remove(std::size_t kind)
{
	std::erase_if(waiting_, [&](const Waiting &each) { return each.kind == kind; });
	if (kind == kind_of<ClusterFrame>)
		frames_ = bytes_ = 0;
}

void NewsQueue::push(const MembersNews &news)
{
	Waiting next{news.index(), encode(news)};
	if (next.kind == kind_of<ClusterFrame>) {
		if (frames_ >= frames_max || bytes_ + next.packet.size() > bytes_max) {
			dropped_++;
			return;
		}
		frames_++;
		bytes_ += next.packet.size();
	} else {
		remove(next.kind);
	}
	if (next.kind == kind_of<Membership>)
		remove(kind_of<ClusterFrame>);
	waiting_.push_back(std::move(next));
}

const std::string *NewsQueue::front() const
{
	return waiting_.empty() ? nullptr : &waiting_.front().packet;
}

void NewsQueue::pop()
{
	if (waiting_.front().kind == kind_of<ClusterFrame>) {
		frames_--;
		bytes_ -= waiting_.front().packet.size();
	}
	waiting_.pop_front();
}

} // namespace swpath
