// SPDX-License-Identifier: GPL-2.0-or-later
/// A fence between a direct path and two servers, whose orders are carried out in a world at once.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "libpath/policy/fence.h"
#include "tests/unit/policy/fence_world.h"
#include "tests/unit/policy/time_points.h"

namespace swpath::test
{

inline constexpr std::uint64_t key_direct = 0x5357000000000001, key_beta = 0x5357000000000002,
			       key_gamma = 0x5357000000000003;

/// Path 0: direct sda. Path 1: served by beta. Path 2: served by gamma. Everything possible
/// everywhere.
class FenceTest : public testing::Test
{
protected:
	FenceTest() { set_up(); }

	void set_up()
	{
		world_ = {};
		fencing_ = Fencing{FencePolicy{}};
		paths_[0] = {.kind = PathKind::DIRECT,
			     .reachable = true,
			     .reservations = true,
			     .lu_reset = true,
			     .key = key_direct,
			     .name = "sda"};
		paths_[1] = {.kind = PathKind::SERVED,
			     .server = 1,
			     .reachable = true,
			     .reservations = true,
			     .lu_reset = true,
			     .key = key_beta,
			     .export_epoch = 7,
			     .name = "beta"};
		paths_[2] = paths_[1];
		paths_[2].server = 2;
		paths_[2].key = key_gamma;
		paths_[2].name = "gamma";
		world_.nexuses = {{.key = key_direct},
				  {.key = key_beta, .served = true},
				  {.key = key_gamma, .served = true}};
		world_.registered = {{0, key_direct}, {1, key_beta}, {2, key_gamma}};
		world_.type = ReservationType::WriteExclusiveRegistrants;
		world_.holder = 0;
	}

	[[nodiscard]] FenceFacts facts(std::uint32_t old, std::optional<unsigned> target) const
	{
		return {.mv = 3, .old = old, .target = target, .paths = paths_};
	}
	/// Does everything that is asked for, in the world, at once; until there is a proof or
	/// nothing to do.
	std::optional<FenceProof> run(const FenceFacts &facts, Instant now)
	{
		for (unsigned round = 0; round < 50; round++) {
			const auto actions = fencing_.step(facts, now);
			if (auto proof = fencing_.proof(facts, now))
				return proof;
			if (actions.empty())
				return std::nullopt;
			for (const auto &action : actions) {
				did_.push_back(action.kind);
				FenceAnswer answer;
				if (const int error = world_.carry_out(action, answer))
					fencing_.failed(action.token, error, now);
				else
					fencing_.done(action.token, answer, now);
			}
		}
		return std::nullopt;
	}
	/// The same, as time goes by.
	std::optional<FenceProof> run_for(const FenceFacts &facts, double seconds)
	{
		for (double s = 0; s <= seconds; s += 0.1)
			if (auto proof = run(facts, at_s(s)))
				return proof;
		return std::nullopt;
	}

	std::array<FencePath, 3> paths_;
	FenceWorld world_;
	Fencing fencing_{FencePolicy{}};
	std::vector<FenceAction::Kind> did_;
};

} // namespace swpath::test
