// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/scsi.h"
#include "tests/fuzz/fuzz.h"

/// What a disk answers: sense data with its status byte in front, and target port groups.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const std::span<const std::uint8_t> bytes(data, size);
	(void)swpath::parse_port_groups(bytes);
	if (bytes.empty())
		return 0;
	const auto sense = swpath::parse_sense(bytes.subspan(1));
	const auto outcome = swpath::classify(bytes[0], sense);
	FUZZ_EXPECT(swpath::word(outcome) != "?");
	if (sense)
		FUZZ_EXPECT(!swpath::sense_text(*sense).empty());
	return 0;
}
