// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/control/peer_service.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/control/peer_messages.h"

namespace swpath
{
namespace
{

using test::peer_hello;
using testing::HasSubstr;

constexpr std::uint64_t own_key = 0x5357000000000001;

class PeerServiceTest : public testing::Test
{
protected:
	PeerServiceTest()
	{
		disk.direct = true;
		disk.serving = true;
		disk.reservations = true;
		disk.lu_reset = true;
		disk.geometry = {64U << 20, 512, 4096, false};
		disk.designators = {"naa.6", "t10.x"};
		disk.key = own_key;
		disk.epoch = 7;
	}
	PeerRequest request(PeerVerb verb)
	{
		PeerRequest one;
		one.verb = verb;
		one.id = ++last_id;
		one.deadline_ms = 4000;
		one.wwid = "naa.6";
		one.key = own_key;
		one.epoch = 8;
		one.victim = 99;
		one.type = ReservationType::WriteExclusiveRegistrants;
		return one;
	}
	PeerService::Taken take(const PeerRequest &of, const std::string &name = "alpha")
	{
		return service.take(peer_hello(name), name, of, &disk, Instant{});
	}
	PeerAnswer refused(PeerVerb verb)
	{
		const auto taken = take(request(verb));
		EXPECT_FALSE(taken.order);
		EXPECT_TRUE(taken.answer);
		return taken.answer.value_or(PeerAnswer{});
	}

	static PeerHello own_hello()
	{
		auto hello = peer_hello("beta");
		hello.host.fill(0x33);
		return hello;
	}

