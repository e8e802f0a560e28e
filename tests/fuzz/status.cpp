// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/unit_status.h"
#include "tests/fuzz/fuzz.h"

/// What is read of a status line refers only to paths that it has.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto status = swpath::parse_status(text_of(data, size));
	if (!status) {
		FUZZ_EXPECT(!status.error().context.empty());
		return 0;
	}
	FUZZ_EXPECT(!status->paths.empty() && status->paths.size() <= SW_PATHS_MAX);
	FUZZ_EXPECT(!status->active || *status->active < status->paths.size());
	FUZZ_EXPECT(!status->from || *status->from < status->paths.size());
	return 0;
}
