// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/completion.h"

#include <algorithm>

#include "libpath/control/order.h"
#include "pathd/ctl/command_line.h"

namespace swpath::ctl
{

namespace
{

const std::vector<std::string> &global_options()
{
	static const std::vector<std::string> options = {"--ascii",  "--color",   "--help",
							 "--socket", "--timeout", "--version"};
	return options;
}

bool takes_value(const std::string &option)
{
	return option == "--color" || option == "--socket" || option == "--timeout" ||
	       option == "--interval" || option == "-n" || option == "--file" ||
	       option == "--dir" || option == "--svg";
}

/// The words without options and their values.
std::vector<std::string> plain_words(const std::vector<std::string> &words)
{
	std::vector<std::string> plain;
	for (std::size_t i = 0; i < words.size(); i++) {
		if (words[i].starts_with("-"))
			i += takes_value(words[i]);
		else
			plain.push_back(words[i]);
	}
	return plain;
}

const VerbHelp *find_verb(const std::vector<VerbHelp> &verbs, const std::string &name)
{
	const auto found = std::find_if(verbs.begin(), verbs.end(),
					[&](const auto &verb) { return verb.name == name; });
	return found == verbs.end() ? nullptr : &*found;
}

void add_paths(std::vector<std::string> &offers, const Report &report, const std::string &query)
{
	const auto found = find_unit(report, query);
	if (!found)
		return;
	for (const auto &path : report.units[*found].paths) {
		const bool labelled = !path.label.empty();
		offers.push_back(labelled               ? path.label
				 : !path.device.empty() ? path.device
							: std::to_string(path.index));
	}
}

} // namespace

std::vector<std::string> completions(const std::vector<std::string> &words, const Report &report)
{
	const auto verbs = verbs_in_help();
	const std::string last = words.empty() ? std::string() : words.back();
	auto before = words;
	if (!before.empty())
		before.pop_back();
	std::vector<std::string> offers;

	if (!before.empty() && takes_value(before.back())) {
		if (before.back() == "--color")
			offers = {"auto", "always", "never"};
	} else {
		auto plain = plain_words(before);
		if (plain.size() > 1 && plain[0] == "config") {
			plain[1] = "config " + plain[1];
			plain.erase(plain.begin());
		}
		const auto *verb = plain.empty() ? nullptr : find_verb(verbs, plain[0]);
		if (last.starts_with("-")) {
			offers = global_options();
			if (verb)
				offers.insert(offers.end(), verb->options.begin(),
					      verb->options.end());
		} else if (plain.empty()) {
			for (const auto &each : verbs)
				offers.push_back(each.name.substr(0, each.name.find(' ')));
		} else if (plain.size() == 1 && plain[0] == "config") {
			for (const auto &each : verbs)
				if (each.name.starts_with("config "))
					offers.push_back(each.name.substr(7));
		} else if (verb && verb->takes_unit && plain.size() == 1) {
			for (const auto &unit : report.units)
				offers.push_back(unit.name);
		} else if (verb && verb->takes_disk && plain.size() == 1) {
			for (const auto &unit : report.units) {
				offers.push_back(unit.name);
				for (const auto &path : unit.paths)
					offers.push_back(path.device);
			}
			std::erase(offers, "");
		} else if (verb && verb->takes_path && plain.size() == 2) {
			add_paths(offers, report, plain[1]);
		}
	}
	std::erase_if(offers, [&](const auto &offer) { return !offer.starts_with(last); });
	std::sort(offers.begin(), offers.end());
	offers.erase(std::unique(offers.begin(), offers.end()), offers.end());
	return offers;
}

} // namespace swpath::ctl
