// SPDX-License-Identifier: GPL-2.0-or-later
/// One message of each kind, with a value in every field that it carries.
#pragma once

#include "libpath/control/peer_message.h"

namespace swpath::test
{

inline PeerHello peer_hello(std::string name)
{
	PeerHello hello;
	hello.host.fill(0x11);
	hello.boot.fill(0x22);
	hello.incarnation = 0x3344;
	hello.name = std::move(name);
	return hello;
}

inline std::vector<PeerRequest> peer_requests()
{
	std::vector<PeerRequest> all(Words<PeerVerb>::all.size());
	for (std::size_t i = 0; i < all.size(); i++) {
		auto &one = all[i];
		one.verb = static_cast<PeerVerb>(i);
		one.id = 100 + i;
		one.clock = 3600000000000;
		one.deadline_ms = 5000;
		if (one.verb == PeerVerb::Hello)
			one.hello = peer_hello("alpha");
		else if (one.verb != PeerVerb::Status && one.verb != PeerVerb::Cast)
			one.wwid = "naa.60014051234567890abcdef012345678";
	}
	const auto of = [&](PeerVerb verb) -> PeerRequest & {
		return all[static_cast<std::size_t>(verb)];
	};
	of(PeerVerb::Export).epoch = 7;
	of(PeerVerb::Export).read_only = true;
	of(PeerVerb::Revoke).epoch = 8;
	of(PeerVerb::Register).key = 0x5357000000000001;
	of(PeerVerb::Reserve).key = 0x5357000000000001;
	of(PeerVerb::Reserve).type = ReservationType::WriteExclusiveRegistrants;
	of(PeerVerb::PreemptAbort).key = 0x5357000000000001;
	of(PeerVerb::PreemptAbort).victim = 0x5357000000000002;
	of(PeerVerb::PreemptAbort).type = ReservationType::WriteExclusiveRegistrants;
	of(PeerVerb::PreemptAbort).mv = 3;
	of(PeerVerb::Carry).key = 0xabcd;
	of(PeerVerb::Cast).cast = std::string("SWPS\0frame", 10);
	return all;
}

inline std::vector<PeerAnswer> peer_answers()
{
	std::vector<PeerAnswer> all(Words<PeerVerb>::all.size());
	for (std::size_t i = 0; i < all.size(); i++) {
		all[i].verb = static_cast<PeerVerb>(i);
		all[i].id = 100 + i;
		all[i].clock = 7200000000000;
		all[i].text = "as it went";
	}
	const auto of = [&](PeerVerb verb) -> PeerAnswer & {
		return all[static_cast<std::size_t>(verb)];
	};
	of(PeerVerb::Hello).hello = peer_hello("beta");
	auto &attest = of(PeerVerb::Attest);
	attest.direct = attest.reservations = attest.lu_reset = true;
	attest.capacity_bytes = 1ULL << 40;
	attest.logical_block_bytes = 512;
	attest.physical_block_bytes = 4096;
	attest.epoch = 7;
	attest.key = 0x5357000000000002;
	attest.boot.fill(0x44);
	attest.keys = {0x5357000000000002, 0x5357000000000003};
	attest.designators = {"naa.6001405", "t10.LIO-ORG"};
	of(PeerVerb::Export).export_name = "naa.6001405@alpha@7";
	of(PeerVerb::Export).port = 10809;
	of(PeerVerb::Export).nexus = 42;
	of(PeerVerb::Export).key = 0x5357000000000003;
	of(PeerVerb::Revoke).ended = 12;
	of(PeerVerb::Revoke).lost = 3;
	of(PeerVerb::Keys).generation = 9;
	of(PeerVerb::Keys).type = ReservationType::WriteExclusiveRegistrants;
	of(PeerVerb::Keys).keys = {0x5357000000000001, 0x5357000000000002};
	of(PeerVerb::Status).uptime_s = 3600;
	PeerAnswer failed;
	failed.verb = PeerVerb::PreemptAbort;
	failed.status = PeerStatus::NotRegistered;
	failed.text = "no nexus has the key";
	all.push_back(failed);
	return all;
}

} // namespace swpath::test
