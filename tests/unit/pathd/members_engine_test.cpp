// SPDX-License-Identifier: GPL-2.0-or-later
/// Programs that are not what they should be.
#include "pathd/members_engine.h"

#include <cerrno>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/unit/pathd/members_rig.h"
#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

class MembersEngineTest : public MembersRig
{
};

TEST_F(MembersEngineTest, AProgramThatIsNotInstalledIsNamedWithWhatToDo)
{
	start("/nowhere/swpath-members");
	ASSERT_TRUE(run([&] { return engine->trouble().has_value(); }));
	EXPECT_EQ(engine->trouble()->code, std::errc::no_such_file_or_directory);
	for (const auto *part : {"/nowhere/swpath-members", "corosync", "libcpg-dev", "static"})
		EXPECT_THAT(trouble(), testing::HasSubstr(part));
	// It may be installed later.
	EXPECT_LE(*engine->next() - now(), MembersKeeper::restart_most);
	EXPECT_EQ(engine->pid(), -1);
}

TEST_F(MembersEngineTest, AProgramThatCannotBeExecutedIsNamed)
{
	start("/etc/passwd");
	ASSERT_TRUE(run([&] { return engine->trouble().has_value(); }));
	EXPECT_EQ(engine->trouble()->code, std::errc::permission_denied);
	EXPECT_THAT(trouble(), testing::HasSubstr("/etc/passwd"));
}

TEST_F(MembersEngineTest, AProgramThatEndsIsStartedAgainAndSaysHowItEnded)
{
	start("/bin/false");
	ASSERT_TRUE(run([&] { return troubled("ended with status 1"); })) << trouble();
	// In between it lives.
	ASSERT_TRUE(run([&] { return engine->pid() > 0; }));
	ASSERT_TRUE(run([&] { return engine->pid() < 0; }));
	EXPECT_TRUE(events.empty());
}

TEST_F(MembersEngineTest, FramesWhileItIsAwayAreLost)
{
	start("/nowhere/swpath-members");
	for (int i = 0; i < 1000; i++)
		engine->send({std::nullopt, "frame"}, now());
	ASSERT_TRUE(run([&] { return engine->trouble().has_value(); }));
}

} // namespace
} // namespace swpath
