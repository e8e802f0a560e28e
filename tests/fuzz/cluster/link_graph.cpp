// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/static_membership.h"
#include "tests/fuzz/fuzz.h"

using namespace swpath;

/// What a peer tells of links: whatever is read is written again as it was, and never takes this
/// host out of its own group.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto bytes = text_of(data, size);
	const auto graph = decode_link_graph(bytes);
	if (graph) {
		FUZZ_EXPECT(encode(*graph) == bytes);
	} else {
		FUZZ_EXPECT(!graph.error().context.empty());
	}
	const Member self{"alpha", 1}, other{"beta", 2};
	StaticMembership membership(self);
	(void)membership.begin();
	(void)membership.link_up(other);
	(void)membership.take(other, bytes);
	FUZZ_EXPECT(contains(membership.membership().members, self));
	return 0;
}
