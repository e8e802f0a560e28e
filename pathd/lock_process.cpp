// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/lock_process.h"

#include <cerrno>
#include <csignal>

#include <sys/socket.h>

#include "libpath/sys/child_process.h"

namespace swpath
{
namespace
{

constexpr std::size_t line_bytes_max = 4096;
/// One that says something without end takes no more of the loop's time than this at a time.
constexpr std::size_t turn_bytes_max = 64 * 1024;

} // namespace

Result<std::unique_ptr<LockProcess>> LockProcess::start(const std::vector<std::string> &command)
{
	int ends[2];
	if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return fail(errno, "a line to the lock space");
	UniqueFd ours(ends[0]);
	const UniqueFd its(ends[1]);
	const auto child = start_child({command, {}, its.get(), its.get()});
	if (!child)
		return tl::unexpected(child.error());
	return std::unique_ptr<LockProcess>(new LockProcess(child->pid, std::move(ours)));
}

LockProcess::~LockProcess() = default;

void LockProcess::send(std::string_view line)
{
	unsent_.append(line).append(1, '\n');
	(void)flush();
}

bool LockProcess::flush()
{
	while (!unsent_.empty()) {
		const auto sent = ::send(line_.get(), unsent_.data(), unsent_.size(),
					 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		// One that has ended is noticed by receive().
		if (sent < 0)
			return false;
		unsent_.erase(0, static_cast<std::size_t>(sent));
	}
	return true;
}

Result<std::vector<std::string>> LockProcess::receive()
{
	std::vector<std::string> lines;
	for (std::size_t bytes = 0; bytes < turn_bytes_max;) {
		char piece[1024];
		const auto got = ::recv(line_.get(), piece, sizeof(piece), MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		if (got <= 0 && !lines.empty())
			break; // its last words first
		if (got <= 0)
			return fail(EPIPE, "the lock space");
		came_.append(piece, static_cast<std::size_t>(got));
		bytes += static_cast<std::size_t>(got);
		for (auto end = came_.find('\n'); end != came_.npos; end = came_.find('\n')) {
			lines.push_back(came_.substr(0, end));
			came_.erase(0, end + 1);
		}
		if (came_.size() > line_bytes_max)
			return fail(EMSGSIZE, "a line of the lock space");
	}
	return lines;
}

} // namespace swpath
