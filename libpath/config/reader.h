// SPDX-License-Identifier: LGPL-2.1-or-later
/// The reader of the configuration's trees: parse.cpp has its tools, the units and the rest,
/// parse_cluster.cpp what a host says of its place among others.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "libpath/base/text.h"
#include "libpath/base/words.h"
#include "libpath/config/config.h"
#include "libpath/config/toml_tree.h"

namespace swpath
{

/// Reads trees into a Config, noting every problem.
class ConfigReader
{
public:
	void read_common(const toml::table &root, const std::string &file);
	void read_units(const toml::table &root, const std::string &file);
	[[nodiscard]] ConfigResult finish() &&;
	void note(ConfigProblem problem) { problems_.push_back(std::move(problem)); }

private:
	/// Reads the value of a key; `key` is its full name, for origins.
	using Handler = std::function<void(const toml::node &node, const std::string &key)>;
	struct Key {
		std::string_view name;
		Handler read;
	};

	void problem(const toml::source_region &at, std::string text, std::string hint = "");
	void problem(const toml::node &at, std::string text, std::string hint = "");
	void read_table(const toml::node &node, const std::string &prefix,
			const std::vector<Key> &keys);

	std::vector<Key> unit_keys(UnitConfig &unit);
	void read_failback(const toml::node &node, const std::string &key,
			   FailbackConfig &failback);
	void read_unit(const std::string &name, const toml::node &node);
	void read_cluster(const toml::node &node, const std::string &key);
	void read_peers(const toml::node &node, const std::string &key);
	void read_address(const toml::node &node, const std::string &key, std::uint16_t port,
			  std::optional<HostAddress> &into);
	void read_discover(const toml::node &node, const std::string &key);
	void check_peers();
	void read_hints(const toml::node &node, const std::string &key);
	void read_buses(const toml::node &node, const std::string &key, HintsConfig &hints);
	void read_bus(const toml::node &node, const std::string &key, HintsConfig &hints);
	void read_paths(const toml::node &node, const std::string &key, UnitConfig &unit);
	void read_path(const toml::node &node, const std::string &key, UnitConfig &unit);
	void read_wwid(const toml::node &node, const std::string &key, std::string &into);
	void read_path_name(const toml::node &node, const std::string &key, std::string &into);

	std::optional<std::string> text(const toml::node &node, const std::string &key);
	void read_text(const toml::node &node, const std::string &key, std::string &into);
	void read_bool(const toml::node &node, const std::string &key, bool &into);
	void read_count(const toml::node &node, const std::string &key, unsigned least,
			unsigned most, unsigned &into);
	/// `never` is a word for 0, or empty.
	std::optional<Duration> duration(const toml::node &node, const std::string &key,
					 Duration least, Duration most, Duration step,
					 std::string_view never = "");
	void read_duration(const toml::node &node, const std::string &key, Duration least,
			   Duration most, Duration step, Duration &into,
			   std::string_view never = "");
	template <class E>
	void read_word(const toml::node &node, const std::string &key, E &into)
	{
		const auto given = text(node, key);
		if (!given)
			return;
		if (const auto value = from_word<E>(*given)) {
			into = *value;
			return;
		}
		const auto near = nearest_word(*given, Words<E>::all);
		problem(node, fmt::format("{} '{}' is none of {}", key, *given, words_listed<E>()),
			near.empty() ? "" : fmt::format("did you mean '{}'?", near));
	}

	std::string file_;
	Config config_;
	UnitConfig defaults_;
	std::vector<ConfigProblem> problems_;
};

} // namespace swpath
