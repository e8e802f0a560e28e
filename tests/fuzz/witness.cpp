// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/unit_status.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto witness = swpath::parse_witness(text_of(data, size));
	if (!witness) {
		FUZZ_EXPECT(!witness.error().context.empty());
		return 0;
	}
	FUZZ_EXPECT(witness->size() <= SW_WITNESS_MAX);
	for (const auto &record : *witness)
		FUZZ_EXPECT(record.bytes > 0 && record.bytes <= SW_WITNESS_BYTES);
	return 0;
}
