// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/run_state.h"

#include "tests/fuzz/fuzz.h"

using namespace swpath;

/// Files that an earlier pathd left: whatever is read of a unit's state is written and read again
/// as it was, and whatever is read of hosts can be spoken to.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto text = text_of(data, size);
	const auto state = parse_run_state(text);
	FUZZ_EXPECT(parse_run_state(run_state_text(state)) == state);
	for (const auto &host : parse_found_hosts(text)) {
		FUZZ_EXPECT(is_name(host.name));
		const auto again = HostAddress::parse(host.address.text(), 1);
		FUZZ_EXPECT(again && *again == host.address);
	}
	return 0;
}
