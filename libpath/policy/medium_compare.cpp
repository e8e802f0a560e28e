// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/policy/medium_compare.h"

namespace swpath
{

std::array<std::optional<std::uint64_t>, landmark_count> landmarks(std::uint64_t capacity_bytes)
{
	std::array<std::optional<std::uint64_t>, landmark_count> offsets;
	const std::uint64_t blocks = capacity_bytes / landmark_bytes;
	if (blocks == 0)
		return offsets;
	std::optional<std::uint64_t> previous;
	for (std::size_t i = 0; i < landmark_count; i++) {
		const std::uint64_t block = (blocks - 1) / (landmark_count - 1) * i;
		const std::uint64_t place = i == landmark_count - 1 ? blocks - 1 : block;
		if (previous == place)
			continue;
		offsets[i] = place * landmark_bytes;
		previous = place;
	}
	return offsets;
}

void MediumCompare::add(unsigned path, const MediumSample &sample)
{
	if (path >= paths_.size())
		return;
	auto &seen = paths_[path];
	seen.before = seen.last;
	seen.last = sample;
}

void MediumCompare::forget(unsigned path)
{
	if (path >= paths_.size())
		return;
	auto &seen = paths_[path];
	const bool differed = seen.verdict == MediumVerdict::Differs;
	seen = {};
	if (differed)
		seen.verdict = MediumVerdict::Differs;
}

MediumVerdict MediumCompare::judge(unsigned reference, unsigned candidate)
{
	if (reference >= paths_.size() || candidate >= paths_.size() || reference == candidate)
		return MediumVerdict::Unknown;
	auto &seen = paths_[candidate];
	const auto &before = paths_[reference].before;
	const auto &after = paths_[reference].last;
	if (!seen.last || !before || !after || before->ended > seen.last->began ||
	    seen.last->ended > after->began)
		return MediumVerdict::Unknown;
	if (seen.judged == seen.last->began)
		return seen.verdict;
	seen.judged = seen.last->began;

	bool same = false;
	bool differs = false;
	for (std::size_t i = 0; i < landmark_count; i++) {
		const auto &shown = seen.last->digests[i];
		if (!shown || !before->digests[i] || !after->digests[i])
			continue;
		if (*shown == *before->digests[i] || *shown == *after->digests[i])
			same = true;
		else if (*before->digests[i] == *after->digests[i])
			differs = true;
	}
	if (differs) {
		if (++seen.strikes >= 2)
			seen.verdict = MediumVerdict::Differs;
	} else if (same) {
		seen.strikes = 0;
		seen.verdict = MediumVerdict::Same;
	}
	return seen.verdict;
}

MediumVerdict MediumCompare::verdict(unsigned path) const
{
	return path < paths_.size() ? paths_[path].verdict : MediumVerdict::Unknown;
}

} // namespace swpath