	PeerService service{own_hello()};
	PeerDisk disk;
	std::uint64_t last_id = 0;
};

TEST_F(PeerServiceTest, WhatAnEngineSaysIsHandedOnWithoutADisk)
{
	auto cast = request(PeerVerb::Cast);
	cast.cast = "SWPS";
	const auto taken = service.take(peer_hello("alpha"), "alpha", cast, nullptr, Instant{});
	EXPECT_EQ(taken.cast, "SWPS");
	EXPECT_FALSE(taken.order);
	ASSERT_TRUE(taken.answer);
	EXPECT_EQ(taken.answer->status, PeerStatus::Ok);
	EXPECT_EQ(taken.answer->id, cast.id);
	// It is no order of this host: what is asked twice is handed on twice.
	EXPECT_TRUE(service.take(peer_hello("alpha"), "alpha", cast, nullptr, Instant{}).cast);
}

// It registers the keys that this host has registered: neither could fence the other.
TEST_F(PeerServiceTest, ACopyOfThisHostGetsNoExportOfADiskWithReservations)
{
	auto copy = peer_hello("alpha");
	copy.host = own_hello().host;
	const auto ask = [&] {
		return service.take(copy, "alpha", request(PeerVerb::Export), &disk, Instant{});
	};
	const auto taken = ask();
	EXPECT_FALSE(taken.order);
	ASSERT_TRUE(taken.answer);
	EXPECT_EQ(taken.answer->status, PeerStatus::Refused);
	EXPECT_THAT(taken.answer->text, HasSubstr("two hosts have one /etc/machine-id"));
	disk.key = 0;
	EXPECT_TRUE(ask().order);
}

TEST_F(PeerServiceTest, AttestsWhatTheHostSees)
{
	const auto taken = take(request(PeerVerb::Attest));
	ASSERT_TRUE(taken.answer);
	EXPECT_EQ(taken.answer->status, PeerStatus::Ok);
	EXPECT_TRUE(taken.answer->direct);
	EXPECT_EQ(taken.answer->capacity_bytes, 64U << 20);
	EXPECT_EQ(taken.answer->epoch, 7U);
	EXPECT_EQ(taken.answer->key, own_key);
	EXPECT_EQ(taken.answer->designators, disk.designators);
	EXPECT_EQ(taken.answer->boot, peer_hello("beta").boot);
	// A host that has lost its path says so, and is not silent.
	disk.direct = false;
	EXPECT_FALSE(take(request(PeerVerb::Attest)).answer->direct);
}

TEST_F(PeerServiceTest, ADiskThatIsNotServedIsUnknown)
{
	const auto taken = service.take(peer_hello("alpha"), "alpha", request(PeerVerb::Export),
					nullptr, Instant{});
	ASSERT_TRUE(taken.answer);
	EXPECT_EQ(taken.answer->status, PeerStatus::UnknownDisk);
	EXPECT_EQ(taken.answer->verb, PeerVerb::Export);
}

TEST_F(PeerServiceTest, AnOrderIsDoneOnceHoweverOftenItIsAskedFor)
{
	const auto asked = request(PeerVerb::Revoke);
	const auto first = take(asked);
	ASSERT_TRUE(first.order);
	EXPECT_EQ(first.order->kind, PeerOrder::Kind::Revoke);
	EXPECT_EQ(first.order->request.epoch, 8U);
	// The connection broke and it is sent again, before and after its end.
	const auto again = take(asked);
	EXPECT_FALSE(again.order || again.answer);
	PeerAnswer answer;
	answer.ended = 12;
	answer.lost = 1;
	const auto done = service.done(first.order->token, answer);
	ASSERT_TRUE(done);
	EXPECT_EQ(done->answer.id, asked.id);
	EXPECT_EQ(done->answer.verb, PeerVerb::Revoke);
	EXPECT_EQ(done->client, peer_hello("alpha"));
	const auto later = take(asked);
	ASSERT_TRUE(later.answer);
	EXPECT_EQ(*later.answer, done->answer);
	EXPECT_FALSE(service.done(first.order->token, answer));
}

TEST_F(PeerServiceTest, AnIdThatWasAnotherRequestsGetsNoAnswerOfThatOne)
{
	auto asked = request(PeerVerb::Revoke);
	const auto first = take(asked);
	ASSERT_TRUE(first.order);
	ASSERT_TRUE(service.done(first.order->token, PeerAnswer{}));
	asked.deadline_ms = 100; // sent again: what is left of its time
	ASSERT_TRUE(take(asked).answer);
	EXPECT_EQ(take(asked).answer->status, PeerStatus::Ok);
	asked.epoch = 9;
	const auto other = take(asked);
	ASSERT_TRUE(other.answer);
	EXPECT_FALSE(other.order);
	EXPECT_EQ(other.answer->status, PeerStatus::BadRequest);
}

TEST_F(PeerServiceTest, FenceStepsGoThroughThisHostsNexus)
{
	auto asked = request(PeerVerb::PreemptAbort);
	const auto taken = take(asked);
	ASSERT_TRUE(taken.order);
	EXPECT_EQ(taken.order->kind, PeerOrder::Kind::Disk);
	EXPECT_EQ(taken.order->action.kind, FenceAction::Kind::PreemptAbort);
	EXPECT_EQ(taken.order->action.key, own_key);
	EXPECT_EQ(taken.order->action.victim, 99U);
	EXPECT_EQ(taken.order->action.type, ReservationType::WriteExclusiveRegistrants);
	EXPECT_EQ(taken.order->limit, std::chrono::seconds(4));
	// With an old idea of this host's key nothing is changed.
	asked = request(PeerVerb::Register);
	asked.key = own_key + 1;
	EXPECT_EQ(take(asked).answer->status, PeerStatus::Refused);
}

TEST_F(PeerServiceTest, WhatTheHostMayNotOrCannotIsRefusedWithTheReason)
{
	disk.lu_reset = false;
	EXPECT_EQ(refused(PeerVerb::LuReset).status, PeerStatus::Unsupported);
	disk.reservations = false;
	EXPECT_EQ(refused(PeerVerb::Keys).status, PeerStatus::Unsupported);
	disk.looped = true;
	EXPECT_THAT(refused(PeerVerb::Export).text, HasSubstr("through another one"));
	disk.serving = false;
	EXPECT_EQ(refused(PeerVerb::Export).status, PeerStatus::Busy);
	disk.direct = false;
	EXPECT_EQ(refused(PeerVerb::Export).status, PeerStatus::UnknownDisk);
	// The end of an export needs no path: it is for when there is none.
	EXPECT_TRUE(take(request(PeerVerb::Revoke)).order);
}

TEST_F(PeerServiceTest, APeersOrderIsForItsOwnExport)
{
	for (const char *name : {"gamma", "alpha"})
		for (const auto verb : {PeerVerb::Export, PeerVerb::Revoke}) {
			const auto taken = take(request(verb), name);
			ASSERT_TRUE(taken.order);
			EXPECT_EQ(taken.order->client, name);
		}
}

TEST(PeerStatusOf, IsTheErrnoThatTheOtherSideReads)
{
	for (const int number :
	     {0, EINPROGRESS, ENOENT, EBADE, EOPNOTSUPP, EACCES, ENODEV, ETIMEDOUT, EAGAIN, EIO})
		EXPECT_EQ(errno_of(peer_status_of(number)), number);
	EXPECT_EQ(errno_of(peer_status_of(ENXIO)), EIO);
}

TEST_F(PeerServiceTest, AUsersKeyIsCarriedWhereFencesUseNone)
{
	// Each would undo what the other does with the nexus.
	EXPECT_EQ(refused(PeerVerb::Carry).status, PeerStatus::Conflict);
	disk.key = 0;
	disk.reservations = false;
	auto carry = request(PeerVerb::Carry);
	carry.key = 0xabcd;
	const auto taken = take(carry);
	ASSERT_TRUE(taken.order);
	EXPECT_EQ(taken.order->kind, PeerOrder::Kind::Carry);
	EXPECT_EQ(taken.order->client, "alpha");
	EXPECT_EQ(taken.order->request.key, 0xabcdU);
	// By the nexus of a direct path, so there must be one.
	disk.direct = false;
	EXPECT_EQ(refused(PeerVerb::Carry).status, PeerStatus::UnknownDisk);
}

} // namespace
} // namespace swpath
