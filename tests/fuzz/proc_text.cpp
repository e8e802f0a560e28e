// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "libpath/sys/proc_text.h"
#include "tests/fuzz/fuzz.h"

namespace
{

bool printable(const std::string &text)
{
	return std::all_of(text.begin(), text.end(),
			   [](char each) { return each >= ' ' && each <= '~'; });
}

} // namespace

/// Names that others choose, in lines of /proc: what is read of them can be shown.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto text = text_of(data, size);
	if (const auto stat = swpath::parse_process_stat(text))
		FUZZ_EXPECT(printable(stat->command));
	if (const auto mount = swpath::parse_mount_line(text))
		FUZZ_EXPECT(printable(mount->at) && printable(mount->source));
	if (const auto swap = swpath::parse_swap_line(text))
		FUZZ_EXPECT(printable(*swap) && swap->starts_with('/'));
	return 0;
}
