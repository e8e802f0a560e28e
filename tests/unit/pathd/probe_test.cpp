// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/probe.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "libpath/sys/scsi.h"
#include "libpath/unit/reason.h"

namespace swpath
{
namespace
{

Error of(int error_number)
{
	return {{error_number, std::generic_category()}, "test"};
}

TEST(ProbeReason, NamesWhatAnErrnoMeansForAPath)
{
	EXPECT_EQ(reason_of(of(ETIMEDOUT)), Reason::TIMEOUT);
	EXPECT_EQ(reason_of(of(ENOLINK)), Reason::TRANSPORT);
	EXPECT_EQ(reason_of(of(ECONNREFUSED)), Reason::TRANSPORT);
	EXPECT_EQ(reason_of(of(ENXIO)), Reason::OFFLINE);
	EXPECT_EQ(reason_of(of(ENODEV)), Reason::PATH_GONE);
	EXPECT_EQ(reason_of(of(EIO)), Reason::ERROR);
}

TEST(ProbeReason, NeverRefusesAPathForWantOfAnAnswer)
{
	for (int number = 1; number < 134; number++)
		EXPECT_FALSE(refuses(reason_of(of(number)))) << number;
	for (std::size_t i = 1; i < Words<ScsiOutcome>::all.size(); i++)
		EXPECT_FALSE(refuses(
			reason_of(Error{make_error_code(static_cast<ScsiOutcome>(i)), "test"})))
			<< Words<ScsiOutcome>::all[i];
}

TEST(ProbeReason, ADifferenceBetweenTimeoutAndOffline)
{
	EXPECT_EQ(reason_of(Error{make_error_code(ScsiOutcome::Timeout), "test"}), Reason::TIMEOUT);
	EXPECT_EQ(reason_of(Error{make_error_code(ScsiOutcome::Offline), "test"}), Reason::OFFLINE);
}

TEST(Revival, OnlyOfWhatErrorHandlingTookOffline)
{
	EXPECT_TRUE(offline_after_hang("offline", 3, 2));
	// An administrator set it offline while it worked.
	EXPECT_FALSE(offline_after_hang("offline", 2, 2));
	EXPECT_FALSE(offline_after_hang("running", 3, 2));
	EXPECT_FALSE(offline_after_hang("transport-offline", 3, 2));
}

TEST(Prober, SaysThatThereIsNoDevice)
{
	Prober prober(PathKind::SERVED, "swpath-no-such-device", std::chrono::seconds(1));
	const auto facts = prober.probe({}, {}, 0);
	EXPECT_EQ(facts.failure, Reason::PATH_GONE);
	EXPECT_NE(facts.text.find("swpath-no-such-device"), std::string::npos);
	EXPECT_LE(facts.began, facts.ended);
}

} // namespace
} // namespace swpath
