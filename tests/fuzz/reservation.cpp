// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/reservation.h"
#include "tests/fuzz/fuzz.h"

/// What a disk answers to PERSISTENT RESERVE IN.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const std::span<const std::uint8_t> bytes(data, size);
	if (const auto keys = swpath::parse_reservation_keys(bytes))
		FUZZ_EXPECT(keys->keys.size() * 8 + 8 <= size);
	if (const auto holder = swpath::parse_reservation_holder(bytes))
		FUZZ_EXPECT(!swpath::reservation_type_text(holder->type).empty());
	if (const auto can = swpath::parse_reservation_capabilities(bytes))
		FUZZ_EXPECT(can->types_valid || can->types == 0);
	if (const auto status = swpath::parse_reservation_status(bytes))
		for (const auto &one : *status)
			FUZZ_EXPECT(!swpath::transport_id_text(one.transport_id).empty() ||
				    one.transport_id.size() > 4);
	return 0;
}
