// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/hints/hint_value.h"

#include <algorithm>

#include "libpath/base/crc32c.h"
#include "libpath/hints/lock_line.h"
#include "tests/fuzz/fuzz.h"

namespace
{

void check(std::span<const std::byte> bytes)
{
	const auto value = swpath::HintValue::decode(bytes);
	if (!value) {
		FUZZ_EXPECT(!value.error().context.empty());
		return;
	}
	const auto again = value->encode();
	FUZZ_EXPECT(again && std::equal(again->begin(), again->end(), bytes.begin(), bytes.end()));
	FUZZ_EXPECT(swpath::BusName::parse(value->bus.text()) == value->bus);
}

} // namespace

/// A lock value block as it is, and again with a CRC that fits, which no search would find.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const auto bytes = std::as_bytes(std::span(data, size));
	check(bytes);
	if (size == swpath::hint_bytes) {
		swpath::HintBytes sound;
		std::copy(bytes.begin(), bytes.end(), sound.begin());
		const auto crc = swpath::crc32c(std::span(sound).first(28));
		for (unsigned i = 0; i < 4; i++)
			sound[28 + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
		check(sound);
	}
	const auto text = text_of(data, size);
	(void)swpath::BusName::parse(text);
	if (const auto derived = swpath::BusName::derive(text))
		FUZZ_EXPECT(derived->derived() &&
			    swpath::BusName::parse(derived->text()) == *derived);
	else
		FUZZ_EXPECT(text.empty());
	if (const auto order = swpath::LockOrder::parse(text)) {
		const auto again = swpath::LockOrder::parse(swpath::lock_line(*order));
		FUZZ_EXPECT(again && again->kind == order->kind && again->name == order->name &&
			    again->bytes == order->bytes && again->limit == order->limit);
	}
	// What the process of the lock space says; the text of a failure loses its blanks.
	const auto event = swpath::parse_lock_event(text);
	if (event && !event->error) {
		const auto again = swpath::parse_lock_event(swpath::lock_line(*event));
		FUZZ_EXPECT(again && again->kind == event->kind && again->name == event->name &&
			    again->value == event->value);
	}
	return 0;
}
