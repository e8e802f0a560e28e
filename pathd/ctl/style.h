// SPDX-License-Identifier: GPL-2.0-or-later
/// How text looks: colours, arrows, units, times, columns. Pure: what depends on the terminal, the
/// locale and the time zone is in Style.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libpath/control/report.h"

namespace swpath::ctl
{

[[nodiscard]] inline std::chrono::seconds utc(WallTime)
{
	return std::chrono::seconds(0);
}

struct Style {
	bool color = false;
	bool ascii = true;
	unsigned width = 80; ///< columns
	/// Of the clock that times are shown by, at a time: it is another in summer.
	std::chrono::seconds (*utc_offset)(WallTime) = utc;
};

enum class Paint : std::uint8_t { Plain, Bold, Dim, Good, Warning, Bad };

/// `text` for a line of a terminal: a name that somebody else chose, a process or a disk, must not
/// steer it nor begin a line. Each byte of what cannot be shown, printable_length(), becomes "?".
[[nodiscard]] std::string plain_text(std::string_view text);

/// plain_text(`text`) in a colour, if the style has colours. State is never told by colour alone.
[[nodiscard]] std::string painted(const Style &style, Paint paint, std::string_view text);
[[nodiscard]] Paint paint_of(Health health) noexcept;
[[nodiscard]] Paint paint_of(PathHealth health) noexcept;

/// "->" or an arrow.
[[nodiscard]] std::string_view arrow(const Style &style) noexcept;

/// "512 B", "64 MiB", "1.0 TiB": three significant digits at most.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
/// "0.61 ms", "4 ms", "1.08 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h".
[[nodiscard]] std::string time_text(std::chrono::microseconds time);
/// An age or a time to wait: "340 ms", "8 s", "3 min 20 s".
[[nodiscard]] std::string age_text(std::chrono::milliseconds age);
/// "14:02:11", or "2026-11-20 14:02:11" on another day than `now`.
[[nodiscard]] std::string clock_text(const Style &style, WallTime time, WallTime now);
/// "1 I/O", "37 I/Os".
[[nodiscard]] std::string count_text(std::uint64_t number, std::string_view one,
				     std::string_view many);

/// plain_text(`text`) in lines of at most `style.width` columns, broken at blanks, each begun with
/// `indent` blanks except the first, which begins with `first`, as it is. Ends with a newline. A
/// word that is longer than a line has a line of its own. A number stays with the word after it,
/// and what is between backquotes stays together: it is meant to be copied.
[[nodiscard]] std::string wrapped(const Style &style, std::string_view first, std::size_t indent,
				  std::string_view text);

/// Number of columns of UTF-8 text without escape sequences.
[[nodiscard]] std::size_t columns_of(std::string_view text) noexcept;

/// Rows of cells in aligned columns, two blanks apart.
class Grid
{
public:
	struct Cell {
		std::string text;
		Paint paint = Paint::Plain;
		bool right = false; ///< aligned right: numbers
	};
	void add(std::vector<Cell> row) { rows_.push_back({std::move(row), {}}); }
	/// Text below the last row, over all columns, indented and wrapped.
	void note(std::string text) { rows_.back().note = std::move(text); }
	/// What is wider than the style stays so: a name that is cut off is no name. A last cell
	/// that does not fit is wrapped below itself.
	[[nodiscard]] std::string text(const Style &style, std::size_t indent = 0) const;

private:
	struct Row {
		std::vector<Cell> cells;
		std::string note;
	};
	std::vector<Row> rows_;
};

} // namespace swpath::ctl
