// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libpath/sys/file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include "libpath/base/unique_fd.h"

namespace swpath
{

Result<std::string> read_file(const std::string &path, std::size_t bytes_max)
{
	const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
	if (!fd)
		return fail(errno, "read " + path);
	std::string text;
	char piece[4096];
	for (;;) {
		const auto got = ::read(fd.get(), piece, sizeof(piece));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(errno, "read " + path);
		if (got == 0)
			return text;
		text.append(piece, static_cast<std::size_t>(got));
		if (text.size() > bytes_max)
			return fail(EFBIG, "read " + path);
	}
}

namespace
{

Result<void> sync_directory(const std::string &path)
{
	const auto directory = std::filesystem::path(path).parent_path();
	const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!fd || ::fsync(fd.get()) != 0)
		return fail(errno, "sync " + directory.string());
	return {};
}

Result<void> write_all(const UniqueFd &fd, std::string_view text, const std::string &path)
{
	if (!fd)
		return fail(errno, "write " + path);
	while (!text.empty()) {
		const auto put = ::write(fd.get(), text.data(), text.size());
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fail(errno, "write " + path);
		text.remove_prefix(static_cast<std::size_t>(put));
	}
	return {};
}

Result<void> replace(const std::string &path, std::string_view text, bool durably)
{
	std::error_code error;
	std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
	const auto fresh = path + ".new";
	{
		const UniqueFd fd(
			::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
		if (auto written = write_all(fd, text, fresh); !written)
			return written;
		if (durably && ::fsync(fd.get()) != 0)
			return fail(errno, "sync " + fresh);
	}
	if (std::rename(fresh.c_str(), path.c_str()) != 0)
		return fail(errno, "rename " + fresh);
	return durably ? sync_directory(path) : Result<void>();
}

} // namespace

Result<void> replace_file(const std::string &path, std::string_view text)
{
	return replace(path, text, false);
}

Result<void> append_file(const std::string &path, std::string_view text)
{
	return write_all(UniqueFd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)), text,
			 path);
}

Result<void> replace_file_durably(const std::string &path, std::string_view text)
{
	return replace(path, text, true);
}

Result<std::vector<std::string>> names_in(const std::string &directory)
{
	std::vector<std::string> names;
	std::error_code error;
	// Not by a range-for, whose step throws.
	auto at = std::filesystem::directory_iterator(directory, error);
	for (; !error && at != std::filesystem::directory_iterator(); at.increment(error))
		names.push_back(at->path().filename().string());
	if (error)
		return tl::unexpected(Error{error, "list " + directory});
	std::sort(names.begin(), names.end());
	return names;
}

std::vector<std::string> names_or_none(const std::string &directory)
{
	return names_in(directory).value_or(std::vector<std::string>{});
}

} // namespace swpath
