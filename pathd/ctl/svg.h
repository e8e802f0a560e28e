// SPDX-License-Identifier: GPL-2.0-or-later
/// Writes SVG: text that is well-formed whatever the names in it are.
#pragma once

#include <string>
#include <string_view>

#include <fmt/core.h>

namespace swpath::ctl
{

/// `text` as it may stand between tags and in quoted attributes. What XML 1.0 does not allow
/// (control characters, bytes that are no UTF-8) becomes U+FFFD.
[[nodiscard]] std::string xml_text(std::string_view text);

/// Cut to `columns` characters, the last of them "…" if something was cut off.
[[nodiscard]] std::string clipped(std::string_view text, std::size_t columns);

enum class Anchor : std::uint8_t { Start, Middle, End };

/// Elements, one after the other. Coordinates are pixels; `look` is a class of the style sheet, or
/// several. `title` is what a screen reader and a pointer get; empty: none.
class Svg
{
public:
	void rect(std::string_view look, double x, double y, double width, double height,
		  std::string_view title = {}, double radius = 0);
	void line(std::string_view look, double x1, double y1, double x2, double y2,
		  std::string_view title = {});
	void circle(std::string_view look, double x, double y, double radius,
		    std::string_view title = {});
	/// `y` is the base line.
	void text(std::string_view look, double x, double y, std::string_view text,
		  Anchor anchor = Anchor::Start, std::string_view title = {});
	/// A line through points: "x,y x,y …".
	void polyline(std::string_view look, std::string_view points, std::string_view title = {});

	[[nodiscard]] const std::string &body() const { return body_; }

private:
	void end(std::string_view element, std::string_view title);
	std::string body_;
};

} // namespace swpath::ctl
