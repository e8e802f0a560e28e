// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/members_message.h"
#include "tests/fuzz/fuzz.h"

using namespace swpath;

/// A packet between pathd and swpath-members, either way: whatever is read is written again as it
/// was, and is within the bounds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto packet = text_of(data, size);
	const auto order = decode_members_order(packet);
	if (order)
		FUZZ_EXPECT(encode(*order) == packet);
	else
		FUZZ_EXPECT(!order.error().context.empty());
	const auto news = decode_members_news(packet);
	if (!news) {
		FUZZ_EXPECT(!news.error().context.empty());
		return 0;
	}
	FUZZ_EXPECT(encode(*news) == packet);
	if (const auto *membership = std::get_if<Membership>(&*news)) {
		auto members = membership->members;
		put_in_order(members);
		FUZZ_EXPECT(members == membership->members && members.size() <= members_max);
	}
	return 0;
}
