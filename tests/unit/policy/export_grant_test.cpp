// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/export_grant.h"

#include <gtest/gtest.h>

namespace swpath
{
namespace
{

ExportGrant granted()
{
	ExportGrant grant;
	grant.renew(7, "monday", 5, false);
	return grant;
}

FenceAnswer answer_of(const ExportGrant &grant, const std::string &boot_now)
{
	FenceAnswer answer;
	grant.complete(answer, boot_now);
	return answer;
}

TEST(ExportGrant, LetsARevocationOfTheOnlyExportSpeakForItself)
{
	const auto answer = answer_of(granted(), "monday");
	EXPECT_EQ(answer.lost, 0U);
	EXPECT_FALSE(answer.rebooted);
}

TEST(ExportGrant, RemembersWhatAnEarlierExportLostWhileTheUnitIsHeld)
{
	auto grant = granted();
	grant.revoked(2);
	grant.renew(8, "monday", 5, false);
	grant.revoked(0);
	EXPECT_EQ(answer_of(grant, "monday").lost, 1U);
	EXPECT_FALSE(answer_of(grant, "monday").rebooted);
}

TEST(ExportGrant, RemembersThatThePeerHasBootedSinceAnEarlierExport)
{
	auto grant = granted();
	grant.renew(8, "tuesday", 5, false);
	const auto answer = answer_of(grant, "tuesday");
	EXPECT_TRUE(answer.rebooted);
	EXPECT_EQ(answer.lost, 1U);
}

TEST(ExportGrant, ForgetsBothWhenTheUnitIsOnline)
{
	auto grant = granted();
	grant.revoked(2);
	grant.renew(8, "tuesday", 5, false);
	EXPECT_TRUE(grant.settle());
	EXPECT_FALSE(grant.settle());
	const auto answer = answer_of(grant, "tuesday");
	EXPECT_FALSE(answer.rebooted);
	EXPECT_EQ(answer.lost, 0U);
}

TEST(ExportGrant, BeginsAnewWithAnExportThatIsGrantedWhileTheUnitIsOnlineElsewhere)
{
	auto grant = granted();
	grant.revoked(2);
	grant.renew(8, "tuesday", 6, true);
	EXPECT_EQ(grant, (ExportGrant{8, "tuesday", 6, "tuesday", false}));
}

TEST(ExportGrant, TakesAPeerWhoseBootIsNotKnownForOneThatHasBooted)
{
	EXPECT_TRUE(answer_of(granted(), "").rebooted);
}

} // namespace
} // namespace swpath
