// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/policy/carried_key.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/policy/time_points.h"

namespace swpath
{
namespace
{

using test::at_s;
using Type = ReservationType;

constexpr std::uint64_t ours = 0xa1, changed_key = 0xa2, other_host = 0xb1;

/// A disk with three nexuses: two of this host, one of another; commands as a user gives them.
struct Disk {
	std::array<std::uint64_t, 3> keys{};
	Type type = Type::None;

	NexusView through(unsigned nexus) const
	{
		NexusView view;
		for (const auto key : keys)
			if (key != 0)
				view.keys.push_back(key);
		std::sort(view.keys.begin(), view.keys.end());
		view.type = type;
		view.own = keys[nexus];
		return view;
	}
	void preempt(std::uint64_t key)
	{
		for (auto &each : keys)
			if (each == key)
				each = 0;
	}
};

class CarriedKeyTest : public testing::Test
{
protected:
	/// A check of both paths, and what follows from it.
	void check()
	{
		for (unsigned path = 0; path < 2; path++) {
			const Instant now = at_s(++seconds);
			(void)carried.looked({path, now, active == int(path),
					      active >= 0 && active != int(path),
					      disk.through(path)},
					     now);
		}
		for (unsigned path = 0; path < 2; path++)
			if (const auto change = carried.wanted(path)) {
				EXPECT_EQ(change->had, disk.keys[path]);
				disk.keys[path] = change->key;
				carried.changed(path, change->key);
				changes++;
			}
	}
	void checks()
	{
		for (unsigned i = 0; i < 4; i++)
			check();
	}

