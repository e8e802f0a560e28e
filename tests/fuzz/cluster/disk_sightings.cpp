// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/disk_sightings.h"
#include "tests/fuzz/fuzz.h"

using namespace swpath;

/// What a host says of the disks that it sees: whatever is read is written again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto bytes = text_of(data, size);
	const auto message = decode_sightings(bytes);
	if (!message) {
		FUZZ_EXPECT(!message.error().context.empty());
		return 0;
	}
	const auto again = sighting_messages(message->disks);
	if (message->first && again.size() == 1)
		FUZZ_EXPECT(again[0] == bytes);
	const Member self{"alpha", 1}, other{"beta", 2};
	DiskSightings sightings(self);
	sightings.sync_init({{{"alpha", 7}, 1}, {self, other}, {}});
	sightings.sync_receive(other, bytes);
	sightings.sync_activate();
	FUZZ_EXPECT(sightings.of_others() == message->disks);
	return 0;
}
