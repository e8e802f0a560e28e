// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/unit/identity.h"
#include "tests/fuzz/fuzz.h"

/// Two pages: the first byte says how long the first one is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	if (size == 0)
		return 0;
	const std::span<const std::uint8_t> rest(data + 1, size - 1);
	const auto first = std::min<std::size_t>(data[0], rest.size());
	const auto identity = swpath::make_identity(rest.subspan(first), rest.first(first));
	if (!identity)
		return 0;
	for (const auto &each : identity->designators)
		FUZZ_EXPECT(!each.bytes.empty() && !each.text().empty());
	FUZZ_EXPECT(!swpath::compare(*identity, *identity));
	(void)identity->relative_port();
	(void)identity->port_group();
	return 0;
}