	Disk disk;
	CarriedKey carried;
	int active = 0; ///< -1: a served path
	unsigned changes = 0;
	double seconds = 0;
};

TEST_F(CarriedKeyTest, ADiskWithoutKeysIsLeftAlone)
{
	checks();
	EXPECT_EQ(0U, changes);
	EXPECT_EQ(0U, carried.state().key);
}

TEST_F(CarriedKeyTest, AKeyOfTheActivePathIsOnTheOtherBeforeItIsNeeded)
{
	disk.keys[0] = ours;
	checks();
	EXPECT_EQ(ours, disk.keys[1]);
	EXPECT_EQ(1U, changes);
	EXPECT_EQ(ours, carried.state().key);
	EXPECT_TRUE(carried.missing(1).empty());
}

TEST_F(CarriedKeyTest, APathWithoutItsKeyIsNotOpenedWhileTheDiskIsReserved)
{
	disk.keys[0] = ours;
	disk.type = Type::WriteExclusiveRegistrants;
	const Instant now = at_s(1);
	(void)carried.looked({0, now, true, false, disk.through(0)}, now);
	(void)carried.looked({1, now, false, true, disk.through(1)}, now);
	EXPECT_TRUE(carried.missing(0).empty());
	EXPECT_NE(std::string::npos, carried.missing(1).find("0xa1"));
	checks();
	EXPECT_TRUE(carried.missing(1).empty());
}

TEST_F(CarriedKeyTest, AnOldKeyOnAnotherPathIsNotTheUsersAfterARestart)
{
	disk.keys[0] = ours;
	checks();
	disk.keys[0] = changed_key;
	const Instant now = at_s(++seconds);
	(void)carried.looked({0, now, true, false, disk.through(0)}, now);
	carried = CarriedKey(carried.state());
	active = 1;
	checks();
	EXPECT_EQ(changed_key, carried.state().key);
	EXPECT_EQ(changed_key, disk.keys[1]);
}

TEST_F(CarriedKeyTest, AKeyOfLongAgoOnAPathThatWasAwayIsNotTheUsers)
{
	disk.keys[0] = ours;
	checks();
	for (const std::uint64_t next : {changed_key, changed_key + 1}) {
		disk.keys[0] = next;
		const Instant now = at_s(++seconds);
		(void)carried.looked({0, now, true, false, disk.through(0)}, now);
	}
	ASSERT_EQ(ours, disk.keys[1]);
	active = 1;
	checks();
	EXPECT_EQ(changed_key + 1, carried.state().key);
	EXPECT_EQ(changed_key + 1, disk.keys[1]);
}

TEST_F(CarriedKeyTest, AKeyThatWasThereBeforeThePathWasUsedIsNotTheUsers)
{
	disk.keys[0] = ours;
	disk.keys[1] = other_host;
	checks();
	carried = CarriedKey(carried.state());
	active = 1;
	checks();
	EXPECT_EQ(ours, carried.state().key);
	EXPECT_EQ(other_host, disk.keys[1]);
	EXPECT_EQ(0U, changes);
	disk.keys[1] = changed_key; // but what is registered now is
	checks();
	EXPECT_EQ(changed_key, carried.state().key);
}

TEST_F(CarriedKeyTest, WhatUsersChangedThroughAnEarlierDeviceIsTheirsAfterARestart)
{
	disk.keys[0] = ours;
	checks();
	carried.forget(1);
	carried = CarriedKey(carried.state());
	disk.keys[1] = changed_key;
	active = -1;
	checks();
	EXPECT_EQ(changed_key, carried.state().key);
	EXPECT_EQ(changed_key, disk.keys[0]);
}

TEST_F(CarriedKeyTest, WhatUsersChangeOrTakeAwayIsChangedOnEveryPath)
{
	disk.keys[0] = ours;
	checks();
	disk.keys[0] = changed_key;
	checks();
	EXPECT_EQ(changed_key, disk.keys[1]);
	active = 1;
	checks();
	disk.keys[1] = 0;
	checks();
	EXPECT_EQ(0U, disk.keys[0]);
	EXPECT_EQ(0U, carried.state().key);
	disk.keys[1] = changed_key;
	checks();
	EXPECT_EQ(changed_key, disk.keys[0]);
}

TEST_F(CarriedKeyTest, APreemptedKeyDoesNotComeBack)
{
	disk.keys = {ours, 0, other_host};
	disk.type = Type::WriteExclusiveRegistrants;
	checks();
	ASSERT_EQ(ours, disk.keys[1]);
	disk.preempt(ours);
	changes = 0;
	checks();
	active = 1;
	checks();
	active = -1;
	checks();
	EXPECT_EQ(0U, changes);
	EXPECT_EQ(0U, carried.state().key);
	EXPECT_EQ((std::array<std::uint64_t, 3>{0, 0, other_host}), disk.keys);
}

TEST_F(CarriedKeyTest, ALookFromBeforeTheRegistrationProvesNothing)
{
	const auto before = disk.through(1);
	disk.keys[0] = ours;
	(void)carried.looked({0, at_s(2), true, false, disk.through(0)}, at_s(3));
	(void)carried.looked({1, at_s(1), false, true, before}, at_s(4));
	EXPECT_EQ(ours, carried.state().key);
}

TEST_F(CarriedKeyTest, ASwitchBeforeTheCopyWasMadeDoesNotLoseTheKey)
{
	disk.keys[0] = ours;
	const Instant now = at_s(1);
	(void)carried.looked({0, now, true, false, disk.through(0)}, now);
	active = 1;
	checks();
	EXPECT_EQ(ours, disk.keys[1]);
	EXPECT_EQ(ours, carried.state().key);
}

TEST_F(CarriedKeyTest, ACopyIsNoUsersKeyAfterARestart)
{
	disk.keys[0] = ours;
	checks();
	carried = CarriedKey(carried.state());
	active = 1;
	checks();
	disk.keys[1] = 0;
	checks();
	EXPECT_EQ(0U, disk.keys[0]);
}

TEST_F(CarriedKeyTest, AKeyOnAPathThatIsNotInUseIsItsOwnersBusiness)
{
	disk.keys[1] = other_host;
	checks();
	EXPECT_EQ(0U, carried.state().key);
	EXPECT_EQ(0U, changes);
	EXPECT_EQ(other_host, disk.keys[1]);
}

TEST_F(CarriedKeyTest, AUnitThatComesUpServedKnowsTheKeyOfItsDirectPath)
{
	active = -1;
	disk.keys[0] = ours;
	checks();
	EXPECT_EQ(ours, carried.state().key);
	EXPECT_EQ(ours, disk.keys[1]);
}

TEST_F(CarriedKeyTest, ANewNexusGetsTheKey)
{
	disk.keys[0] = ours;
	checks();
	active = 1;
	checks();
	disk.keys[1] = 0;
	carried.forget(1);
	checks();
	EXPECT_EQ(ours, disk.keys[0]);
	EXPECT_EQ(ours, disk.keys[1]);
}

TEST_F(CarriedKeyTest, AKeyThatUsersChangedJustBeforeTheirPathWasLeftIsTheirs)
{
	disk.keys[0] = ours;
	disk.type = Type::WriteExclusiveRegistrants;
	checks();
	// No check comes before the switch, or before a hold.
	disk.keys[0] = changed_key;
	active = -1;
	checks();
	EXPECT_EQ(changed_key, carried.state().key);
	EXPECT_EQ("", carried.missing(0)) << "else its own users' path would stay shut";
	EXPECT_EQ(changed_key, disk.keys[1]);
	disk.keys[0] = other_host + 1;
	carried.forget(0); // and its device was found anew
	checks();
	EXPECT_EQ(other_host + 1, disk.keys[1]);
	disk.keys[0] = ours + 0x10;
	active = 1;
	checks();
	EXPECT_EQ(ours + 0x10, disk.keys[1]);
	EXPECT_EQ("", carried.missing(0));
}

TEST_F(CarriedKeyTest, ACopyOfTheKeyBeforeIsNoUsersKey)
{
	disk.keys[0] = ours;
	const Instant now = at_s(1);
	(void)carried.looked({0, now, true, false, disk.through(0)}, now);
	disk.keys[0] = changed_key;
	(void)carried.looked({0, now, true, false, disk.through(0)}, now);
	carried.changed(1, ours); // it was under way
	disk.keys[1] = ours;
	checks();
	EXPECT_EQ(changed_key, carried.state().key);
	EXPECT_EQ(changed_key, disk.keys[1]);
}

TEST_F(CarriedKeyTest, APeersPathIsNotUsedBeforeThePeerHasAnsweredForThePresentKey)
{
	EXPECT_EQ("", carried.missing_by_peer(2, "beta")) << "no key, no rights to have there";
	disk.keys[0] = ours;
	checks();
	EXPECT_NE(std::string::npos, carried.missing_by_peer(2, "beta").find("beta has not said"));
	EXPECT_FALSE(carried.answered(2, 0, "")) << "it was asked before the key was known";
	EXPECT_NE("", carried.missing_by_peer(2, "beta"));
	EXPECT_TRUE(carried.answered(2, ours, ""));
	EXPECT_EQ("", carried.missing_by_peer(2, "beta"));
	disk.keys[0] = changed_key;
	checks();
	EXPECT_FALSE(carried.answered(2, ours, "")) << "an answer that came late";
	EXPECT_NE("", carried.missing_by_peer(2, "beta"));
	EXPECT_TRUE(carried.answered(2, changed_key, ""));
	EXPECT_EQ("", carried.missing_by_peer(2, "beta"));
	carried.forget(2);
	EXPECT_NE("", carried.missing_by_peer(2, "beta")) << "another connection";
}

TEST_F(CarriedKeyTest, WhatAPeerHasAnsweredOutlivesTheDaemonAndNothingElseDoes)
{
	disk.keys[0] = ours;
	checks();
	carried = CarriedKey(carried.state());
	EXPECT_NE("", carried.missing_by_peer(2, "beta")) << "it was never told";
	ASSERT_TRUE(carried.answered(2, ours, ""));
	carried = CarriedKey(carried.state());
	EXPECT_EQ("", carried.missing_by_peer(2, "beta"));
}

TEST_F(CarriedKeyTest, APeersRefusalStandsUntilItAnswersAgain)
{
	disk.keys[0] = ours;
	checks();
	ASSERT_TRUE(carried.answered(2, ours, ""));
	EXPECT_TRUE(carried.answered(2, ours, "it was preempted"));
	EXPECT_EQ("beta: it was preempted", carried.missing_by_peer(2, "beta"));
	disk.preempt(ours);
	checks();
	ASSERT_EQ(0U, carried.state().key);
	EXPECT_EQ("beta: it was preempted", carried.missing_by_peer(2, "beta"));
	EXPECT_FALSE(carried.answered(2, 0, ""));
	EXPECT_EQ("", carried.missing_by_peer(2, "beta"));
}

/// The other nexus is this server's; the first is the client's.
class ClientKeysTest : public testing::Test
{
protected:
	/// Until nothing is to be changed. The refusal.
	std::string look(const std::string &client = "alpha")
	{
		for (unsigned i = 0; i < 3; i++) {
			const auto verdict = served.looked(client, disk.through(2));
			if (!verdict.change)
				return verdict.refusal;
			EXPECT_EQ(verdict.change->had, disk.keys[2]);
			disk.keys[2] = verdict.change->key;
			served.changed(verdict.change->key);
		}
		return "it does not come to an end";
	}

