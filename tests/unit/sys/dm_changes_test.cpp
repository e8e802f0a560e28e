// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/dm_changes.h"

#include <gmock/gmock.h>

namespace swpath::dm
{
namespace
{

using testing::ElementsAre;
using testing::IsEmpty;

Listed device(const std::string &name, unsigned minor, std::uint32_t event_nr)
{
	return {.name = name, .uuid = "", .number = {253, minor}, .event_nr = event_nr};
}

TEST(DmChanges, AtFirstAllAreNew)
{
	DmChanges changes;
	EXPECT_THAT(changes.since_last({device("sw1", 1, 7), device("sw0", 0, 0)}),
		    ElementsAre("sw0", "sw1"));
	EXPECT_THAT(changes.since_last({device("sw0", 0, 0), device("sw1", 1, 7)}), IsEmpty());
}

TEST(DmChanges, OnlyTheOneThatHadAnEvent)
{
	DmChanges changes;
	(void)changes.since_last({device("sw0", 0, 3), device("sw1", 1, 7)});
	EXPECT_THAT(changes.since_last({device("sw0", 0, 3), device("sw1", 1, 9)}),
		    ElementsAre("sw1"));
	EXPECT_THAT(changes.since_last({device("sw0", 0, 3), device("sw1", 1, 9)}), IsEmpty());
}

TEST(DmChanges, OneThatCameWentOrWasReplaced)
{
	DmChanges changes;
	(void)changes.since_last({device("sw0", 0, 3), device("sw1", 1, 3)});
	EXPECT_THAT(changes.since_last({device("sw0", 2, 3), device("sw2", 3, 0)}),
		    ElementsAre("sw0", "sw1", "sw2"));
	EXPECT_THAT(changes.since_last({}), ElementsAre("sw0", "sw2"));
}

} // namespace
} // namespace swpath::dm
