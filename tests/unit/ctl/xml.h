// SPDX-License-Identifier: GPL-2.0-or-later
/// Is a text a well-formed XML document? Elements, attributes, character references and comments of
/// what we write; a document type or a processing instruction inside would be refused.
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace swpath::testing
{

class XmlCheck
{
public:
	explicit XmlCheck(std::string_view text) : rest_(text) {}

	/// What is wrong, and before which text; empty: nothing.
	std::string problem()
	{
		if (rest_.starts_with("<?xml "))
			skip_past("?>");
		while (problem_.empty() && !rest_.empty()) {
			if (rest_.front() != '<')
				characters("<", open_.empty());
			else if (rest_.starts_with("</"))
				close();
			else
				open();
		}
		if (problem_.empty() && (!open_.empty() || roots_ != 1))
			complain("the end comes too early or too late");
		return problem_;
	}

private:
	void complain(std::string_view what)
	{
		if (problem_.empty())
			problem_ =
				std::string(what) + " before: " + std::string(rest_.substr(0, 60));
	}
	void skip_past(std::string_view what)
	{
		const auto at = rest_.find(what);
		rest_.remove_prefix(at == rest_.npos ? rest_.size() : at + what.size());
	}
	std::string name()
	{
		std::size_t length = 0;
		while (length < rest_.size() &&
		       (std::isalnum(static_cast<unsigned char>(rest_[length])) ||
			rest_[length] == '-' || rest_[length] == ':'))
			length++;
		std::string found(rest_.substr(0, length));
		rest_.remove_prefix(length);
		if (found.empty())
			complain("a name is missing");
		return found;
	}
	void blanks()
	{
		while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n'))
			rest_.remove_prefix(1);
	}
	/// Up to one of `ends`.
	void characters(std::string_view ends, bool only_blanks)
	{
		while (!rest_.empty() && ends.find(rest_.front()) == ends.npos) {
			const auto c = static_cast<unsigned char>(rest_.front());
			if (c == '&') {
				bool known = false;
				for (const std::string_view entity :
				     {"&amp;", "&lt;", "&gt;", "&quot;"})
					known = known || rest_.starts_with(entity);
				if (!known)
					return complain("a bare &");
			}
			if (c == '<' || (c < 0x20 && c != '\n'))
				return complain("a character that may not be");
			if (only_blanks && c != '\n' && c != ' ')
				return complain("text outside of the root");
			rest_.remove_prefix(1);
		}
	}
	void open()
	{
		rest_.remove_prefix(1);
		const auto element = name();
		std::vector<std::string> seen;
		for (blanks(); !rest_.empty() && rest_.front() != '>' && rest_.front() != '/';
		     blanks()) {
			const auto attribute = name();
			for (const auto &other : seen)
				if (other == attribute)
					return complain("an attribute twice");
			seen.push_back(attribute);
			if (!rest_.starts_with("=\""))
				return complain("an attribute without a value");
			rest_.remove_prefix(2);
			characters("\"", false);
			if (rest_.empty() || !problem_.empty())
				return complain("a value without an end");
			rest_.remove_prefix(1);
		}
		roots_ += open_.empty();
		if (rest_.starts_with("/>"))
			rest_.remove_prefix(2);
		else if (rest_.starts_with(">")) {
			rest_.remove_prefix(1);
			open_.push_back(element);
		} else {
			complain("a tag without an end");
		}
	}
	void close()
	{
		rest_.remove_prefix(2);
		if (open_.empty() || name() != open_.back() || !rest_.starts_with(">"))
			return complain("an end tag of something else");
		rest_.remove_prefix(1);
		open_.pop_back();
	}

	std::string_view rest_;
	std::string problem_;
	std::vector<std::string> open_;
	int roots_ = 0;
};

inline std::string xml_problem(std::string_view text)
{
	return XmlCheck(text).problem();
}

} // namespace swpath::testing
