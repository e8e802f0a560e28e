// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/table.h"
#include "tests/fuzz/fuzz.h"

/// Every table that is read can be built, and is read again as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	constexpr std::uint64_t sectors = 131072;
	const auto table = swpath::parse_table(sectors, text_of(data, size));
	if (!table)
		return 0;
	const auto line = swpath::build_table(*table);
	FUZZ_EXPECT(line.has_value());
	const auto again = swpath::parse_table(sectors, *line);
	FUZZ_EXPECT(again.has_value() && *again == *table);
	return 0;
}
