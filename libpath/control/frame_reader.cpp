// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/control/frame_reader.h"

#include <cerrno>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace swpath
{

namespace
{

/// The parser's own memory is bounded by the message; its result must also be by depth, because
/// writing and comparing JSON recurses.
bool too_deep(std::string_view text, unsigned depth_max)
{
	unsigned depth = 0;
	bool in_string = false;
	for (std::size_t i = 0; i < text.size(); i++) {
		const char c = text[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > depth_max)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

} // namespace

Result<void> FrameReader::feed(std::string_view bytes)
{
	buffer_.append(bytes);
	if (buffer_.size() <= limits_.message_bytes_max)
		return {};
	// Only a message that is still open may grow too long: complete ones wait to be fetched.
	if (buffer_.find('\0') > limits_.message_bytes_max)
		return fail(EMSGSIZE, fmt::format("message of more than {} bytes",
						  limits_.message_bytes_max));
	return {};
}

Result<std::optional<Json>> FrameReader::next()
{
	const auto end = buffer_.find('\0', scanned_);
	if (end == std::string::npos) {
		scanned_ = buffer_.size();
		if (buffer_.size() > limits_.message_bytes_max)
			return fail(EMSGSIZE, fmt::format("message of more than {} bytes",
							  limits_.message_bytes_max));
		return std::nullopt;
	}
	const std::string text = buffer_.substr(0, end);
	buffer_.erase(0, end + 1);
	scanned_ = 0;
	if (text.size() > limits_.message_bytes_max)
		return fail(EMSGSIZE, fmt::format("message of more than {} bytes",
						  limits_.message_bytes_max));
	if (too_deep(text, limits_.depth_max))
		return fail(EBADMSG,
			    fmt::format("message nested deeper than {}", limits_.depth_max));
	Json json = Json::parse(text, nullptr, false);
	if (!json.is_object())
		return fail(EBADMSG, "message is not a JSON object");
	return json;
}

bool FrameReader::partial() const
{
	return !buffer_.empty() && buffer_.find('\0', scanned_) == std::string::npos;
}

} // namespace swpath
