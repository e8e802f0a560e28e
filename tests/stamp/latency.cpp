// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stamp/latency.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace swpath::stamp
{

void Latency::completed(std::uint64_t begin, std::uint64_t end)
{
	const std::uint64_t took = end - begin;
	longest_ns_ = std::max(longest_ns_, took);
	us_.push_back(static_cast<std::uint32_t>(
		std::min<std::uint64_t>(took / 1000, std::numeric_limits<std::uint32_t>::max())));
	if (last_end_ != 0 && end > last_end_)
		gap_ns_ = std::max(gap_ns_, end - last_end_);
	last_end_ = std::max(last_end_, end);
}

double Latency::percentile_ms(double percent) const
{
	if (us_.empty())
		return 0;
	auto sorted = us_;
	const auto rank = static_cast<std::size_t>(
		std::ceil(percent / 100 * static_cast<double>(sorted.size())));
	const auto at =
		sorted.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
	std::nth_element(sorted.begin(), at, sorted.end());
	return *at / 1000.0;
}

} // namespace swpath::stamp
