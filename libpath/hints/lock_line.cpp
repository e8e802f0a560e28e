// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/hints/lock_line.h"

#include <cerrno>

#include <fmt/core.h>

#include "libpath/base/text.h"

namespace swpath
{
namespace
{

/// As much as a publish may ever take.
constexpr std::uint32_t limit_ms_max = 3600000;

std::string value_text(const LockValue &value)
{
	return fmt::format("{} {}", value.valid ? "valid" : "invalid", lock_hex(value.bytes));
}

} // namespace

Result<LockOrder> LockOrder::parse(std::string_view line)
{
	const auto words = split_words(line);
	const auto kind = words.empty() ? std::nullopt : from_word<LockOrderKind>(words[0]);
	if (!kind)
		return fail(EINVAL, fmt::format("an order begins with one of {}",
						words_listed<LockOrderKind>()));
	const std::size_t count = *kind == LockOrderKind::Publish ? 4 : 2;
	if (words.size() != count)
		return fail(EINVAL,
			    fmt::format("{} has {} words, not {}", words[0], count, words.size()));
	LockOrder order;
	order.kind = *kind;
	order.name = words[1];
	if (auto good = check_lock_name(order.name); !good)
		return tl::unexpected(good.error());
	if (*kind == LockOrderKind::Publish) {
		if (!parse_hex(words[2], order.bytes))
			return fail(EINVAL, "a value has 64 hexadecimal digits");
		const auto limit = parse_number<std::uint32_t>(words[3]);
		if (!limit || *limit > limit_ms_max)
			return fail(EINVAL, fmt::format("a limit is 0 to {} ms", limit_ms_max));
		order.limit = std::chrono::milliseconds(*limit);
	}
	return order;
}

std::string lock_hex(const LockBytes &bytes)
{
	std::string text;
	for (const auto each : bytes)
		text += fmt::format("{:02x}", std::to_integer<unsigned>(each));
	return text;
}

std::string lock_line(const LockEvent &event)
{
	if (event.error)
		return fmt::format("{} {} {} {}", word(event.kind), event.name,
				   event.error->code.value(), event.error->message());
	return fmt::format("{} {} {}", word(event.kind), event.name, value_text(event.value));
}

std::string lock_line(std::string_view name, const LockValue &value)
{
	return fmt::format("value {} {}", name, value_text(value));
}

std::string lock_line(const LockOrder &order)
{
	auto line = fmt::format("{} {}", word(order.kind), order.name);
	if (order.kind == LockOrderKind::Publish)
		line += fmt::format(
			" {} {}", lock_hex(order.bytes),
			std::chrono::duration_cast<std::chrono::milliseconds>(order.limit).count());
	return line;
}

Result<LockEvent> parse_lock_event(std::string_view line)
{
	const auto words = split_words(line);
	const auto kind = words.empty() ? std::nullopt : from_word<LockEventKind>(words[0]);
	if (!kind)
		return fail(EINVAL, fmt::format("an event begins with one of {}",
						words_listed<LockEventKind>()));
	LockEvent event;
	event.kind = *kind;
	if (words.size() < 4)
		return fail(EINVAL, fmt::format("{} has {} words", words[0], words.size()));
	event.name = words[1];
	if (*kind == LockEventKind::Failed) {
		const auto code = parse_number<std::uint16_t>(words[2]);
		if (!code || *code == 0)
			return fail(EINVAL, "failed has no error number");
		const auto text = static_cast<std::size_t>(words[3].data() - line.data());
		event.error = Error{{*code, std::generic_category()},
				    std::string(trimmed(line.substr(text)))};
		return event;
	}
	if (auto good = check_lock_name(event.name); !good)
		return tl::unexpected(good.error());
	LockValue value{{}, words[2] == "valid"};
	if (words.size() != 4 || !parse_hex(words[3], value.bytes))
		return fail(EINVAL, "a value has 64 hexadecimal digits");
	if (words[2] != "valid" && words[2] != "invalid")
		return fail(EINVAL, "a value is valid or invalid");
	event.value = value;
	return event;
}

} // namespace swpath
