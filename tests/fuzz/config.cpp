// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "libpath/config/config.h"
#include "tests/fuzz/fuzz.h"

/// A configuration is taken or refused with a reason, and what is taken differs from itself in
/// nothing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const swpath::ConfigFile files[] = {{"fuzz.toml", std::string(text_of(data, size))}};
	const auto config = swpath::parse_config(files);
	if (!config) {
		FUZZ_EXPECT(!config.error().empty());
		for (const auto &problem : config.error())
			FUZZ_EXPECT(!problem.message().empty() && problem.where.line > 0);
		return 0;
	}
	FUZZ_EXPECT(swpath::diff(*config, *config).empty());
	for (const auto &each : swpath::effective_values(*config))
		FUZZ_EXPECT(!each.key.empty() && !each.value.empty());
	for (const auto &[name, unit] : config->units)
		FUZZ_EXPECT(!unit.paths.empty() && !unit.wwid.empty() &&
			    unit.effective_command_timeout().count() > 0);
	return 0;
}
