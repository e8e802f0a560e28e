// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/unit_status.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto history = swpath::parse_history(text_of(data, size));
	if (!history) {
		FUZZ_EXPECT(!history.error().context.empty());
		return 0;
	}
	FUZZ_EXPECT(history->size() <= SW_HISTORY_MAX);
	for (const auto &record : *history)
		FUZZ_EXPECT((!record.from || *record.from < SW_PATHS_MAX) &&
			    (!record.to || *record.to < SW_PATHS_MAX));
	return 0;
}
