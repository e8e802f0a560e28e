// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/config_verbs.h"

#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "libpath/config/config.h"
#include "pathd/ctl/output.h"
#include "pathd/ctl/style.h"

namespace swpath::ctl
{

namespace
{

Json to_json(const ConfigProblem &problem)
{
	return {{"file", problem.where.file},
		{"line", problem.where.line},
		{"column", problem.where.column},
		{"text", problem.text},
		{"hint", problem.hint}};
}

/// Prints what was asked for, and gives the status of that.
int shown(const std::string &text)
{
	return print(text) ? 0 : exit_status(RefusalKind::Failed);
}

int invalid(const CommandLine &line, const std::vector<ConfigProblem> &problems)
{
	if (line.json) {
		Json list = Json::array();
		for (const auto &problem : problems)
			list.push_back(to_json(problem));
		print_error(json_text({{"schema", "swpath.config-problems"},
				       {"version", report_version},
				       {"problems", std::move(list)}}));
	} else {
		for (const auto &problem : problems)
			print_error("pathctl: " + plain_text(problem.message()) + "\n");
		print_error("hint: swpath.toml(5) describes every key\n");
	}
	return exit_status(RefusalKind::ConfigInvalid);
}

} // namespace

int config_check(const CommandLine &line)
{
	const auto config = load_config(line.config_file, line.config_dir);
	if (!config)
		return invalid(line, config.error());
	if (line.json)
		return shown(json_text({{"schema", "swpath.config-problems"},
					{"version", report_version},
					{"problems", Json::array()}}));
	return shown(
		fmt::format("{}{}: valid, {}\n", plain_text(line.config_file),
			    ::access(line.config_file.c_str(), F_OK) == 0 ? "" : " (not there)",
			    count_text(config->units.size(), "unit", "units")));
}

int config_show(const CommandLine &line)
{
	const auto config = load_config(line.config_file, line.config_dir);
	if (!config)
		return invalid(line, config.error());
	const auto values = effective_values(*config);
	if (line.json) {
		Json list = Json::array();
		for (const auto &value : values)
			list.push_back({{"key", value.key},
					{"value", value.value},
					{"origin", value.origin.text()}});
		return shown(json_text({{"schema", "swpath.config"},
					{"version", report_version},
					{"values", std::move(list)}}));
	}
	Grid grid;
	for (const auto &value : values)
		grid.add({{fmt::format("{} = {}", value.key, value.value)},
			  {"# " + value.origin.text(), Paint::Dim}});
	return shown(grid.text({}));
}

} // namespace swpath::ctl
