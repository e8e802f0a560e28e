// SPDX-License-Identifier: GPL-2.0-or-later
/// Every verb with every kind of wrong word: none is taken for another one, and each is named.
#include <algorithm>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "pathd/ctl/command_line.h"
#include "tests/unit/ctl/program.h"

namespace swpath
{
namespace
{

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Typed = std::vector<std::string>;

struct WrongInput : testing::Program {
	/// The words of a verb, and a unit and a path if it takes any.
	static Typed right(const ctl::VerbHelp &verb)
	{
		Typed words;
		std::size_t at = 0;
		for (auto end = verb.name.find(' '); end != verb.name.npos;
		     end = verb.name.find(' ', at)) {
			words.push_back(verb.name.substr(at, end - at));
			at = end + 1;
		}
		words.push_back(verb.name.substr(at));
		if (verb.takes_unit || verb.takes_disk)
			words.emplace_back("sw0");
		if (verb.takes_path)
			words.emplace_back("beta");
		if (verb.name == "watch" || verb.name == "events")
			words.emplace_back("--once");
		return words;
	}
	static Typed with(Typed words, const std::string &word)
	{
		words.push_back(word);
		return words;
	}
	/// It ends with `status`, and says what is wrong with `word` and what to do.
	void refuses(const Typed &words, int status, const std::string &word)
	{
		const auto ran = run(words);
		const auto what = fmt::format("{}", fmt::join(words, " ")).substr(0, 200);
		// Of a plugin the first line counts, and 2 would be CRITICAL.
		const bool plugin = words.front() == "check";
		EXPECT_EQ(ran.status, plugin ? 3 : status) << what;
		EXPECT_THAT(plugin ? ran.out : ran.error,
			    AllOf(StartsWith(plugin ? "SWPATH UNKNOWN - " : "pathctl: "),
				  HasSubstr(word)))
			<< what;
		if (!plugin) {
			EXPECT_EQ(ran.out, "") << what;
			EXPECT_THAT(ran.error, HasSubstr("\nhint: ")) << what;
		}
		EXPECT_TRUE(handler.orders.empty() && handler.reloads.empty()) << what;
	}
	static bool looks_at_files(const ctl::VerbHelp &verb)
	{
		return verb.name == "config check" || verb.name == "config show";
	}
};

TEST_F(WrongInput, AWordTooMuchIsNamed)
{
	serve();
	for (const auto &verb : ctl::verbs_in_help()) {
		refuses(with(right(verb), "surplus"), 2, "'surplus'");
		refuses(with(right(verb), "--surplus"), 2, "'--surplus'");
		refuses(with(right(verb), ""), 2, "an argument is empty");
	}
}

TEST_F(WrongInput, WhatIsMissingIsNamed)
{
	serve();
	for (const auto &verb : ctl::verbs_in_help()) {
		auto words = right(verb);
		const bool order = from_word<Verb>(verb.name).has_value();
		if (verb.takes_path) {
			words.pop_back();
			refuses(words, 2, "PATH is required");
		}
		if (order || verb.takes_disk) {
			words.pop_back();
			refuses(words, 2,
				verb.takes_disk ? "DISK is required" : "UNIT is required");
		}
	}
}

TEST_F(WrongInput, AUnitThatIsNotThereIsNamed)
{
	serve();
	const std::string longest = "/dev/" + std::string(507, 'x');
	for (const auto &verb : ctl::verbs_in_help()) {
		if (!verb.takes_unit)
			continue;
		for (const auto &name :
		     {std::string("sw9"), std::string("/dev/sw9"), std::string("naa.6"),
		      std::string("253:99"), std::string("-"), std::string("sw0 "), longest}) {
			auto words = right(verb);
			*std::find(words.begin(), words.end(), "sw0") = name;
			refuses(words, 4, fmt::format("'{}'", name));
		}
	}
}

TEST_F(WrongInput, APathThatIsNotThereIsNamed)
{
	serve();
	for (const auto &verb : ctl::verbs_in_help()) {
		if (!verb.takes_path)
			continue;
		for (const std::string name : {"nowhere", "7", "#7", "-"}) {
			auto words = right(verb);
			words.back() = name;
			refuses(words, 4, fmt::format("'{}'", name));
		}
	}
}

// The message to pathd would be cut off, and pathd blamed.
TEST_F(WrongInput, AWordThatIsTooLongIsRefused)
{
	serve();
	const std::string name(100'000, 'x');
	for (const auto &verb : ctl::verbs_in_help()) {
		auto words = right(verb);
		if (verb.takes_unit || verb.takes_disk) {
			*std::find(words.begin(), words.end(), "sw0") = name;
			refuses(words, 2,
				verb.takes_disk ? "DISK: more than 512 bytes"
						: "UNIT: more than 512 bytes");
		}
		if (verb.takes_path) {
			words = right(verb);
			words.back() = name;
			refuses(words, 2, "PATH: more than 512 bytes");
		}
	}
}

TEST_F(WrongInput, ASocketOrAFileThatIsNotThereIsNamed)
{
	for (const auto &verb : ctl::verbs_in_help()) {
		if (looks_at_files(verb))
			continue;
		// A host with device-mapper shows the kernel's view, and says why.
		const auto ran = run(right(verb));
		if (verb.name != "check") {
			EXPECT_THAT(ran.out + ran.error, HasSubstr(path)) << verb.name;
		}
	}
	const auto none = dir / "none" / "x.toml";
	std::filesystem::create_directory(dir / "a_directory");
	for (const std::string verb : {"check", "show"}) {
		const auto ran =
			run({"config", verb, "--file", dir / "a_directory", "--dir", none});
		EXPECT_EQ(ran.status, 8) << verb;
		EXPECT_THAT(ran.error, HasSubstr("a_directory")) << verb;
	}
}

} // namespace
} // namespace swpath
