// SPDX-License-Identifier: GPL-2.0-or-later
/// The process swpath-lockspace, and the line to it. It ends, and lets go of all that it holds,
/// when this object or this process does.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "libpath/base/result.h"
#include "libpath/base/unique_fd.h"

namespace swpath
{

class LockProcess
{
public:
	/// BLOCKS until the program is read from its disk. Errors: those of start_child().
	[[nodiscard]] static Result<std::unique_ptr<LockProcess>>
	start(const std::vector<std::string> &command);
	/// Hangs up.
	~LockProcess();
	LockProcess(const LockProcess &) = delete;
	LockProcess &operator=(const LockProcess &) = delete;

	[[nodiscard]] pid_t pid() const { return pid_; }
	/// Readable when receive() has something.
	[[nodiscard]] int fd() const { return line_.get(); }
	/// Without a newline. Never waits: what the process does not take yet is kept.
	void send(std::string_view line);
	/// Sends what was kept. False: it does not take all of it yet.
	bool flush();
	/// The lines that have come, of at most 64 KiB at a time. Errors: EPIPE it has ended, and
	/// there is no line of it left; EMSGSIZE a line without an end.
	[[nodiscard]] Result<std::vector<std::string>> receive();

private:
	LockProcess(pid_t pid, UniqueFd line) : pid_(pid), line_(std::move(line)) {}

	pid_t pid_;
	UniqueFd line_;
	std::string unsent_;
	std::string came_;
};

} // namespace swpath
