// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/nbd_handshake.h"
#include "tests/fuzz/fuzz.h"

/// A server's bytes: the client never wants more than its bound, always ends, and takes only what
/// is a disk.
static void play(std::span<const std::uint8_t> rest, bool tls)
{
	swpath::NbdHandshake handshake("disk", tls);
	unsigned steps = 0;
	while (handshake.wants() != 0 && handshake.wants() <= rest.size()) {
		FUZZ_EXPECT(handshake.wants() <= swpath::NbdHandshake::reply_bytes_max);
		FUZZ_EXPECT(++steps <= 2 * swpath::NbdHandshake::replies_max + 2);
		const auto bytes = rest.first(handshake.wants());
		rest = rest.subspan(handshake.wants());
		if (!handshake.step(bytes)) {
			FUZZ_EXPECT(!handshake.done() && handshake.wants() == 0);
			return;
		}
		if (handshake.wants_tls()) {
			FUZZ_EXPECT(tls && handshake.wants() == 0);
			FUZZ_EXPECT(handshake.secured() && !handshake.wants_tls());
		}
	}
	if (handshake.done()) {
		FUZZ_EXPECT(handshake.result().size_bytes > 0);
		FUZZ_EXPECT(handshake.result().size_bytes % 512 == 0);
	}
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	play({data, size}, false);
	play({data, size}, true);
	return 0;
}
