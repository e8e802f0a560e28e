// SPDX-License-Identifier: GPL-2.0-or-later
/// The manual against the program: what one has the other must have.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "libpath/control/report.h"
#include "pathd/ctl/command_line.h"

namespace swpath::ctl
{
namespace
{

std::string manual()
{
	std::ifstream file(SW_MAN_DIR "/pathctl.8.scd");
	EXPECT_TRUE(file);
	std::stringstream text;
	text << file.rdbuf();
	return text.str();
}

TEST(Manual, DescribesEveryVerbWithEveryOption)
{
	const auto text = manual();
	for (const auto &verb : verbs_in_help()) {
		// A verb's entry begins a line: "*switch* _UNIT_ _PATH_".
		const auto head = "\n*" + verb.name + "*";
		const auto at = text.find(head);
		ASSERT_NE(at, text.npos) << verb.name;
		const auto entry = text.substr(at + 1, text.find("\n\n", at) - at);
		EXPECT_EQ(entry.find("_UNIT_") != entry.npos, verb.takes_unit) << entry;
		EXPECT_EQ(entry.find("_PATH_") != entry.npos, verb.takes_path) << entry;
		for (const auto &option : verb.options)
			EXPECT_NE(entry.find("*" + option + "*"), entry.npos)
				<< verb.name << " " << option;
	}
}

TEST(Manual, DescribesNoVerbThatDoesNotExist)
{
	const auto text = manual();
	const auto begin = text.find("\n# VERBS");
	const auto end = text.find("\n# ", begin + 1);
	ASSERT_NE(begin, text.npos);
	std::istringstream lines(text.substr(begin, end - begin));
	std::vector<std::string> names;
	for (const auto &verb : verbs_in_help())
		names.push_back(verb.name);
	for (std::string line; std::getline(lines, line);) {
		if (!line.starts_with("*"))
			continue;
		const auto name = line.substr(1, line.find('*', 1) - 1);
		EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << line;
	}
}

template <class E>
void expect_words(const std::string &text)
{
	for (const auto each : Words<E>::all)
		EXPECT_NE(text.find("*" + std::string(each) + "*"), text.npos) << each;
}

TEST(Manual, DescribesEveryStateReasonAndExitStatus)
{
	const auto text = manual();
	expect_words<Health>(text);
	expect_words<PathHealth>(text);
	expect_words<Reason>(text);
	expect_words<Phase>(text);
	expect_words<Method>(text);
	const auto statuses = text.substr(text.find("\n# EXIT STATUS"));
	for (int status = 0; status <= 8; status++)
		EXPECT_NE(statuses.find("\n*" + std::to_string(status) + "*"), statuses.npos)
			<< status;
}

} // namespace
} // namespace swpath::ctl
