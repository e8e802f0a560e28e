// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/unit/unit_status.h"

#include <charconv>
#include <span>

#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/unit/geometry.h"

namespace swpath
{
namespace
{

using WordList = std::span<const std::string_view>;

/// The words of one group, each asked for by its enum. The first that cannot be read is remembered
/// and named; everything after it reads as empty, so that a caller checks once at the end.
template <class E>
class Group
{
public:
	/// `where` says which group, for messages: "status", "path 1", "history line 3".
	Group(WordList words, std::string where) : words_(words), where_(std::move(where)) {}

	template <class Value>
	Value value(E which)
	{
		const auto found = from_word<Value>(text(which));
		if (!found)
			refuse(which, "is none of " + words_listed<Value>());
		return found.value_or(Value{});
	}

	std::uint64_t number(E which)
	{
		const auto found = parse_number<std::uint64_t>(text(which));
		if (!found)
			refuse(which, "is not a number");
		return found.value_or(0);
	}

	std::optional<std::uint64_t> number_or_none(E which)
	{
		if (text(which) == SW_ABSENT)
			return std::nullopt;
		return number(which);
	}

	/// An index below `count`, or "-".
	std::optional<unsigned> index_or_none(E which, std::size_t count)
	{
		const auto found = number_or_none(which);
		if (!found)
			return std::nullopt;
		if (*found >= count)
			refuse(which, fmt::format("is not a path: there are {}", count));
		return static_cast<unsigned>(*found);
	}

	std::uint32_t witness_bytes(E which)
	{
		const auto found = parse_number<std::uint32_t>(text(which)).value_or(0);
		if (found == 0 || found > SW_WITNESS_BYTES || found % sector_bytes != 0)
			refuse(which, fmt::format("is not whole sectors up to {} bytes",
						  SW_WITNESS_BYTES));
		return found;
	}

	std::uint32_t hex32(E which)
	{
		std::uint32_t value = 0;
		const auto digits = text(which);
		const auto *end = digits.data() + digits.size();
		const auto [rest, error] = std::from_chars(digits.data(), end, value, 16);
		if (digits.empty() || error != std::errc{} || rest != end)
			refuse(which, "is no hexadecimal number of 32 bits");
		return value;
	}

	std::optional<DevNumber> device_or_none(E which)
	{
		if (text(which) == SW_ABSENT)
			return std::nullopt;
		const auto found = DevNumber::parse(text(which));
		if (!found)
			refuse(which, "is not MAJ:MIN");
		return found;
	}

	std::string text_or_none(E which)
	{
		return text(which) == SW_ABSENT ? std::string() : std::string(text(which));
	}

	[[nodiscard]] const std::optional<std::string> &error() const { return error_; }

private:
	std::string_view text(E which) const { return words_[static_cast<std::size_t>(which)]; }

	void refuse(E which, std::string_view why)
	{
		if (!error_)
			error_ = fmt::format("{}: {} '{}' {}", where_, word(which), text(which),
					     why);
	}

	WordList words_;
	std::string where_;
	std::optional<std::string> error_;
};

auto malformed(std::string text)
{
	return fail(EBADMSG, std::move(text));
}

/// Takes words from the front of a line, counted groups included.
class Cursor
{
public:
	explicit Cursor(WordList words) : words_(words) {}

	/// The next word as a count of `what`, between `least` and `most`.
	Result<std::size_t> count(std::string_view what, std::size_t least, std::size_t most)
	{
		if (words_.empty())
			return malformed(fmt::format("status: ends before {}", what));
		const auto text = words_.front();
		const auto number = parse_number<std::size_t>(text);
		if (!number || *number < least || *number > most)
			return malformed(
				fmt::format("status: {} '{}' is not a number from {} to {}", what,
					    text, least, most));
		words_ = words_.subspan(1);
		return *number;
	}

	Result<WordList> take(std::string_view what, std::size_t count)
	{
		if (words_.size() < count)
			return malformed(fmt::format("status: {} has {} words, says {}", what,
						     words_.size(), count));
		const auto taken = words_.first(count);
		words_ = words_.subspan(count);
		return taken;
	}

