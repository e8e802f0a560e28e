// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/leg_guard.h"

#include <gmock/gmock.h>

namespace swpath
{
namespace
{

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

DeviceUse reader(pid_t pid = 812)
{
	return {{8, 0}, "sda", pid, 4711, "sleep", false};
}

DeviceUse writer(pid_t pid = 812)
{
	auto use = reader(pid);
	use.write = true;
	return use;
}

DeviceUses seen(std::vector<DeviceUse> uses, bool complete = true)
{
	return {std::move(uses), complete, 0};
}

struct Guard : ::testing::Test {
	LegGuard guard;
	Instant now{10s};

	/// "+" and "-" with the text of each news of a look.
	std::vector<std::string> look(const DeviceUses &uses)
	{
		now += 10s;
		std::vector<std::string> news;
		for (const auto &[what, gone] : guard.look(uses, now))
			news.push_back((gone ? "-" : "+") + use_text(what.use));
		return news;
	}
};

const std::string reads = "sleep (process 812) has sda open for reading";
const std::string writes = "sleep (process 812) has sda open for writing";

TEST_F(Guard, AReaderIsToldOfWhenTwoLooksHaveSeenIt)
{
	EXPECT_THAT(look(seen({reader()})), IsEmpty());
	EXPECT_THAT(guard.opened(), IsEmpty());
	EXPECT_THAT(look(seen({reader()})), ElementsAre("+" + reads));
	EXPECT_THAT(look(seen({reader()})), IsEmpty());
	ASSERT_EQ(guard.opened().size(), 1U);
	EXPECT_EQ(guard.opened()[0].since, Instant(20s)) << "the first look that saw it";
	EXPECT_THAT(look(seen({})), ElementsAre("-" + reads));
	EXPECT_THAT(guard.opened(), IsEmpty());
}

TEST_F(Guard, WhoComesAndGoesIsNoNews)
{
	for (pid_t pid = 1; pid < 10; pid++)
		EXPECT_THAT(look(seen({reader(pid)})), IsEmpty());
	EXPECT_THAT(look(seen({})), IsEmpty());
	EXPECT_THAT(guard.opened(), IsEmpty());
}

TEST_F(Guard, AWriterIsToldOfAtOnceAndAReaderThatBeginsToWriteOnceMore)
{
	EXPECT_THAT(look(seen({writer(7)})),
		    ElementsAre("+sleep (process 7) has sda open for writing"));
	EXPECT_THAT(look(seen({reader()})),
		    ElementsAre("-sleep (process 7) has sda open for writing"));
	EXPECT_THAT(look(seen({reader()})), ElementsAre("+" + reads));
	EXPECT_THAT(look(seen({writer()})), ElementsAre("+" + writes));
	EXPECT_THAT(look(seen({reader()})), IsEmpty());
	EXPECT_THAT(look(seen({writer()})), ElementsAre("+" + writes));
}

TEST_F(Guard, AnotherProcessWithTheSameNumberIsAnother)
{
	EXPECT_THAT(look(seen({writer()})), ElementsAre("+" + writes));
	auto other = writer();
	other.started = 4712;
	EXPECT_THAT(look(seen({other})), ElementsAre("+" + writes, "-" + writes));
	// And one that takes another name, or goes to a partition, is not.
	other.command = "dd";
	other.name = "sda1";
	EXPECT_THAT(look(seen({other})), IsEmpty());
	EXPECT_EQ(guard.opened()[0].use.command, "dd");
}

TEST_F(Guard, TheKernelsUsersAreKnownByTheirNames)
{
	const DeviceUse holder{{8, 16}, "sdb", 0, 0, "dm-3 (vg0-root)", true};
	const DeviceUse mount{{8, 16}, "sdb", 0, 0, "mount at /mnt", true};
	EXPECT_THAT(look(seen({holder, mount})),
		    ElementsAre("+dm-3 (vg0-root) uses sdb", "+mount at /mnt uses sdb"));
	EXPECT_THAT(look(seen({holder})), ElementsAre("-mount at /mnt uses sdb"));
}

TEST_F(Guard, WhoWasNotLookedAtHasNotGone)
{
	EXPECT_THAT(look(seen({writer()})), ElementsAre("+" + writes));
	EXPECT_THAT(look(seen({}, false)), IsEmpty());
	EXPECT_EQ(guard.opened().size(), 1U);
	EXPECT_THAT(look(seen({writer()})), IsEmpty());
	EXPECT_THAT(look(seen({})), ElementsAre("-" + writes));
}

} // namespace
} // namespace swpath
