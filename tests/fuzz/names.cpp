// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <string>

#include "libpath/base/dev_number.h"
#include "libpath/base/text.h"
#include "libpath/control/wall_time.h"
#include "libpath/sys/leg_mark.h"
#include "libpath/unit/nbd_endpoint.h"
#include "libpath/unit/unit_name.h"
#include "tests/fuzz/fuzz.h"

using namespace swpath;

namespace
{

std::string rules_of(std::string_view wwid)
{
	const std::string name(wwid);
	return leg_rules({&name, 1});
}

} // namespace

/// Short texts that name something: what is read is written so that it is read as the same, and a
/// WWID stays one word of one line of udev's rules.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto text = text_of(data, size);
	if (const auto number = DevNumber::parse(text)) {
		FUZZ_EXPECT(DevNumber::parse(number->text()) == number);
		FUZZ_EXPECT(DevNumber::from(number->dev()) == *number);
	}
	if (const auto duration = parse_duration(text))
		FUZZ_EXPECT(parse_duration(duration_text(*duration)) == duration);
	if (const auto time = parse_rfc3339(text))
		FUZZ_EXPECT(parse_rfc3339(rfc3339(*time)) == time);
	if (const auto endpoint = NbdEndpoint::parse(text)) {
		const auto again = NbdEndpoint::parse(endpoint->text());
		FUZZ_EXPECT(again && *again == *endpoint);
	}

	static const UnitName units[] = {{"sw0", "naa.6001", DevNumber{253, 0}},
					 {"sw12", "", DevNumber{253, 12}}};
	const auto unit = find_unit(units, text);
	if (unit)
		FUZZ_EXPECT(*unit < std::size(units));
	else
		FUZZ_EXPECT(!unit.error().context.empty());
	if (is_unit_name(text))
		FUZZ_EXPECT(text.starts_with("sw") && size <= 8);

	// None for a unit without a WWID.
	if (text.empty())
		return 0;
	static const auto usual = rules_of("naa.6001");
	const auto rules = rules_of(text);
	for (const char each : {'\n', '"', '*', '[', '|', '\\'})
		FUZZ_EXPECT(std::count(rules.begin(), rules.end(), each) ==
			    std::count(usual.begin(), usual.end(), each));
	return 0;
}
