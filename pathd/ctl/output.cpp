// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/ctl/output.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "libpath/base/unique_fd.h"

#include "pathd/ctl/render.h"
#include "pathd/ctl/terminal.h"

namespace swpath::ctl
{

namespace
{

/// As the kernel follows.
constexpr unsigned links_max = 40;

} // namespace

bool print(std::string_view text)
{
	if (write_all(STDOUT_FILENO, text))
		return true;
	// Who reads no further has seen enough.
	if (const int error = errno; error != EPIPE)
		print_error(fmt::format("pathctl: cannot write: {}\n",
					std::error_code(error, std::generic_category()).message()));
	return false;
}

void print_error(std::string_view text)
{
	// There is nobody left to tell if this fails.
	(void)write_all(STDERR_FILENO, text);
}

Result<void> write_whole(const std::string &path, std::string_view text)
{
	std::error_code error;
	struct stat old {
	};
	const bool there = ::stat(path.c_str(), &old) == 0;
	// EACCES: among others a link in a directory for all that belongs to somebody else
	// (proc(5), protected_symlinks). What the kernel does not follow is not followed here.
	if (!there && errno != ENOENT)
		return fail(errno, path);
	if (there && !S_ISREG(old.st_mode))
		return fail(EINVAL, fmt::format("{} is no regular file", path));
	// A link stays one, whether it leads to a file yet or not.
	std::filesystem::path behind = path;
	const auto is_link = [&] {
		std::error_code none; // to make the file is what tells
		return std::filesystem::is_symlink(behind, none);
	};
	for (unsigned i = 0; i < links_max && is_link(); i++)
		behind = behind.parent_path() / std::filesystem::read_symlink(behind, error);
	if (error || is_link())
		return fail(error ? error.value() : ELOOP, path);
	const auto target = behind.string();

	std::string fresh = target + ".XXXXXX";
	const UniqueFd fd(::mkostemp(fresh.data(), O_CLOEXEC));
	if (!fd)
		return fail(errno, path);
	const mode_t mask = ::umask(0);
	::umask(mask);
	int failure = 0;
	if (::fchmod(fd.get(), there ? old.st_mode & 0777 : 0666 & ~mask) < 0 ||
	    !write_all(fd.get(), text) || std::rename(fresh.c_str(), target.c_str()) < 0)
		failure = errno;
	if (failure == 0)
		return {};
	::unlink(fresh.c_str());
	return fail(failure, path);
}

std::string json_text(const Json &json)
{
	return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int failed(const CommandLine &line, const Refusal &refusal)
{
	const int status = exit_status(refusal.kind);
	if (line.json)
		print_error(json_text({{"schema", "swpath.error"},
				       {"version", report_version},
				       {"error", std::string(word(refusal.kind))},
				       {"status", status},
				       {"unit", line.unit},
				       {"message", refusal.message},
				       {"hint", refusal.hint}}));
	else
		print_error(render_refusal(style_for(line, STDERR_FILENO), refusal, line.unit));
	return status;
}

} // namespace swpath::ctl
