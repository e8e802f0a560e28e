// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/settings_book.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "libpath/base/text.h"
#include "libpath/sys/file.h"

namespace swpath
{
namespace
{

/// First line of the file. A line for each attribute follows: the attribute, what it held, what it
/// was set to, and the legs (blanks between them), separated by tabs.
constexpr std::string_view book_title = "swpath settings 1";
/// Some 200 bytes for each of three attributes of a leg: a thousand units have a megabyte.
constexpr std::size_t book_bytes_max = 64U << 20;

std::vector<std::string_view> split(std::string_view line, char separator)
{
	std::vector<std::string_view> parts;
	for (;;) {
		const auto end = line.find(separator);
		parts.push_back(line.substr(0, end));
		if (end == std::string_view::npos)
			return parts;
		line.remove_prefix(end + 1);
	}
}

bool is_gone(const Error &error)
{
	return error.code == std::errc::no_such_file_or_directory ||
	       error.code == std::errc::no_such_device;
}

/// Remembers the first of several failures.
void note(std::optional<Error> &first, const Result<void> &result)
{
	if (!result && !first)
		first = result.error();
}

} // namespace

Result<SettingsBook> SettingsBook::open(std::string file)
{
	SettingsBook book(std::move(file));
	const auto text = read_file(book.file_, book_bytes_max);
	if (!text) {
		if (is_gone(text.error()))
			return book;
		return tl::unexpected(text.error());
	}
	const auto lines = split(*text, '\n');
	if (lines[0] != book_title)
		return fail(EBADMSG, fmt::format("{}:1: is not a book of settings", book.file_));
	for (std::size_t number = 1; number < lines.size(); number++) {
		if (lines[number].empty())
			continue;
		const auto parts = split(lines[number], '\t');
		const auto legs = split_words(parts.back());
		if (parts.size() != 4 || legs.empty() || !parts[0].starts_with('/'))
			return fail(EBADMSG,
				    fmt::format("{}:{}: is not a setting", book.file_, number + 1));
		const std::string attribute(parts[0]);
		if (const auto value = read_attribute(attribute); !value && is_gone(value.error()))
			continue;
		book.loans_[attribute] = {
			std::string(parts[1]), std::string(parts[2]), {legs.begin(), legs.end()}};
	}
	return book;
}

Result<void> SettingsBook::save() const
{
	auto text = std::string(book_title) + "\n";
	for (const auto &[attribute, loan] : loans_)
		text += fmt::format("{}\t{}\t{}\t{}\n", attribute, loan.found, loan.set,
				    fmt::join(loan.legs, " "));
	return replace_file(file_, text);
}

Result<void> SettingsBook::borrow(const std::string &leg, const std::vector<Setting> &wanted)
{
	std::optional<Error> first;

	// What the leg borrowed before and does not want now goes back first.
	note(first, put_back(leg, [&](const std::string &attribute) {
		     return std::none_of(wanted.begin(), wanted.end(), [&](const Setting &each) {
			     return each.attribute == attribute;
		     });
	     }));

	// The book is written before the attributes: dying in between leaves an entry for a value
	// that was never set, which give_back() recognises.
	for (const auto &setting : wanted) {
		const auto held = read_attribute(setting.attribute);
		if (!held) {
			note(first, tl::unexpected(held.error()));
			continue;
		}
		auto &loan = loans_[setting.attribute];
		const bool ours = !loan.legs.empty() && *held == loan.set;
		if (!ours)
			loan.found = *held;
		loan.set = setting.value;
		loan.legs.insert(leg);
	}
	if (auto saved = save(); !saved)
		return saved;

	bool respelled = false;
	for (const auto &setting : wanted) {
		const auto found = loans_.find(setting.attribute);
		if (found == loans_.end())
			continue;
		note(first, write_attribute(setting.attribute, setting.value));
		// The kernel may spell the value in its own way; that is what will be compared.
		const auto reads = read_attribute(setting.attribute);
		if (reads && *reads != found->second.set) {
			found->second.set = *reads;
			respelled = true;
		}
	}
	if (respelled)
		note(first, save());
	if (first)
		return tl::unexpected(*first);
	return {};
}

Result<void> SettingsBook::give_back(const std::string &leg)
{
	std::optional<Error> first;
	note(first, put_back(leg, [](const std::string &) { return true; }));
	note(first, save());
	if (first)
		return tl::unexpected(*first);
	return {};
}

Result<void> SettingsBook::put_back(const std::string &leg,
				    const std::function<bool(const std::string &)> &which)
{
	std::optional<Error> first;
	for (auto at = loans_.begin(); at != loans_.end();) {
		auto &[attribute, loan] = *at;
		if (!loan.legs.contains(leg) || !which(attribute)) {
			++at;
			continue;
		}
		loan.legs.erase(leg);
		if (!loan.legs.empty()) {
			++at;
			continue;
		}
		const auto held = read_attribute(attribute);
		if (held && *held == loan.set && *held != loan.found)
			note(first, write_attribute(attribute, loan.found));
		else if (!held && !is_gone(held.error()))
			note(first, tl::unexpected(held.error()));
		at = loans_.erase(at);
	}
	if (first && !is_gone(*first))
		return tl::unexpected(*first);
	return {};
}

std::set<std::string> SettingsBook::legs() const
{
	std::set<std::string> legs;
	for (const auto &[attribute, loan] : loans_)
		legs.insert(loan.legs.begin(), loan.legs.end());
	return legs;
}

} // namespace swpath
