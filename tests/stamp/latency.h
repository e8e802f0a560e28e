// SPDX-License-Identifier: GPL-2.0-or-later
/// How long the caller waited: each I/O, and between one completion and the next.
#pragma once

#include <cstdint>
#include <vector>

namespace swpath::stamp
{

class Latency
{
public:
	/// One I/O came back. Times in nanoseconds of one clock; `end` may jump back a little from
	/// call to call, as threads race.
	void completed(std::uint64_t begin, std::uint64_t end);

	[[nodiscard]] std::uint64_t count() const { return us_.size(); }
	[[nodiscard]] double longest_ms() const { return static_cast<double>(longest_ns_) / 1e6; }
	/// Longest time without any completion, from the first one on.
	[[nodiscard]] double gap_ms() const { return static_cast<double>(gap_ns_) / 1e6; }
	/// The latency that `percent` of the I/Os did not exceed; 0 if there were none.
	[[nodiscard]] double percentile_ms(double percent) const;

private:
	std::vector<std::uint32_t> us_;
	std::uint64_t longest_ns_ = 0;
	std::uint64_t gap_ns_ = 0;
	std::uint64_t last_end_ = 0;
};

} // namespace swpath::stamp