	Disk disk;
	ClientKeys served;
};

TEST_F(ClientKeysTest, WithoutReservationsThereIsNothingToDo)
{
	served.told("alpha", 0);
	EXPECT_EQ("", look());
	EXPECT_EQ(0U, disk.keys[2]);
}

TEST_F(ClientKeysTest, TheServersNexusIsRegisteredForItsClientAndForNoLonger)
{
	disk.keys[0] = ours;
	disk.type = Type::WriteExclusiveRegistrants;
	served.told("alpha", ours);
	EXPECT_EQ("", look());
	EXPECT_EQ(ours, disk.keys[2]);
	EXPECT_EQ(0U, served.own_view(disk.through(2)).own);
	served = ClientKeys(served.state());
	disk.type = Type::None;
	served.told("alpha", 0);
	EXPECT_EQ("", look());
	EXPECT_EQ(0U, disk.keys[2]);
}

TEST_F(ClientKeysTest, APreemptedClientIsRefused)
{
	disk.keys[0] = ours;
	disk.type = Type::ExclusiveAccessAllRegistrants;
	served.told("alpha", ours);
	ASSERT_EQ("", look());
	disk.preempt(ours);
	EXPECT_NE("", look());
	EXPECT_EQ(0U, disk.keys[2]) << "nothing comes back";
	served.told("alpha", 0);
	EXPECT_NE("", look()) << "no key, no rights";
}

TEST_F(ClientKeysTest, AServerWithAKeyOfItsUsersKeepsIt)
{
	disk.keys = {ours, 0, other_host};
	disk.type = Type::WriteExclusiveRegistrants;
	served.told("alpha", ours);
	EXPECT_EQ("", look());
	EXPECT_EQ(other_host, disk.keys[2]);
	EXPECT_EQ(other_host, served.own_view(disk.through(2)).own);
	disk.preempt(ours);
	EXPECT_NE("", look()) << "its own nexus could still write";
}

TEST_F(ClientKeysTest, UsersOfTheServerMayReplaceTheCopy)
{
	disk.keys[0] = ours;
	served.told("alpha", ours);
	ASSERT_EQ("", look());
	disk.keys[2] = other_host;
	EXPECT_EQ("", look());
	served.told("alpha", 0);
	EXPECT_EQ("", look());
	EXPECT_EQ(other_host, disk.keys[2]);
}

TEST_F(ClientKeysTest, EachClientHasTheRightsOfItsOwnKey)
{
	disk.keys = {ours, other_host, 0};
	disk.type = Type::WriteExclusiveRegistrants;
	served.told("alpha", ours);
	served.told("gamma", other_host);
	EXPECT_EQ("", look("alpha"));
	EXPECT_EQ("", look("gamma"));
	EXPECT_EQ("", look("alpha"));
	EXPECT_EQ(ours, disk.keys[2]) << "one nexus, one key, and it does not flap";
	// alpha is served no more: gamma is not without rights for a moment.
	served.told("alpha", 0);
	EXPECT_TRUE(served.copy_is_left());
	EXPECT_EQ((NexusChange{ours, other_host}), served.looked("alpha", disk.through(2)).change);
	(void)look("alpha");
	EXPECT_FALSE(served.copy_is_left());
	served.forget("alpha");
	EXPECT_EQ("", look("gamma"));
	EXPECT_EQ(other_host, disk.keys[2]);
	// Its key alone is preempted.
	served.told("alpha", ours);
	disk.preempt(other_host);
	EXPECT_NE("", look("gamma"));
	EXPECT_EQ("", look("alpha"));
	EXPECT_EQ(ours, disk.keys[2]);
}

TEST_F(ClientKeysTest, AReservationForOneNexusIsNotCarried)
{
	for (const auto type : {Type::WriteExclusive, Type::ExclusiveAccess}) {
		disk = {};
		disk.keys[0] = ours;
		disk.type = type;
		served = {};
		served.told("alpha", ours);
		EXPECT_NE(std::string::npos, look().find("one nexus alone"));
	}
}

TEST_F(ClientKeysTest, AClientWithoutAKeyHasNoRightsOnAReservedDisk)
{
	disk.keys[2] = other_host;
	disk.type = Type::WriteExclusiveRegistrants;
	served.told("alpha", 0);
	EXPECT_NE("", look());
}

} // namespace
} // namespace swpath
