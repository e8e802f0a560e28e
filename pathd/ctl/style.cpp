// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/style.h"

#include <algorithm>

#include <fmt/core.h>

#include "libpath/base/text.h"

namespace swpath::ctl
{

std::string plain_text(std::string_view text)
{
	std::string out(text);
	for (std::size_t i = 0; i < out.size();) {
		const auto length = printable_length(text.substr(i));
		if (length == 0)
			out[i] = '?';
		i += std::max<std::size_t>(length, 1);
	}
	return out;
}

std::string painted(const Style &style, Paint paint, std::string_view text)
{
	if (!style.color || paint == Paint::Plain)
		return plain_text(text);
	constexpr std::string_view codes[] = {"0", "1", "2", "32", "33", "1;31"};
	return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<unsigned>(paint)],
			   plain_text(text));
}

Paint paint_of(Health health) noexcept
{
	switch (health) {
	case Health::Online:
	case Health::Serving:
		return Paint::Good;
	case Health::Failed:
	case Health::Verifying:
		return Paint::Bad;
	default:
		return Paint::Warning;
	}
}

Paint paint_of(PathHealth health) noexcept
{
	switch (health) {
	case PathHealth::Ok:
		return Paint::Good;
	case PathHealth::Failed:
	case PathHealth::Rejected:
		return Paint::Bad;
	default:
		return Paint::Warning;
	}
}

std::string_view arrow(const Style &style) noexcept
{
	return style.ascii ? "->" : "→";
}

std::string bytes_text(std::uint64_t bytes)
{
	constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = double(bytes);
	std::size_t unit = 0;
	for (; value >= 1024 && unit + 1 < std::size(units); unit++)
		value /= 1024;
	return unit > 0 && value < 10 ? fmt::format("{:.1f} {}", value, units[unit])
				      : fmt::format("{:.0f} {}", value, units[unit]);
}

std::string time_text(std::chrono::microseconds time)
{
	const auto us = time.count();
	const auto seconds = us / 1'000'000;
	const auto hundredths = us / 10'000;
	if (us < 1'000)
		return fmt::format("{:.2f} ms", double(us) / 1e3);
	if (us < 1'000'000)
		return fmt::format("{} ms", us / 1000);
	if (seconds < 10)
		return fmt::format("{:.2f} s", double(hundredths) / 100);
	if (seconds < 60)
		return fmt::format("{} s", seconds);
	const auto two = [](std::int64_t large, std::string_view large_unit, std::int64_t small,
			    std::string_view small_unit) {
		return small ? fmt::format("{} {} {} {}", large, large_unit, small, small_unit)
			     : fmt::format("{} {}", large, large_unit);
	};
	if (seconds < 3600)
		return two(seconds / 60, "min", seconds % 60, "s");
	if (seconds < 86400)
		return two(seconds / 3600, "h", seconds % 3600 / 60, "min");
	return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
}

std::string age_text(std::chrono::milliseconds age)
{
	if (age < std::chrono::seconds(1))
		return fmt::format("{} ms", age.count());
	if (age < std::chrono::minutes(1))
		return fmt::format("{} s", age.count() / 1000);
	return time_text(age);
}

std::string clock_text(const Style &style, WallTime time, WallTime now)
{
	const auto local = time + style.utc_offset(time);
	const auto day = std::chrono::floor<std::chrono::days>(local);
	const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(local - day));
	auto text = fmt::format("{:02}:{:02}:{:02}", clock.hours().count(), clock.minutes().count(),
				clock.seconds().count());
	if (day == std::chrono::floor<std::chrono::days>(now + style.utc_offset(now)))
		return text;
	const std::chrono::year_month_day date(day);
	return fmt::format("{:04}-{:02}-{:02} {}", int(date.year()), unsigned(date.month()),
			   unsigned(date.day()), text);
}

std::string count_text(std::uint64_t number, std::string_view one, std::string_view many)
{
	return fmt::format("{} {}", number, number == 1 ? one : many);
}

std::size_t columns_of(std::string_view text) noexcept
{
	return std::size_t(
		std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

namespace
{

/// Of a note below a row.
constexpr std::size_t note_indent = 4;

/// Length of the piece at the start of `text` that must not be broken.
std::size_t piece_length(std::string_view text)
{
	bool quoted = false;
	for (std::size_t i = 0; i < text.size(); i++) {
		quoted ^= text[i] == '`';
		const bool after_number = i > 0 && text[i - 1] >= '0' && text[i - 1] <= '9' &&
					  i + 1 < text.size() && text[i + 1] != ' ';
		if (text[i] == ' ' && !quoted && !after_number)
			return i;
	}
	return text.size();
}

} // namespace

std::string wrapped(const Style &style, std::string_view first, std::size_t indent,
		    std::string_view text)
{
	const std::string safe = plain_text(text);
	text = safe;
	std::string out(first);
	std::size_t column = columns_of(first);
	bool line_is_empty = true;
	while (!text.empty()) {
		const auto end = piece_length(text);
		const auto word = text.substr(0, end);
		text.remove_prefix(std::min(end + 1, text.size()));
		const auto length = columns_of(word);
		if (!line_is_empty && column + 1 + length > style.width) {
			out += '\n';
			out.append(indent, ' ');
			column = indent;
			line_is_empty = true;
		}
		if (!line_is_empty) {
			out += ' ';
			column++;
		}
		out += word;
		column += length;
		line_is_empty = false;
	}
	out += '\n';
	return out;
}

std::string Grid::text(const Style &style, std::size_t indent) const
{
	std::vector<std::size_t> widths;
	for (const auto &[row, note] : rows_)
		for (std::size_t i = 0; i < row.size(); i++) {
			if (widths.size() <= i)
				widths.push_back(0);
			widths[i] = std::max(widths[i], columns_of(row[i].text));
		}
	std::string out;
	for (const auto &[row, note] : rows_) {
		std::string line(indent, ' ');
		std::size_t column = indent;
		for (std::size_t i = 0; i < row.size(); i++) {
			const auto &cell = row[i];
			if (i + 1 == row.size() && !cell.right) {
				// Only the last cell may be a sentence. It is wrapped as plain
				// text: an escape sequence has no columns.
				line += cell.paint == Paint::Plain
						? wrapped({false, style.ascii, style.width, {}},
							  std::string(column, ' '), column,
							  cell.text)
							  .substr(column)
						: painted(style, cell.paint, cell.text) + "\n";
				break;
			}
			const std::string pad(widths[i] - columns_of(cell.text), ' ');
			const auto shown = painted(style, cell.paint, cell.text);
			line += cell.right ? pad + shown : shown + pad;
			line += i + 1 == row.size() ? "\n" : "  ";
			column += widths[i] + 2;
		}
		const auto last = line.find_last_not_of(" \n");
		line.erase(last == line.npos ? 0 : last + 1);
		out += line + "\n";
		if (!note.empty())
			out += wrapped(style, std::string(indent + note_indent, ' '),
				       indent + note_indent, note);
	}
	return out;
}

} // namespace swpath::ctl
