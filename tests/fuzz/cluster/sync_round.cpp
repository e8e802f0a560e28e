// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/cluster/disk_sightings.h"
#include "libpath/cluster/recovery.h"
#include "libpath/cluster/server_directory.h"
#include "tests/fuzz/fuzz.h"

using namespace swpath;

namespace
{

/// In place of a kind of message: the time goes on.
constexpr char wait = '\xff';

/// A frame of this round: no search would find its tag.
std::string frame_of(const SyncTag &tag, char kind, std::string_view body)
{
	auto frame = encode({tag, SyncStep{1, 0}});
	frame.resize(frame.size() - 8);
	frame[6] = kind;
	frame += body;
	return frame;
}

void check(const RecoveryActions &actions)
{
	for (const auto &action : actions.send)
		FUZZ_EXPECT(decode_sync_message(action.bytes).has_value());
}

} // namespace

/// All that a member says in a round: bodies of messages, each behind its length and its kind. Two
/// real services take part, and whatever the member does, the round ends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const Member self{"alpha", 1}, other{"beta", 2};
	DiskSightings sightings(self);
	sightings.set_own({1});
	ServerDirectory directory(self, "alpha:10809");
	FUZZ_EXPECT(directory.offer("d", 1, "sw0"));
	// Two questions to a barrier: more would only say the same again.
	RecoveryLimits limits;
	limits.barrier = 2 * limits.again;
	Recovery recovery(self, {&sightings, &directory}, limits);
	Instant now{std::chrono::seconds(1)};
	check(recovery.change({{"alpha", 7}, {self, other}, {"alpha", "beta"}}, now));

	auto rest = text_of(data, size);
	while (rest.size() >= 2) {
		const auto bytes = static_cast<unsigned char>(rest[0]);
		const auto kind = rest[1];
		const auto body = rest.substr(2, bytes);
		rest.remove_prefix(2 + body.size());
		if (kind != wait) {
			const auto frame = frame_of(recovery.status().tag, kind, body);
			check(recovery.take(other, frame, now));
		} else if (const auto deadline = recovery.deadline()) {
			FUZZ_EXPECT(*deadline >= now);
			now = *deadline;
			check(recovery.tick(now));
		}
	}
	for (unsigned i = 0; i < 200 && recovery.deadline(); i++) {
		now = *recovery.deadline();
		check(recovery.tick(now));
	}
	FUZZ_EXPECT(recovery.phase() == RecoveryPhase::Complete);
	(void)sightings.of_others();
	(void)directory.disks();
	return 0;
}
