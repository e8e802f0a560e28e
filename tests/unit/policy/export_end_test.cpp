// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/export_end.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

TEST(ExportEnd, OneCheckThatMetABadMomentIsForgivenAndTwoAreNot)
{
	for (const auto reason :
	     {Reason::TIMEOUT, Reason::TRANSPORT, Reason::ERROR, Reason::UNREADABLE}) {
		EXPECT_FALSE(ends_exports(reason, 1)) << reason_text(reason);
		EXPECT_TRUE(ends_exports(reason, 2)) << reason_text(reason);
	}
	EXPECT_FALSE(ends_exports(Reason::NONE, 0));
}

TEST(ExportEnd, WhatTheNextCheckWillNotTakeBackEndsThemAtOnce)
{
	for (const auto reason :
	     {Reason::IDENTITY, Reason::SIZE, Reason::WRITE_PROTECTED, Reason::STALE_DATA,
	      Reason::RESERVATION, Reason::OFFLINE, Reason::PATH_GONE, Reason::REFUSED})
		EXPECT_TRUE(ends_exports(reason, 1)) << reason_text(reason);
}

ServingPath path(const char *device, Reason fault = Reason::NONE, unsigned failures = 0)
{
	return {device, true, fault, failures, true};
}

TEST(ExportEnd, OneWellPathIsEnoughForExportsByAnyOther)
{
	const ServingPath both[] = {path("/dev/sda", Reason::TIMEOUT, 5), path("/dev/sdb")};
	EXPECT_EQ(why_export_ends(both, "/dev/sda", false, true), "");
	EXPECT_EQ(why_export_ends(both, "/dev/sdb", false, true), "");
	const ServingPath one[] = {path("/dev/sda", Reason::TIMEOUT, 5),
				   path("/dev/sdb", Reason::TIMEOUT, 1)};
	EXPECT_EQ(why_export_ends(one, "/dev/sda", false, false), "") << "one is forgiven";
	const ServingPath none[] = {path("/dev/sda", Reason::TIMEOUT, 2),
				    path("/dev/sdb", Reason::OFFLINE, 1)};
	EXPECT_EQ(why_export_ends(none, "/dev/sda", false, false),
		  "this host has lost its direct path");
	EXPECT_EQ(why_export_ends({}, "/dev/sda", false, false),
		  "this host has lost its direct path");
}

TEST(ExportEnd, AHostThatUsesTheDiskThroughAnotherOneServesNoMore)
{
	const ServingPath well[] = {path("/dev/sda")};
	EXPECT_EQ(why_export_ends(well, "/dev/sda", true, true),
		  "this host uses it through another one");
}

TEST(ExportEnd, NothingEndsBeforeEachPathHasItsFirstAnswer)
{
	ServingPath paths[] = {path("/dev/sda", Reason::OFFLINE, 1), path("/dev/sdb")};
	paths[1].settled = false;
	EXPECT_EQ(why_export_ends(paths, "/dev/sda", true, false), "");
}

TEST(ExportEnd, AKeyThatIsGoneEndsWhatIsServedByItsPathAlone)
{
	ServingPath paths[] = {path("/dev/sda", Reason::RESERVATION, 1), path("/dev/sdb")};
	EXPECT_EQ(why_export_ends(paths, "/dev/sda", false, true),
		  "its path has lost its reservation key");
	EXPECT_EQ(why_export_ends(paths, "/dev/sdb", false, true), "");
	EXPECT_EQ(why_export_ends(paths, "", false, true), "") << "the server has not told";
	// Its own fence keeps it out, or the disk is somebody's who reserves it: not a key that was
	// lost.
	paths[0].wants_key = false;
	EXPECT_EQ(why_export_ends(paths, "/dev/sda", false, true), "");
}

} // namespace
} // namespace swpath
