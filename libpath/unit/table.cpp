// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/unit/table.h"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/core.h>

#include "libpath/base/text.h"

namespace swpath
{
namespace
{

auto invalid(std::string text)
{
	return fail(EINVAL, "table: " + std::move(text));
}

auto malformed(std::string text)
{
	return fail(EBADMSG, "table: " + std::move(text));
}

Result<void> in_range(std::string_view what, std::uint64_t value, std::uint64_t least,
		      std::uint64_t most)
{
	if (value < least || value > most)
		return invalid(fmt::format("{} {} is not from {} to {}", what, value, least, most));
	return {};
}

Result<void> check(const Table &table)
{
	if (table.sectors == 0)
		return invalid("no sectors");
	if (table.mv_timeout_s)
		if (auto ok = in_range(SW_FEATURE_MV_TIMEOUT, *table.mv_timeout_s,
				       SW_MV_TIMEOUT_S_MIN, SW_MV_TIMEOUT_S_MAX);
		    !ok)
			return ok;
	if (table.stall_ms && *table.stall_ms != 0)
		if (auto ok = in_range(SW_FEATURE_STALL, *table.stall_ms, SW_STALL_MS_MIN,
				       SW_STALL_MS_MAX);
		    !ok)
			return ok;
	if (table.witness)
		if (auto ok = in_range(SW_FEATURE_WITNESS, *table.witness, 0, SW_WITNESS_MAX); !ok)
			return ok;
	if (auto ok = in_range("number of paths", table.paths.size(), SW_PATHS_MIN, SW_PATHS_MAX);
	    !ok)
		return ok;

	std::set<std::string_view> seen;
	for (const auto &path : table.paths) {
		if (path.device.empty())
			continue;
		const auto words = split_words(path.device);
		if (words.size() != 1 || words[0] != path.device || path.device == SW_ABSENT)
			return invalid(fmt::format("'{}' is not a device", path.device));
		if (!seen.insert(path.device).second)
			return invalid(fmt::format("device {} twice", path.device));
	}
	return {};
}

/// Reads one feature at words[at]; returns how many words it took.
Result<std::size_t> parse_feature(Table &table, std::span<const std::string_view> words)
{
	const auto name = words[0];
	if (name == SW_FEATURE_HOLD) {
		if (table.hold)
			return malformed("feature hold twice");
		table.hold = true;
		return 1;
	}
	const auto value = words.size() > 1 ? words[1] : std::string_view();
	const auto number = [&](auto &into) -> Result<std::size_t> {
		using Number = typename std::remove_reference_t<decltype(into)>::value_type;
		if (into)
			return malformed(fmt::format("feature {} twice", name));
		into = parse_number<Number>(value);
		if (!into)
			return malformed(fmt::format("{} '{}' is not a number", name, value));
		return 2;
	};
	if (name == SW_FEATURE_MV_TIMEOUT)
		return number(table.mv_timeout_s);
	if (name == SW_FEATURE_STALL)
		return number(table.stall_ms);
	if (name == SW_FEATURE_WITNESS)
		return number(table.witness);
	if (name == SW_FEATURE_EPOCH)
		return number(table.epoch);
	if (name == SW_FEATURE_FENCE) {
		if (table.fence)
			return malformed("feature fence twice");
		table.fence = from_word<Fence>(value);
		if (!table.fence)
			return malformed(fmt::format("fence '{}' is none of {}", value,
						     words_listed<Fence>()));
		return 2;
	}
	return malformed(fmt::format("unknown feature '{}'", name));
}

/// Longest list of features that is read: each of them once, and room to say which is unknown.
constexpr std::size_t feature_words_max = 32;

} // namespace

Result<std::string> build_table(const Table &table)
{
	if (auto ok = check(table); !ok)
		return tl::unexpected(ok.error());

	std::vector<std::string> features;
	const auto feature = [&](const char *name, const auto &value) {
		if (value) {
			features.emplace_back(name);
			features.push_back(fmt::format("{}", *value));
		}
	};
	feature(SW_FEATURE_MV_TIMEOUT, table.mv_timeout_s);
	feature(SW_FEATURE_STALL, table.stall_ms);
	feature(SW_FEATURE_FENCE, table.fence ? std::optional(word(*table.fence)) : std::nullopt);
	feature(SW_FEATURE_WITNESS, table.witness);
	feature(SW_FEATURE_EPOCH, table.epoch);
	if (table.hold)
		features.emplace_back(SW_FEATURE_HOLD);

	auto line = fmt::format("{}", features.size());
	for (const auto &each : features)
		line += " " + each;
	line += fmt::format(" {}", table.paths.size());
	for (const auto &path : table.paths)
		line += fmt::format(" {} {}", word(path.kind),
				    path.device.empty() ? SW_ABSENT : path.device);
	return line;
}

Result<Table> parse_table(std::uint64_t sectors, std::string_view params)
{
	const auto words = split_words(params);
	std::span<const std::string_view> rest(words);
	Table table;
	table.sectors = sectors;

	const auto count = [&](std::string_view what, std::size_t most) -> Result<std::size_t> {
		if (rest.empty())
			return malformed(fmt::format("ends before {}", what));
		const auto number = parse_number<std::size_t>(rest[0]);
		if (!number || *number > most)
			return malformed(fmt::format("{} '{}' is not a number up to {}", what,
						     rest[0], most));
		rest = rest.subspan(1);
		return *number;
	};

	const auto feature_words = count("number of feature words", feature_words_max);
	if (!feature_words)
		return tl::unexpected(feature_words.error());
	if (rest.size() < *feature_words)
		return malformed(
			fmt::format("has {} feature words, says {}", rest.size(), *feature_words));
	auto features = rest.first(*feature_words);
	rest = rest.subspan(*feature_words);
	while (!features.empty()) {
		const auto took = parse_feature(table, features);
		if (!took)
			return tl::unexpected(took.error());
		features = features.subspan(*took);
	}

	const auto paths = count("number of paths", SW_PATHS_MAX);
	if (!paths)
		return tl::unexpected(paths.error());
	if (rest.size() != *paths * 2)
		return malformed(fmt::format("has {} words for {} paths, needs {}", rest.size(),
					     *paths, *paths * 2));
	for (; !rest.empty(); rest = rest.subspan(2)) {
		const auto kind = from_word<PathKind>(rest[0]);
		if (!kind)
			return malformed(fmt::format("kind '{}' is none of {}", rest[0],
						     words_listed<PathKind>()));
		table.paths.push_back(
			{*kind, rest[1] == SW_ABSENT ? std::string() : std::string(rest[1])});
	}
	if (auto ok = check(table); !ok)
		return tl::unexpected(ok.error());
	return table;
}

} // namespace swpath
