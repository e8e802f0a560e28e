// SPDX-License-Identifier: GPL-2.0-or-later
/// The mount verification of a unit with a direct path and a served one.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libpath/policy/mount_verification.h"
#include "tests/unit/policy/time_points.h"
#include "tests/unit/policy/unit_status_maker.h"

namespace swpath::test
{

class Mv : public testing::Test
{
protected:
	MountVerification mv_{MvPolicy{}};
	std::array<MvCandidate, 2> candidates_{MvCandidate{"sda", MonitorState::Failed, {}},
					       MvCandidate{"nbd0", MonitorState::Ok, {}}};

	std::vector<MvAction> step(const UnitStatus &status, double s)
	{
		const auto actions = mv_.step(status, candidates_, at_s(s));
		return {actions.begin(), actions.end()};
	}
	std::string waits(const UnitStatus &status, double s)
	{
		return mv_.waiting_for(status, candidates_, at_s(s));
	}
	static unsigned count(const std::vector<MvAction> &actions, MvAction::Kind kind)
	{
		unsigned n = 0;
		for (const auto &action : actions)
			n += action.kind == kind;
		return n;
	}
	static const MvAction *find(const std::vector<MvAction> &actions, MvAction::Kind kind)
	{
		for (const auto &action : actions)
			if (action.kind == kind)
				return &action;
		return nullptr;
	}
};

} // namespace swpath::test
