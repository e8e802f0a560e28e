// SPDX-License-Identifier: GPL-2.0-or-later
/// The only source of chance in a run. The same seed gives the same numbers on every machine, which
/// the distributions of <random> do not promise.
#pragma once

#include <cstdint>

namespace swpath::sim
{

class Random
{
public:
	explicit Random(std::uint64_t seed) : state_(seed) {}

	/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
	std::uint64_t next()
	{
		std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		return z ^ (z >> 31);
	}
	/// 0 to n - 1; n > 0.
	std::uint64_t below(std::uint64_t n) { return next() % n; }
	/// low to high, both included.
	std::uint64_t between(std::uint64_t low, std::uint64_t high)
	{
		return low + below(high - low + 1);
	}
	bool chance(double p) { return static_cast<double>(next() >> 11) * 0x1p-53 < p; }

private:
	std::uint64_t state_;
};

} // namespace swpath::sim
