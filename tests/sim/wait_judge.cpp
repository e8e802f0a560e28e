// SPDX-License-Identifier: GPL-2.0-or-later
#include "wait_judge.h"

#include <algorithm>

#include <fmt/core.h>

#include "libpath/policy/mount_verification.h"

namespace swpath::sim
{

namespace
{

/// A command that takes long may fail a check of a path that works, but not so many of them.
constexpr unsigned checks_max = 3;

} // namespace

WaitJudge::WaitJudge(Context &context, const UnitSetup &setup, const Kernel &kernel, Host &client,
		     Host &pathd, const Disk &disk, const std::vector<std::unique_ptr<Leg>> &legs)
	: context_(context), setup_(setup), kernel_(kernel), client_(client), pathd_(pathd),
	  disk_(disk), legs_(legs), works_since_(legs.size(), 0)
{
}

bool WaitJudge::works(unsigned path) const
{
	const auto &leg = *legs_[path];
	const auto &known = kernel_.core().paths[path];
	const bool withdrawn = known.state == SW_PATH_FAILED && known.reason == SW_REASON_OPERATOR;
	return leg.kind() == PathKind::DIRECT && leg.nexus().passes() && &leg.disk() == &disk_ &&
	       !disk_.stalls(leg.nexus().id()) && !withdrawn && leg.device() != 0 &&
	       kernel_.devices()[path] == leg.device();
}

/// Each check of it comes within the longest pause between two, and ends within its limit; then the
/// path may wait for a better one, and pathd for its next look. A fence of ours may have ordered
/// its key off the disk.
Nanos WaitJudge::enough() const
{
	const MvPolicy policy;
	const Nanos check = nanos(policy.retry_max) + setup_.command_limit + 1 * sec;
	const Nanos order = setup_.reservations ? nanos(policy.fence.order_life) : 0;
	return checks_max * check + nanos(policy.settle) + 1 * sec + order;
}

void WaitJudge::look()
{
	const Nanos now = context_.schedule.now();
	const auto &core = kernel_.core();
	const bool there = kernel_.running() && client_.up() && !client_.frozen() && pathd_.up() &&
			   !pathd_.frozen();
	const bool proving = there && core.state == SW_STATE_VERIFY &&
			     core.phase == SW_PHASE_PROVE && core.mv == mv_ &&
			     pathd_.boot() == boot_;
	if (!proving)
		proving_since_ = now;
	mv_ = core.mv;
	boot_ = pathd_.boot();
	for (unsigned i = 0; i < legs_.size(); i++) {
		if (!there || !works(i))
			works_since_[i] = now;
		const bool enough_alone = core.doubt == 0 || setup_.fence == Fence::DRAIN ||
					  core.current_path == static_cast<int>(i);
		const Nanos waited = now - std::max(works_since_[i], proving_since_);
		if (proving && enough_alone && waited > enough())
			context_.checker.expect(
				false, "P5",
				fmt::format("held, and path {} has worked for {} ms, with {} in "
					    "doubt",
					    i, waited / ms, core.doubt)
					.c_str());
	}
}

} // namespace swpath::sim
