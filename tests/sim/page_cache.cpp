// SPDX-License-Identifier: GPL-2.0-or-later
#include "page_cache.h"

namespace swpath::sim
{

void PageCache::fill(const Disk &disk)
{
	for (std::uint32_t block = 0; block < block_count; block++)
		shown_[block] = disk.shown(block);
}

std::uint64_t PageCache::sent(const Request &request)
{
	if (request.op == Op::Write) {
		written_[request.block] = ++writes_;
		shown_[request.block].reset();
	}
	return writes_;
}

/// What a write has overtaken is not kept: a page cache shows what went through it.
Stamp PageCache::read(std::uint32_t block, Stamp on_disk, std::uint64_t when)
{
	if (shown_[block])
		return *shown_[block];
	if (written_[block] <= when)
		shown_[block] = on_disk;
	return on_disk;
}

void PageCache::passed(const Request &request, std::uint64_t when, Answer &answer)
{
	if (!on_ || answer.status != Status::Ok)
		return;
	switch (request.op) {
	case Op::Read: {
		const Stamp on_disk = answer.stamp;
		answer.stamp = read(request.block, on_disk, when);
		answer.stale = answer.stamp != on_disk;
		break;
	}
	case Op::Write:
		if (written_[request.block] == when)
			shown_[request.block] = request.stamp;
		break;
	case Op::Flush:
		break;
	case Op::Probe:
		for (std::size_t i = 0; i < landmark_count; i++)
			if (const auto place = landmarks(block_count * block_bytes)[i])
				answer.landmarks[i] =
					read(static_cast<std::uint32_t>(*place / block_bytes),
					     *answer.landmarks[i], when);
		for (auto &[block, stamp] : answer.places)
			stamp = read(block, stamp, when);
		break;
	}
}

} // namespace swpath::sim
