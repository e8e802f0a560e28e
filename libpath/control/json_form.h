// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the forms of report_json.h are written and read with. For their .cpp files only.
#pragma once

#include <cerrno>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "libpath/control/report_json.h"

namespace swpath::json_form
{

template <class E>
concept Worded = requires
{
	Words<E>::all;
};

// Values as JSON: what does not exist is null, so that every key is always there.

inline Json value(WallTime time)
{
	return rfc3339(time);
}
inline Json value(const DevNumber &number)
{
	return number.text();
}
template <std::unsigned_integral T>
inline Json value(T number)
{
	return number;
}
template <Worded E>
inline Json value(E enumerator)
{
	return std::string(word(enumerator));
}
template <class T>
inline Json value(const std::optional<T> &maybe)
{
	return maybe ? value(*maybe) : Json();
}

// Reading: the first failure is kept, so that a form reads as a list of its keys.

class Reader
{
public:
	Reader(const Json &json, std::optional<Error> &error, std::string_view what)
		: json_(json), error_(error), what_(what)
	{
		if (!json.is_object())
			complain("", "is not an object");
	}

	template <class T>
	void read(const char *key, T &into)
	{
		const Json *found = member(key);
		if (found && !take(*found, into))
			complain(key, "has an unexpected value");
	}

	/// The member, if it is there and not null.
	[[nodiscard]] const Json *member(const char *key) const
	{
		if (error_ || !json_.is_object())
			return nullptr;
		const auto found = json_.find(key);
		return found == json_.end() || found->is_null() ? nullptr : &*found;
	}

	/// The elements of an array; none if it is not there.
	template <class Each>
	void each(const char *key, Each &&each_element)
	{
		const Json *found = member(key);
		if (!found)
			return;
		if (!found->is_array()) {
			complain(key, "is not an array");
			return;
		}
		for (const auto &element : *found)
			if (!error_)
				each_element(element);
	}

	void complain(std::string_view key, std::string_view problem)
	{
		if (!error_)
			error_ = fail(EBADMSG, fmt::format("{}: '{}' {}", what_, key, problem))
					 .value();
	}

private:
	static bool take(const Json &json, std::string &into)
	{
		if (!json.is_string())
			return false;
		into = json.get_ref<const std::string &>();
		return true;
	}
	static bool take(const Json &json, bool &into)
	{
		if (!json.is_boolean())
			return false;
		into = json.get<bool>();
		return true;
	}
	template <std::unsigned_integral T>
	requires(!std::same_as<T, bool>) static bool take(const Json &json, T &into)
	{
		if (!json.is_number_integer() ||
		    (!json.is_number_unsigned() && json.get<std::int64_t>() < 0))
			return false;
		const auto number = json.get<std::uint64_t>();
		into = static_cast<T>(number);
		return into == number;
	}
	static bool take(const Json &json, WallTime &into)
	{
		if (!json.is_string())
			return false;
		const auto time = parse_rfc3339(json.get_ref<const std::string &>());
		into = time.value_or(WallTime{});
		return time.has_value();
	}
	static bool take(const Json &json, DevNumber &into)
	{
		if (!json.is_string())
			return false;
		const auto number = DevNumber::parse(json.get_ref<const std::string &>());
		into = number.value_or(DevNumber{});
		return number.has_value();
	}
	template <Worded E>
	static bool take(const Json &json, E &into)
	{
		if (!json.is_string())
			return false;
		const auto found = from_word<E>(json.get_ref<const std::string &>());
		into = found.value_or(E{});
		return found.has_value();
	}
	static bool take(const Json &json, std::vector<std::string> &into)
	{
		if (!json.is_array())
			return false;
		into.clear();
		for (const auto &each : json)
			if (!take(each, into.emplace_back()))
				return false;
		return true;
	}
	template <class T>
	static bool take(const Json &json, std::optional<T> &into)
	{
		return take(json, into.emplace());
	}

	const Json &json_;
	std::optional<Error> &error_;
	std::string_view what_;
};

template <class T>
Result<T> finish(T value, std::optional<Error> &error)
{
	if (error)
		return tl::unexpected(std::move(*error));
	return value;
}

/// Name and version of a form; the first thing that is read of it.
inline Result<void> check_schema(const Json &json, std::string_view name)
{
	std::optional<Error> error;
	Reader in(json, error, name);
	std::string schema;
	std::uint32_t version = 0;
	in.read("schema", schema);
	in.read("version", version);
	if (error)
		return tl::unexpected(std::move(*error));
	if (schema != name || version != report_version)
		return fail(EPROTONOSUPPORT,
			    fmt::format("schema '{}' version {}, expected '{}' version {}", schema,
					version, name, report_version));
	return {};
}

inline Json head(std::string_view schema, WallTime generated, Source source,
		 const std::string &program_version)
{
	return {{"schema", schema},
		{"version", report_version},
		{"generated", value(generated)},
		{"source", value(source)},
		{"program_version", program_version}};
}

inline Result<void> read_head(const Json &json, std::string_view schema, WallTime &generated,
			      Source &source, std::string &program_version)
{
	if (auto checked = check_schema(json, schema); !checked)
		return checked;
	std::optional<Error> error;
	Reader in(json, error, schema);
	in.read("generated", generated);
	in.read("source", source);
	in.read("program_version", program_version);
	if (error)
		return tl::unexpected(std::move(*error));
	return {};
}

} // namespace swpath::json_form
