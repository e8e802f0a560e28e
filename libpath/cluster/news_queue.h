// SPDX-License-Identifier: LGPL-2.1-or-later
/// News that wait until pathd takes them. Pure and bounded: if it takes none for long, frames are
/// dropped (recoveries ask for what they lack), and of all else only the last is kept.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "libpath/cluster/members_message.h"

namespace swpath
{

class NewsQueue
{
public:
	static constexpr std::size_t frames_max = 4096;
	static constexpr std::size_t bytes_max = std::size_t(4) << 20;

	/// A membership voids what waits of the one before it: that, and the frames. A trouble
	/// takes the place of the one before it, an answer is there once.
	void push(const MembersNews &news);
	/// The packet to be offered next; null: there is none.
	[[nodiscard]] const std::string *front() const;
	void pop();
	/// Frames, for lack of room.
	[[nodiscard]] std::uint64_t dropped() const { return dropped_; }

private:
	struct Waiting {
		std::size_t kind; ///< index in MembersNews
		std::string packet;
	};
	void remove(std::size_t kind);

	std::deque<Waiting> waiting_;
	std::size_t frames_ = 0, bytes_ = 0; ///< of frames
	std::uint64_t dropped_ = 0;
};

} // namespace swpath
