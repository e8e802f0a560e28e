// SPDX-License-Identifier: GPL-2.0-or-later
/// P5 while other things are broken: a hold does not go on for long when a direct path that works
/// is enough to end it, which is so if no write is in doubt, or if it is the very path that was
/// left. Served paths are not judged: what they have to prove first has no bound.
#pragma once

#include <memory>
#include <vector>

#include "kernel.h"

namespace swpath::sim
{

class WaitJudge
{
public:
	WaitJudge(Context &context, const UnitSetup &setup, const Kernel &kernel, Host &client,
		  Host &pathd, const Disk &disk, const std::vector<std::unique_ptr<Leg>> &legs);

	/// Every now and then.
	void look();

private:
	[[nodiscard]] bool works(unsigned path) const;
	[[nodiscard]] Nanos enough() const;

	Context &context_;
	const UnitSetup &setup_;
	const Kernel &kernel_;
	Host &client_;
	Host &pathd_;
	const Disk &disk_;
	const std::vector<std::unique_ptr<Leg>> &legs_;
	std::vector<Nanos> works_since_; ///< by path
	Nanos proving_since_ = 0;        ///< and pathd has been there
	std::uint64_t mv_ = 0;
	std::uint64_t boot_ = 0; ///< of pathd
};

} // namespace swpath::sim
