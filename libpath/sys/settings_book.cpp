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

/// First line of the file. Lines about attributes follow: the attribute, what it held, what it was
/// set to, and legs (blanks between them), separated by tabs. A later line adds to what an earlier
/// one says of the attribute: a leg that borrows it too, or, as "-LEG", does not any more.
constexpr std::string_view book_title = "swpath settings 1";
/// So much is added to a book before it is written anew, and as much again as it had then.
constexpr std::size_t room_min = 64U << 10;
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

std::string line_of(const std::string &attribute, const std::string &found, const std::string &set,
		    const std::string &legs)
{
	return fmt::format("{}\t{}\t{}\t{}\n", attribute, found, set, legs);
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
	// What follows the last line's end was being written when its writer died: nothing was set.
	for (std::size_t number = 1; number + 1 < lines.size(); number++) {
		const auto parts = split(lines[number], '\t');
		const auto legs = split_words(parts.back());
		if (parts.size() != 4 || legs.empty() || !parts[0].starts_with('/'))
			return fail(EBADMSG,
				    fmt::format("{}:{}: is not a setting", book.file_, number + 1));
		auto &loan = book.loans_[std::string(parts[0])];
		loan.found = parts[1];
		loan.set = parts[2];
		for (const auto leg : legs)
			if (leg.starts_with('-'))
				loan.legs.erase(std::string(leg.substr(1)));
			else
				loan.legs.emplace(leg);
	}
	std::erase_if(book.loans_, [](const auto &each) {
		if (each.second.legs.empty())
			return true;
		const auto value = read_attribute(each.first);
		return !value && is_gone(value.error());
	});
	for (const auto &[attribute, loan] : book.loans_)
		for (const auto &leg : loan.legs)
			book.borrowed_[leg].insert(attribute);
	return book;
}

Result<void> SettingsBook::write_down(std::string_view lines)
{
	if (lines.empty())
		return {};
	if (lines.size() <= room_ && append_file(file_, lines)) {
		room_ -= lines.size();
		return {};
	}
	auto text = std::string(book_title) + "\n";
	for (const auto &[attribute, loan] : loans_)
		text += line_of(attribute, loan.found, loan.set,
				fmt::format("{}", fmt::join(loan.legs, " ")));
	room_ = 0;
	if (auto written = replace_file(file_, text); !written)
		return written;
	room_ = text.size() + room_min;
	return {};
}

Result<void> SettingsBook::borrow(const std::string &leg, const std::vector<Setting> &wanted)
{
	std::optional<Error> first;
	std::string lines;

	// What the leg borrowed before and does not want now goes back first.
	const auto unwanted = [&](const std::string &attribute) {
		return std::none_of(wanted.begin(), wanted.end(), [&](const Setting &each) {
			return each.attribute == attribute;
		});
	};
	note(first, put_back(leg, unwanted, lines));

	// The book is written before the attributes: dying in between leaves an entry for a value
	// that was never set, which give_back() recognises.
	for (const auto &setting : wanted) {
		const auto held = read_attribute(setting.attribute);
		if (!held) {
			note(first, tl::unexpected(held.error()));
			continue;
		}
		auto &loan = loans_[setting.attribute];
		const auto before = loan;
		const bool ours = !loan.legs.empty() && *held == loan.set;
		if (!ours)
			loan.found = *held;
		loan.set = setting.value;
		loan.legs.insert(leg);
		borrowed_[leg].insert(setting.attribute);
		if (loan != before)
			lines += line_of(setting.attribute, loan.found, loan.set, leg);
	}
	if (auto written = write_down(lines); !written)
		return written;

	lines.clear();
	for (const auto &setting : wanted) {
		const auto found = loans_.find(setting.attribute);
		if (found == loans_.end())
			continue;
		note(first, write_attribute(setting.attribute, setting.value));
		// The kernel may spell the value in its own way; that is what will be compared.
		const auto reads = read_attribute(setting.attribute);
		if (reads && *reads != found->second.set) {
			found->second.set = *reads;
			lines += line_of(setting.attribute, found->second.found, *reads, leg);
		}
	}
	note(first, write_down(lines));
	if (first)
		return tl::unexpected(*first);
	return {};
}

Result<void> SettingsBook::give_back(const std::string &leg)
{
	std::optional<Error> first;
	std::string lines;
	note(first, put_back(
			    leg, [](const std::string &) { return true; }, lines));
	note(first, write_down(lines));
	if (first)
		return tl::unexpected(*first);
	return {};
}

Result<void> SettingsBook::put_back(const std::string &leg,
				    const std::function<bool(const std::string &)> &which,
				    std::string &lines)
{
	const auto borrower = borrowed_.find(leg);
	if (borrower == borrowed_.end())
		return {};
	std::optional<Error> first;
	std::erase_if(borrower->second, [&](const std::string &attribute) {
		if (!which(attribute))
			return false;
		const auto at = loans_.find(attribute);
		auto &loan = at->second;
		const auto held = loan.legs.size() == 1 ? read_attribute(attribute)
							: Result<std::string>(loan.found);
		// Busy: iSCSI's while the session is down, a host's while it recovers. The loan
		// stays, to be given back another time.
		if (held && *held == loan.set && *held != loan.found)
			if (auto done = write_attribute(attribute, loan.found);
			    !done && !is_gone(done.error())) {
				note(first, done);
				return false;
			}
		if (!held && !is_gone(held.error()))
			note(first, tl::unexpected(held.error()));
		loan.legs.erase(leg);
		lines += line_of(attribute, loan.found, loan.set, "-" + leg);
		if (loan.legs.empty())
			loans_.erase(at);
		return true;
	});
	if (borrower->second.empty())
		borrowed_.erase(borrower);
	if (first && !is_gone(*first))
		return tl::unexpected(*first);
	return {};
}

std::set<std::string> SettingsBook::legs() const
{
	std::set<std::string> legs;
	for (const auto &[leg, attributes] : borrowed_)
		legs.insert(leg);
	return legs;
}

} // namespace swpath
