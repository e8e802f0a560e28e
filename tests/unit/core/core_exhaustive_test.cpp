// SPDX-License-Identifier: GPL-2.0-or-later
/// All sequences of events up to a stated length, for 2 paths and 3 bios (two writes, one read).
///
/// Sequences that lead to the same state go on alike, so only one of them is followed: what is
/// visited is every state that any sequence of that length can reach.
#include <cstdio>
#include <string>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

#include "world.h"

namespace swpath::test
{
namespace
{

struct Visited {
	std::uint32_t parent;
	std::uint16_t event;
};

class Search
{
public:
	explicit Search(enum sw_fence fence, bool hold) : start_(fence, hold) {}

	/// Number of states reached by at most `depth` events; fails the test at a broken promise.
	std::size_t run(unsigned depth)
	{
		add(start_.key(), {0, 0});
		std::vector<std::uint32_t> level = {0};
		for (unsigned i = 0; i < depth && !level.empty() && !::testing::Test::HasFailure();
		     i++)
			level = next(level);
		return visited_.size();
	}

private:
	bool add(const std::vector<std::uint8_t> &key, Visited how)
	{
		const std::string text(key.begin(), key.end());
		if (!known_.emplace(text, visited_.size()).second)
			return false;
		visited_.push_back(how);
		return true;
	}

	/// The events that lead to a state, oldest first.
	std::vector<std::uint16_t> way_to(std::uint32_t state) const
	{
		std::vector<std::uint16_t> way;
		for (; state; state = visited_[state].parent)
			way.insert(way.begin(), visited_[state].event);
		return way;
	}

	World at(std::uint32_t state) const
	{
		World world = start_;
		for (const std::uint16_t event : way_to(state))
			all_events()[event].run(world);
		return world;
	}

	std::vector<std::uint32_t> next(const std::vector<std::uint32_t> &level)
	{
		std::vector<std::uint32_t> found;
		const auto &events = all_events();
		for (const std::uint32_t state : level) {
			const World world = at(state);
			for (std::uint16_t e = 0; e < events.size(); e++) {
				if (!events[e].possible(world))
					continue;
				World after = world;
				events[e].run(after);
				after.check();
				if (after.broken.empty())
					after.broken = why_stuck(after);
				if (!after.broken.empty()) {
					report(state, e, after.broken);
					return {};
				}
				if (add(after.key(), {state, e}))
					found.push_back(
						static_cast<std::uint32_t>(visited_.size() - 1));
			}
		}
		return found;
	}

	void report(std::uint32_t state, std::uint16_t event, const std::string &broken) const
	{
		std::string trace;
		for (const std::uint16_t e : way_to(state))
			trace += all_events()[e].name + ", ";
		ADD_FAILURE() << broken << "\n  after: " << trace << all_events()[event].name;
	}

	World start_;
	std::unordered_map<std::string, std::size_t> known_;
	std::vector<Visited> visited_;
};

class CoreExhaustive : public ::testing::TestWithParam<std::tuple<enum sw_fence, bool>>
{
};

TEST_P(CoreExhaustive, KeepsItsPromisesAfterEverySequenceOfEvents)
{
	const auto [fence, hold] = GetParam();
	constexpr unsigned depth = 7;
	const std::size_t states = Search(fence, hold).run(depth);
	std::printf("%zu states of all sequences of %u of %zu events\n", states, depth,
		    all_events().size());
	EXPECT_GT(states, 1000u);
}

INSTANTIATE_TEST_SUITE_P(Policies, CoreExhaustive,
			 ::testing::Combine(::testing::Values(SW_FENCE_PROVE, SW_FENCE_DRAIN),
					    ::testing::Bool()),
			 [](const auto &policy) {
				 return std::string(sw_fence_text(std::get<0>(policy.param))) +
					(std::get<1>(policy.param) ? "StartedHeld" : "StartedOpen");
			 });

} // namespace
} // namespace swpath::test
