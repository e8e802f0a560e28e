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
	grant.renew(7, "monday", 1, 5, false);
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
	grant.renew(8, "monday", 1, 5, false);
	grant.revoked(0);
	EXPECT_EQ(answer_of(grant, "monday").lost, 1U);
	EXPECT_FALSE(answer_of(grant, "monday").rebooted);
}

TEST(ExportGrant, RemembersThatThePeerHasBootedSinceAnEarlierExport)
{
	auto grant = granted();
	grant.renew(8, "tuesday", 1, 5, false);
	EXPECT_TRUE(grant.moved);
	const auto answer = answer_of(grant, "tuesday");
	EXPECT_TRUE(answer.rebooted);
	EXPECT_EQ(answer.lost, 1U);
}

TEST(ExportGrant, ForgetsBothWhenTheUnitIsOnline)
{
	auto grant = granted();
	grant.revoked(2);
	grant.renew(8, "tuesday", 1, 5, false);
	EXPECT_TRUE(grant.settle());
	EXPECT_FALSE(grant.settle());
	EXPECT_FALSE(grant.moved);
	const auto answer = answer_of(grant, "tuesday");
	EXPECT_FALSE(answer.rebooted);
	EXPECT_EQ(answer.lost, 0U);
}

TEST(ExportGrant, BeginsAnewWithAnExportThatIsGrantedWhileTheUnitIsOnlineElsewhere)
{
	auto grant = granted();
	grant.revoked(2);
	grant.renew(8, "tuesday", 2, 6, true);
	EXPECT_EQ(grant, (ExportGrant{8, "tuesday", 2, 6, "tuesday", false, false, {6}, {6}}));
}

TEST(ExportGrant, RemembersThatThePeerExportsByAnotherNexusThanBefore)
{
	auto grant = granted();
	EXPECT_FALSE(grant.moved);
	grant.renew(8, "monday", 1, 5, false);
	EXPECT_FALSE(grant.moved);
	grant.renew(9, "monday", 2, 5, false);
	EXPECT_TRUE(grant.moved);
	// And back: I/O may have gone by the other one meanwhile.
	grant.renew(10, "monday", 1, 5, false);
	EXPECT_TRUE(grant.moved);
	EXPECT_TRUE(grant.settle());
	EXPECT_FALSE(grant.moved);
}

TEST(ExportGrant, RemembersEveryKeyThatThePeerMayHave)
{
	auto grant = granted();
	EXPECT_FALSE(grant.attested({5}));
	EXPECT_TRUE(grant.attested({5, 6}));
	// Its configuration has changed: who knows which path has which key.
	EXPECT_TRUE(grant.attested({7}));
	grant.renew(8, "monday", 2, 6, false);
	EXPECT_EQ(grant.keys, (std::set<std::uint64_t>{5, 6, 7}));
	EXPECT_EQ(grant.doubt_keys, (std::set<std::uint64_t>{5, 6}));
	// Online by this export: what was sent to the one before is not in doubt any more.
	EXPECT_TRUE(grant.settle());
	EXPECT_EQ(grant.keys, (std::set<std::uint64_t>{5, 6, 7}));
	EXPECT_EQ(grant.doubt_keys, (std::set<std::uint64_t>{6}));
	grant.renew(9, "monday", 2, 6, true);
	EXPECT_EQ(grant.keys, (std::set<std::uint64_t>{6}));
}

TEST(ExportGrant, SaysThatItDoesNotKnowAllKeysIfTheyAreTooMany)
{
	auto grant = granted();
	for (std::uint64_t key = 1; key <= 100; key++)
		(void)grant.attested({key});
	EXPECT_TRUE(grant.keys.contains(0));
	EXPECT_LE(grant.keys.size(), 65U);
}

TEST(ExportGrant, TakesANexusThatIsNotKnownForAnotherOne)
{
	ExportGrant grant;
	grant.renew(7, "monday", 0, 5, false);
	grant.renew(8, "monday", 0, 5, false);
	EXPECT_TRUE(grant.moved);
}

TEST(ExportGrant, TakesAPeerWhoseBootIsNotKnownForOneThatHasBooted)
{
	EXPECT_TRUE(answer_of(granted(), "").rebooted);
}

} // namespace
} // namespace swpath
