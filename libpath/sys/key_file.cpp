// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/key_file.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <sstream>

#include <fmt/core.h>
#include <sys/stat.h>

#include "libpath/base/text.h"
#include "libpath/sys/file.h"

namespace swpath
{
namespace
{

constexpr std::size_t file_bytes_max = 64 * 1024;

} // namespace

std::string_view host_of_user(std::string_view user) noexcept
{
	return user.substr(0, user.find('#'));
}

Result<KeyFile> KeyFile::parse(std::string_view text, const std::string &file)
{
	KeyFile all;
	std::istringstream lines{std::string(text)};
	std::string line;
	for (unsigned number = 1; std::getline(lines, line); number++) {
		const auto entry = trimmed(line);
		if (entry.empty() || entry.starts_with('#'))
			continue;
		// What is no line of a key may be a secret: it is not repeated.
		const auto colon = entry.rfind(':');
		const bool named = colon != entry.npos && colon != 0;
		const auto hex = named ? entry.substr(colon + 1) : std::string_view();
		std::vector<unsigned char> bytes(hex.size() / 2);
		if (bytes.empty() || !parse_hex(hex, std::as_writable_bytes(std::span(bytes))))
			return fail(EINVAL,
				    fmt::format("key file '{}', line {}: not USER:KEY with KEY in "
						"hexadecimal; make one with psktool -u HOST -p {}",
						file, number, file));
		const std::string user(entry.substr(0, colon));
		if (bytes.size() < key_bytes_min)
			return fail(EINVAL,
				    fmt::format("key file '{}', line {}: the key of '{}' has {} "
						"bytes, and needs at least {}; make a new one with "
						"psktool -u '{}' -p {}",
						file, number, user, bytes.size(), key_bytes_min,
						user, file));
		all.keys_.push_back({user, std::move(bytes)});
	}
	if (all.keys_.empty())
		return fail(ENOKEY, fmt::format("key file '{}': there is no key; make one with "
						"psktool -u HOST -p {}",
						file, file));
	return all;
}

Result<KeyFile> KeyFile::read(const std::string &file)
{
	struct stat status {
	};
	if (::stat(file.c_str(), &status) != 0)
		return fail(errno, fmt::format("key file '{}'", file));
	if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0)
		return fail(
			EACCES,
			fmt::format("key file '{}': others may read or write it; chmod 600", file));
	const auto text = read_file(file, file_bytes_max);
	if (!text)
		return fail(text.error(), "key file");
	return parse(*text, file);
}

const PresharedKey *KeyFile::of_user(std::string_view user) const noexcept
{
	const auto found = std::find_if(keys_.begin(), keys_.end(),
					[&](const auto &each) { return each.user == user; });
	return found == keys_.end() ? nullptr : &*found;
}

const PresharedKey *KeyFile::of_host(std::string_view host) const noexcept
{
	const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const auto &each) {
		return host_of_user(each.user) == host;
	});
	return found == keys_.end() ? nullptr : &*found;
}

} // namespace swpath
