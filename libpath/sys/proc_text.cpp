// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/proc_text.h"

#include <algorithm>
#include <charconv>

#include "libpath/base/text.h"

namespace swpath
{
namespace
{

template <class T>
bool read_number(std::string_view text, T &into)
{
	const auto end = std::from_chars(text.data(), text.data() + text.size(), into);
	return end.ec == std::errc{} && end.ptr == text.data() + text.size();
}

} // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text)
{
	// The name is in parentheses and may hold any character, these too.
	const auto begin = text.find('(');
	const auto end = text.rfind(')');
	if (begin == text.npos || end == text.npos || end < begin)
		return std::nullopt;
	ProcessStat stat;
	stat.command = printable(text.substr(begin + 1, end - begin - 1));
	// The name is the 2nd field; the 4th is the parent, the 22nd the start.
	const auto words = split_words(text.substr(end + 1));
	if (words.size() < 20 || !read_number(words[1], stat.parent) ||
	    !read_number(words[19], stat.started))
		return std::nullopt;
	return stat;
}

/// "36 35 8:1 / /mnt rw,noatime master:1 - ext4 /dev/sda1 rw"
std::optional<MountLine> parse_mount_line(std::string_view line)
{
	const auto words = split_words(line);
	const auto dash = std::find(words.begin(), words.end(), "-");
	if (dash - words.begin() < 6 || words.end() - dash < 3)
		return std::nullopt;
	const auto device = DevNumber::parse(words[2]);
	if (!device)
		return std::nullopt;
	return MountLine{*device, printable(words[4]), printable(dash[2]),
			 words[5].starts_with("rw")};
}

/// "/dev/sda3                               partition	8388604		0		-2"
std::optional<std::string> parse_swap_line(std::string_view line)
{
	const auto words = split_words(line);
	if (words.size() != 5 || !words[0].starts_with('/'))
		return std::nullopt;
	return printable(words[0]);
}

} // namespace swpath
