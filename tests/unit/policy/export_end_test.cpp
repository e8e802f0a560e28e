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

} // namespace
} // namespace swpath
