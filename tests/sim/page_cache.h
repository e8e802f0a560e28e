// SPDX-License-Identifier: GPL-2.0-or-later
/// What a server remembers that has not opened its disk O_DIRECT: blocks that were read once are
/// shown as they were then, whatever is written to the disk elsewhere. Writes go through it. With
/// all blocks remembered at once it is an old replica, brought up to date by nothing but its own
/// writes.
#pragma once

#include <array>
#include <optional>

#include "disk.h"

namespace swpath::sim
{

class PageCache
{
public:
	void begin() { on_ = true; }
	/// As it is now, all of it.
	void fill(const Disk &disk);
	/// The machine went down, or another server was started.
	void lose() { shown_.fill(std::nullopt); }
	void end()
	{
		lose();
		on_ = false;
	}
	[[nodiscard]] bool on() const { return on_; }
	[[nodiscard]] std::optional<Stamp> shown(std::uint32_t block) const
	{
		return shown_[block];
	}

	/// A request goes to the disk. Returns what passed() needs to know.
	std::uint64_t sent(const Request &request);
	/// The disk's answer to it becomes the server's.
	void passed(const Request &request, std::uint64_t when, Answer &answer);

private:
	Stamp read(std::uint32_t block, Stamp on_disk, std::uint64_t when);

	bool on_ = false;
	std::uint64_t writes_ = 0;
	std::array<std::uint64_t, block_count> written_{}; ///< the last of writes_
	std::array<std::optional<Stamp>, block_count> shown_{};
};

} // namespace swpath::sim
