// SPDX-License-Identifier: GPL-2.0-or-later
/// Proofs in a world that does what it likes.
#include "libpath/policy/fence.h"

#include <array>
#include <deque>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/policy/fence_world.h"
#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using test::FenceWorld;

/// Whatever the disk, the servers and the network do, and whenever the daemon is killed: with a
/// proof that is not a person's word, no write of an old path changes the disk any more.
TEST(FenceProperty, NoProofLeavesAGhost)
{
	unsigned proofs = 0;
	const bool held = rc::check([&] {
		FenceWorld world;
		const auto count = *rc::gen::inRange(2U, 5U);
		std::array<FencePath, SW_PATHS_MAX> paths{};
		const std::array<const char *, 4> names{"a", "b", "c", "d"};
		const auto flags = *rc::gen::container<std::vector<std::uint32_t>>(
			count, rc::gen::arbitrary<std::uint32_t>());
		world.reservations = flags[0] % 4 != 0;
		for (unsigned i = 0; i < count; i++) {
			const bool served = (flags[i] >> 4 & 1) != 0;
			paths[i] = {.kind = served ? PathKind::SERVED : PathKind::DIRECT,
				    .server = served ? i + 1 : 0,
				    .reachable = (flags[i] >> 5 & 3) != 0,
				    .reservations = (flags[i] >> 7 & 3) != 0,
				    .lu_reset = (flags[i] >> 9 & 1) != 0,
				    .agent = served && (flags[i] >> 10 & 3) == 0,
				    .key = (flags[i] >> 12 & 7) != 0 ? 0x100 + i : 0,
				    .export_epoch = (flags[i] >> 15 & 3) != 0 ? 7U : 0U,
				    .name = names[i]};
			world.nexuses.push_back({.key = paths[i].key, .served = served});
			world.nexuses[i].queued = (flags[i] >> 17 & 1) != 0;
			// Only a server keeps to itself what its client was told nothing of.
			world.nexuses[i].parked = served && (flags[i] >> 18 & 1) != 0;
			if (paths[i].key != 0 && (flags[i] >> 19 & 3) != 0)
				world.registered[i] = paths[i].key;
		}
		if (world.reservations && (flags[0] >> 21 & 1) != 0 && !world.registered.empty()) {
			world.type = (flags[0] >> 22 & 1) != 0
					     ? ReservationType::WriteExclusiveRegistrants
					     : ReservationType::ExclusiveAccess;
			world.holder = world.registered.begin()->first;
		}
		const unsigned first_old = flags[1] % count;
		// A server cannot be asked whether it is rejected: that the disk keeps to its
		// standard is taken for granted there.
		world.enforces = world.nexuses[first_old].served || flags[0] % 5 != 1;
		FenceFacts facts{.mv = 1,
				 .old = 1U << first_old,
				 .target = (first_old + 1 + (flags[1] >> 8) % (count - 1)) % count,
				 .paths = std::span(paths).first(count)};

		Fencing fencing{FencePolicy{}};
		std::deque<FenceAction> sent;
		std::size_t orphans = 0;
		Instant now = test::t0;
		const auto moves =
			*rc::gen::resize(400, rc::gen::container<std::vector<std::uint32_t>>(
						      rc::gen::arbitrary<std::uint32_t>()));
		std::optional<FenceProof> proof;
		for (const auto move : moves) {
			const unsigned nexus = (move >> 8) % count;
			now += std::chrono::milliseconds((move >> 16) % 400);
			switch (move % 16) {
			case 0:
				world.arrive(nexus);
				break;
			case 1:
				world.execute(nexus);
				break;
			case 2:
				paths[nexus].reachable = !paths[nexus].reachable;
				break;
			case 3: // somebody takes a key away and aborts nothing
				if (world.holder != nexus)
					world.registered.erase(nexus);
				break;
			case 4: // killed: what it sent goes on, its answers find nobody
				fencing = Fencing{FencePolicy{}};
				orphans = sent.size();
				break;
			case 5:
				facts.mv++;
				break;
			default:
				if (sent.empty())
					break;
				const auto action = sent.front();
				sent.pop_front();
				const bool orphan = orphans > 0;
				orphans -= orphan ? 1 : 0;
				FenceAnswer answer;
				const bool arrives = (move >> 4 & 7) != 0;
				const int error = arrives ? world.carry_out(action, answer) : EIO;
				if (orphan || (move >> 4 & 7) == 1)
					break; // the answer is lost
				if (error != 0)
					fencing.failed(action.token, error, now);
				else
					fencing.done(action.token, answer, now);
				break;
			}
			for (const auto &action : fencing.step(facts, now)) {
				RC_ASSERT(action.mv == facts.mv);
				RC_ASSERT(action.path < count);
				sent.push_back(action);
			}
			proof = fencing.proof(facts, now);
			if (!proof)
				continue;
			proofs++;
			break;
		}
		if (!proof)
			return;
		RC_ASSERT(proof->method != Method::OPERATOR);
		RC_ASSERT(!world.ghost_possible(first_old));
	});
	EXPECT_TRUE(held);
	EXPECT_GT(proofs, 10U);
}

} // namespace
} // namespace swpath
