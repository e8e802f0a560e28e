// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/leg.h"

#include <cerrno>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

#include "libpath/sys/clock.h"

namespace swpath
{
namespace
{

using namespace std::chrono_literals;

struct LegTest : testing::Test {
	LegTest()
	{
		auto made = Mailbox::create();
		EXPECT_TRUE(made);
		mailbox = std::move(*made);
		BlockDevice device;
		device.sysname = "swpath-none";
		device.devnode = "/dev/swpath-none";
		auto created = Leg::create(
			device, PathKind::DIRECT, 1s, mailbox,
			[](Leg &, const ProbeFacts &, std::uint64_t) {},
			[](Leg &, const Result<void> &) {});
		EXPECT_TRUE(created);
		leg = std::move(*created);
	}
	template <class Done>
	bool wait_until(Done &&done)
	{
		const Instant limit = now() + 10s;
		while (!done() && now() < limit) {
			pollfd watched{mailbox->fd(), POLLIN, 0};
			(void)::poll(&watched, 1, 100);
			mailbox->run();
		}
		return done();
	}

	std::shared_ptr<Mailbox> mailbox;
	std::shared_ptr<Leg> leg;
};

TEST_F(LegTest, AnswersWhatItFound)
{
	std::optional<Result<NexusView>> nexus;
	ASSERT_TRUE(leg->nexus(std::nullopt, 1s, [&](const auto &view) { nexus = view; }));
	ASSERT_TRUE(wait_until([&] { return nexus.has_value(); }));
	ASSERT_FALSE(*nexus);
	EXPECT_EQ(nexus->error().code.value(), ENOENT) << nexus->error().message();
}

TEST_F(LegTest, AStepOfAFenceThatCannotBeginInTimeIsNotBegun)
{
	std::optional<FenceResult> result;
	const FenceAction action{.kind = FenceAction::Kind::PreemptAbort, .limit = 0s};
	ASSERT_TRUE(leg->fence(action, [&](const FenceResult &done) { result = done; }));
	ASSERT_TRUE(wait_until([&] { return result.has_value(); }));
	EXPECT_EQ(result->error, ETIMEDOUT) << result->text;
}

// A unit that waits for an answer for ever asks for nothing else: no client's rights would be
// looked after any more.
TEST_F(LegTest, WhoeverWaitsIsAnsweredThoughTheLegIsGone)
{
	std::vector<int> answers;
	unsigned asked = 0;
	const FenceAction action{.kind = FenceAction::Kind::ReadKeys, .limit = 1s};
	// So many that some have not begun when the leg goes.
	for (unsigned i = 0; i < Worker::queue_max; i++)
		asked += leg->fence(action,
				    [&](const FenceResult &done) { answers.push_back(done.error); })
				 ? 1
				 : 0;
	ASSERT_EQ(asked, Worker::queue_max);
	leg.reset();
	ASSERT_TRUE(wait_until([&] { return answers.size() >= asked; })) << answers.size();
	EXPECT_EQ(answers, std::vector<int>(asked, ENODEV));
}

TEST_F(LegTest, ALookAtTheDiskIsAnsweredThoughTheLegIsGone)
{
	std::optional<Result<NexusView>> nexus;
	ASSERT_TRUE(leg->nexus(std::nullopt, 1s, [&](const auto &view) { nexus = view; }));
	leg.reset();
	ASSERT_TRUE(wait_until([&] { return nexus.has_value(); }));
	ASSERT_FALSE(*nexus);
	EXPECT_EQ(nexus->error().code.value(), ENODEV);
}

} // namespace
} // namespace swpath