	[[nodiscard]] WordList rest() const { return words_; }

private:
	WordList words_;
};

/// More words than this in a group are not an extension but a broken line.
constexpr std::size_t group_words_max = 64;
constexpr auto unit_words = Words<UnitWord>::all.size();
constexpr auto path_words = Words<PathWord>::all.size();

Result<PathStatus> parse_path(WordList words, std::size_t index)
{
	Group<PathWord> group(words, fmt::format("status of path {}", index));
	PathStatus path;
	path.kind = group.value<PathKind>(PathWord::KIND);
	path.device = group.device_or_none(PathWord::DEVICE);
	path.state = group.value<PathState>(PathWord::STATE);
	path.inflight = group.number(PathWord::INFLIGHT);
	path.errors = group.number(PathWord::ERRORS);
	path.switches = group.number(PathWord::SWITCHES);
	path.ticket_ms = group.number(PathWord::TICKET);
	path.reason = group.value<Reason>(PathWord::REASON);
	if (group.error())
		return malformed(*group.error());
	return path;
}

/// Reads a reply of lines; `parse` gets the words of one, and where it is.
template <class Record>
Result<std::vector<Record>> parse_lines(std::string_view reply, std::string_view what,
					std::size_t most,
					Result<Record> (*parse)(WordList, const std::string &))
{
	std::vector<Record> records;
	std::size_t number = 0;
	while (!reply.empty()) {
		const auto end = std::min(reply.find('\n'), reply.size());
		const auto line = reply.substr(0, end);
		reply.remove_prefix(std::min(end + 1, reply.size()));
		number++;
		const auto words = split_words(line);
		if (words.empty())
			continue;
		const auto where = fmt::format("{} line {}", what, number);
		if (records.size() == most)
			return malformed(fmt::format("{}: more than {} records", where, most));
		auto record = parse(words, where);
		if (!record)
			return tl::unexpected(record.error());
		records.push_back(std::move(*record));
	}
	return records;
}

template <class E>
Result<void> has_words(WordList words, const std::string &where)
{
	constexpr auto needed = Words<E>::all.size();
	if (words.size() >= needed)
		return {};
	return malformed(fmt::format("{}: has {} words, needs {}", where, words.size(), needed));
}

Result<SwitchRecord> parse_record(WordList words, const std::string &where)
{
	if (auto enough = has_words<HistoryWord>(words, where); !enough)
		return tl::unexpected(enough.error());
	Group<HistoryWord> group(words, where);
	SwitchRecord record;
	record.epoch = group.number(HistoryWord::EPOCH);
	record.mv = group.number(HistoryWord::MV);
	record.from = group.index_or_none(HistoryWord::FROM, SW_PATHS_MAX);
	record.to = group.index_or_none(HistoryWord::TO, SW_PATHS_MAX);
	record.reason = group.value<Reason>(HistoryWord::REASON);
	record.method = group.value<Method>(HistoryWord::METHOD);
	record.at_ms = group.number(HistoryWord::AT);
	record.drain_us = group.number(HistoryWord::DRAIN);
	record.flush_us = group.number(HistoryWord::FLUSH);
	record.prove_us = group.number(HistoryWord::PROVE);
	record.release_us = group.number(HistoryWord::RELEASE);
	record.held_bios = group.number(HistoryWord::HELD_BIOS);
	record.held_bytes = group.number(HistoryWord::HELD_BYTES);
	record.doubt = group.number(HistoryWord::DOUBT);
	record.evidence = group.text_or_none(HistoryWord::EVIDENCE);
	if (group.error())
		return malformed(*group.error());
	return record;
}

Result<WitnessRecord> parse_witness_record(WordList words, const std::string &where)
{
	if (auto enough = has_words<WitnessWord>(words, where); !enough)
		return tl::unexpected(enough.error());
	Group<WitnessWord> group(words, where);
	WitnessRecord record;
	record.sector = group.number(WitnessWord::SECTOR);
	record.bytes = group.witness_bytes(WitnessWord::BYTES);
	record.crc = group.hex32(WitnessWord::CRC);
	record.age_ms = group.number(WitnessWord::AGE);
	if (group.error())
		return malformed(*group.error());
	return record;
}

} // namespace

Result<UnitStatus> parse_status(std::string_view line)
{
	const auto words = split_words(line);
	Cursor cursor(words);

	const auto unit_count = cursor.count("number of unit words", unit_words, group_words_max);
	if (!unit_count)
		return tl::unexpected(unit_count.error());
	const auto unit_group = cursor.take("the unit", *unit_count);
	if (!unit_group)
		return tl::unexpected(unit_group.error());
	const auto path_count = cursor.count("number of paths", SW_PATHS_MIN, SW_PATHS_MAX);
	if (!path_count)
		return tl::unexpected(path_count.error());
	const auto words_each = cursor.count("words of a path", path_words, group_words_max);
	if (!words_each)
		return tl::unexpected(words_each.error());

	Group<UnitWord> group(*unit_group, "status");
	UnitStatus status;
	status.state = group.value<UnitState>(UnitWord::STATE);
	status.phase = group.value<Phase>(UnitWord::PHASE);
	status.mv = group.number(UnitWord::MV);
	status.epoch = group.number(UnitWord::EPOCH);
	status.active = group.index_or_none(UnitWord::ACTIVE, *path_count);
	status.held_bios = group.number(UnitWord::HELD_BIOS);
	status.held_bytes = group.number(UnitWord::HELD_BYTES);
	status.oldest_ms = group.number(UnitWord::OLDEST);
	status.doubt = group.number(UnitWord::DOUBT);
	status.reason = group.value<Reason>(UnitWord::REASON);
	status.since_ms = group.number(UnitWord::SINCE);
	status.left_ms = group.number_or_none(UnitWord::LEFT);
	status.from = group.index_or_none(UnitWord::FROM, *path_count);
	status.fence = group.value<Fence>(UnitWord::FENCE);
	if (group.error())
		return malformed(*group.error());

	status.paths.reserve(*path_count);
	for (std::size_t index = 0; index < *path_count; index++) {
		const auto group_of_path = cursor.take(fmt::format("path {}", index), *words_each);
		if (!group_of_path)
			return tl::unexpected(group_of_path.error());
		auto path = parse_path(*group_of_path, index);
		if (!path)
			return tl::unexpected(path.error());
		status.paths.push_back(*path);
	}
	if (!cursor.rest().empty())
		return malformed(
			fmt::format("status: '{}' after the last path", cursor.rest().front()));
	return status;
}

Result<std::vector<SwitchRecord>> parse_history(std::string_view reply)
{
	return parse_lines<SwitchRecord>(reply, "history", SW_HISTORY_MAX, parse_record);
}

Result<std::vector<WitnessRecord>> parse_witness(std::string_view reply)
{
	return parse_lines<WitnessRecord>(reply, "witness", SW_WITNESS_MAX, parse_witness_record);
}

} // namespace swpath
