// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/members_keeper.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swpath
{
namespace
{

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr Instant start{1000s};
const Membership two{{"1", 7}, {{"alpha", 1}, {"beta", 2}}, {"alpha", "beta"}};

class MembersKeeperTest : public testing::Test
{
protected:
	/// As its caller does it: at each deadline, until `until`.
	MembersActions run(Instant until)
	{
		while (true) {
			const auto at = keeper.deadline();
			if (!at || *at > until)
				break;
			now = std::max(now, *at);
			const auto actions = keeper.tick(now);
			pings += actions.ping ? 1 : 0;
			if (actions.start || actions.kill)
				return actions;
			if (actions.ping && answers)
				(void)keeper.told(MembersPong{});
		}
		now = until;
		return {};
	}
	void begin()
	{
		ASSERT_TRUE(run(now).start);
		keeper.started(now);
	}
	[[nodiscard]] std::string trouble() const
	{
		return keeper.trouble() ? keeper.trouble()->message() : "";
	}

	MembersKeeper keeper;
	Instant now = start;
	bool answers = true;
	unsigned pings = 0;
};

TEST_F(MembersKeeperTest, StartsAtOnceAndPassesOnWhatIsTold)
{
	begin();
	EXPECT_TRUE(keeper.running());
	EXPECT_EQ(keeper.told(two).event, std::optional<ClusterEvent>(two));
	const ClusterFrame frame{{"beta", 2}, "bytes"};
	EXPECT_EQ(keeper.told(frame).event, std::optional<ClusterEvent>(frame));
	EXPECT_FALSE(keeper.told(MembersTrouble{EEXIST, "two of them"}).event);
	EXPECT_EQ(trouble(), "two of them: File exists");
	(void)keeper.told(MembersTrouble{});
	EXPECT_EQ(trouble(), "");
}

TEST_F(MembersKeeperTest, AsksOnceInAnIntervalAndLeavesOneThatAnswersAlone)
{
	begin();
	EXPECT_FALSE(run(start + 60s).kill);
	EXPECT_EQ(pings, 61U);
}

TEST_F(MembersKeeperTest, OneThatIsSilentIsKilledAndThisHostHasLeftAtOnce)
{
	begin();
	(void)keeper.told(two);
	answers = false;
	const auto actions = run(start + 60s);
	EXPECT_TRUE(actions.kill);
	EXPECT_EQ(now, start + MembersKeeper::silence_limit);
	EXPECT_EQ(actions.event, std::optional<ClusterEvent>(Membership{}));
	EXPECT_THAT(trouble(), HasSubstr("corosync"));
	// What is left in its socket is not listened to, and there is no second before it is gone.
	EXPECT_FALSE(keeper.told(two).event);
	EXPECT_EQ(keeper.deadline(), std::nullopt);
	EXPECT_FALSE(keeper.tick(now + 60s).start);
	EXPECT_FALSE(keeper.ended("was killed by signal 9", now + 60s).event);
	EXPECT_THAT(trouble(), HasSubstr("not answered for 5 s"));
	EXPECT_EQ(keeper.deadline(), now + 60s + MembersKeeper::restart_first);
}

TEST_F(MembersKeeperTest, AnythingThatIsToldIsAnAnswer)
{
	begin();
	answers = false;
	for (int i = 0; i < 20; i++) {
		EXPECT_FALSE(run(now + 4s).kill);
		(void)keeper.told(ClusterFrame{{"beta", 2}, "bytes"});
	}
}

TEST_F(MembersKeeperTest, AHostThatWasSuspendedAsksBeforeItGivesUp)
{
	begin();
	EXPECT_FALSE(run(start + 500ms).kill);
	now += 1h;
	const auto actions = keeper.tick(now);
	EXPECT_TRUE(actions.ping);
	EXPECT_FALSE(actions.kill);
}

TEST_F(MembersKeeperTest, OneThatEndsIsStartedAgainLaterAndLater)
{
	Duration last{};
	for (int i = 0; i < 10; i++) {
		begin();
		EXPECT_FALSE(keeper.ended("ended with status 1", now).event);
		EXPECT_THAT(trouble(), HasSubstr("ended with status 1"));
		const auto wait = *keeper.deadline() - now;
		EXPECT_TRUE(wait == 2 * last || wait == MembersKeeper::restart_most ||
			    wait == MembersKeeper::restart_first)
			<< i;
		last = wait;
		now += wait;
	}
	EXPECT_EQ(last, MembersKeeper::restart_most);
	// It was a member in between: the first wait again.
	begin();
	(void)keeper.told(two);
	EXPECT_EQ(keeper.ended("was killed by signal 9", now).event,
		  std::optional<ClusterEvent>(Membership{}));
	EXPECT_EQ(*keeper.deadline() - now, MembersKeeper::restart_first);
}

TEST_F(MembersKeeperTest, OneThatCannotBeStartedIsTriedAgain)
{
	ASSERT_TRUE(run(now).start);
	EXPECT_FALSE(keeper.tick(now + 1h).start) << "somebody does it already";
	keeper.not_started(Error{{ENOENT, std::generic_category()}, "no program"}, now);
	EXPECT_EQ(trouble(), "no program: No such file or directory");
	EXPECT_TRUE(run(now + 1s).start);
	EXPECT_EQ(now, start + MembersKeeper::restart_first);
}

TEST_F(MembersKeeperTest, OneThatIsNotUnderstoodIsKilled)
{
	begin();
	(void)keeper.told(two);
	const auto actions = keeper.failed(Error{{EBADMSG, std::generic_category()}, "what?"});
	EXPECT_TRUE(actions.kill);
	EXPECT_EQ(actions.event, std::optional<ClusterEvent>(Membership{}));
	EXPECT_FALSE(keeper.failed(Error{}).kill) << "it is on its way";
	EXPECT_EQ(trouble(), "what?: Bad message");
}

} // namespace
} // namespace swpath
