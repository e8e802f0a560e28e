// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/group_membership.h"
#include "tests/fuzz/fuzz.h"

using namespace swpath;

/// A message of a group's process: whatever is read is written again as it was, and a host that has
/// introduced itself stays a member.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto bytes = text_of(data, size);
	const auto introduction = decode_introduction(bytes);
	if (introduction) {
		FUZZ_EXPECT(encode(*introduction) == bytes);
	} else {
		FUZZ_EXPECT(!introduction.error().context.empty());
	}
	const Member self{"alpha", 1};
	const GroupProcess own{1, 100}, other{2, 200};
	const Instant now{std::chrono::seconds(1)};
	GroupMembership group(self);
	group.begin(own);
	(void)group.ring({1, 7, {1, 2}}, now);
	(void)group.list({{own, other}, {}, {own}}, now);
	(void)group.take(own, encode(Introduction{self, false}), now);
	(void)group.take(other, bytes, now);
	(void)group.tick(now + GroupMembership::introduction_time);
	FUZZ_EXPECT(contains(group.membership().members, self));
	return 0;
}
