// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/recovery.h"
#include "tests/fuzz/fuzz.h"

using namespace swpath;

/// What a member sends: whatever is read is written again as it was, and a recovery in the midst of
/// a round survives it and goes on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto bytes = text_of(data, size);
	const auto message = decode_sync_message(bytes);
	if (message) {
		FUZZ_EXPECT(encode(*message) == bytes);
	} else {
		FUZZ_EXPECT(!message.error().context.empty());
	}
	const Member self{"alpha", 1}, other{"beta", 2};
	// Two questions to a barrier: more would only say the same again.
	RecoveryLimits limits;
	limits.barrier = 2 * limits.again;
	Recovery recovery(self, {}, limits);
	Instant now{std::chrono::seconds(1)};
	(void)recovery.change({{"alpha", 7}, {self, other}, {"alpha", "beta"}}, now);
	for (const auto &action : recovery.take(other, bytes, now).send)
		FUZZ_EXPECT(decode_sync_message(action.bytes).has_value());
	// Whatever it was, the time for a barrier ends.
	for (unsigned i = 0; i < 100 && recovery.deadline(); i++) {
		FUZZ_EXPECT(*recovery.deadline() >= now);
		now = *recovery.deadline();
		(void)recovery.tick(now);
	}
	FUZZ_EXPECT(recovery.phase() == RecoveryPhase::Complete);
	return 0;
}
