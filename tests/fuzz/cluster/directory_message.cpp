// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/server_directory.h"
#include "tests/fuzz/fuzz.h"

using namespace swpath;

/// What a host says of servers: whatever is read is written again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto bytes = text_of(data, size);
	const auto message = decode_offers(bytes);
	if (message) {
		FUZZ_EXPECT(encode(*message) == bytes);
	} else {
		FUZZ_EXPECT(!message.error().context.empty());
	}
	const Member self{"alpha", 1}, other{"beta", 2};
	ServerDirectory directory(self, "alpha:10809");
	FUZZ_EXPECT(directory.offer("d", 1, "sw0"));
	directory.sync_init({{{"alpha", 7}, 1}, {self, other}, {}});
	for (const auto &own : directory.sync_process().messages)
		directory.sync_receive(self, own);
	directory.sync_receive(other, bytes);
	directory.sync_activate();
	FUZZ_EXPECT(directory.sync_news().empty());
	directory.sync_hear(other, bytes);
	return 0;
}
