// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/svg.h"

#include "libpath/base/text.h"
#include "pathd/ctl/style.h"

namespace swpath::ctl
{

namespace
{

constexpr std::string_view not_a_character = "\xef\xbf\xbd";

} // namespace

std::string xml_text(std::string_view text)
{
	std::string out;
	while (!text.empty()) {
		const auto length = printable_length(text);
		const char c = text.front();
		if (length == 0)
			out += not_a_character;
		else if (c == '&')
			out += "&amp;";
		else if (c == '<')
			out += "&lt;";
		else if (c == '>')
			out += "&gt;";
		else if (c == '"')
			out += "&quot;";
		else
			out += text.substr(0, length);
		text.remove_prefix(length == 0 ? 1 : length);
	}
	return out;
}

std::string clipped(std::string_view text, std::size_t columns)
{
	if (columns_of(text) <= columns)
		return std::string(text);
	std::size_t end = 0;
	for (std::size_t kept = 0; end < text.size(); end++) {
		const bool begins = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
		if (begins && ++kept == columns)
			break;
	}
	return std::string(text.substr(0, end)) + "…";
}

void Svg::end(std::string_view element, std::string_view title)
{
	if (title.empty())
		body_ += "/>\n";
	else
		body_ += fmt::format("><title>{}</title></{}>\n", xml_text(title), element);
}

void Svg::rect(std::string_view look, double x, double y, double width, double height,
	       std::string_view title, double radius)
{
	body_ += fmt::format(
		R"(<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}")", look, x,
		y, width, height);
	if (radius > 0)
		body_ += fmt::format(R"( rx="{:.1f}")", radius);
	end("rect", title);
}

void Svg::line(std::string_view look, double x1, double y1, double x2, double y2,
	       std::string_view title)
{
	body_ += fmt::format(R"(<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}")",
			     look, x1, y1, x2, y2);
	end("line", title);
}

void Svg::circle(std::string_view look, double x, double y, double radius, std::string_view title)
{
	body_ += fmt::format(R"(<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}")", look, x, y,
			     radius);
	end("circle", title);
}

void Svg::polyline(std::string_view look, std::string_view points, std::string_view title)
{
	body_ += fmt::format(R"(<polyline class="{}" points="{}")", look, points);
	end("polyline", title);
}

void Svg::text(std::string_view look, double x, double y, std::string_view text, Anchor anchor,
	       std::string_view title)
{
	constexpr std::string_view anchors[] = {"", R"( text-anchor="middle")",
						R"( text-anchor="end")"};
	body_ += fmt::format(R"(<text class="{}" x="{:.1f}" y="{:.1f}"{}>)", look, x, y,
			     anchors[static_cast<unsigned>(anchor)]);
	if (!title.empty())
		body_ += fmt::format("<title>{}</title>", xml_text(title));
	body_ += xml_text(text) + "</text>\n";
}

} // namespace swpath::ctl
