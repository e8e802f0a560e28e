// SPDX-License-Identifier: GPL-2.0-or-later
/// A process that is killed exactly before the Nth time that it makes a system call of one kind.
#pragma once

#include <cerrno>
#include <csignal>
#include <functional>

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace swpath::test
{

/// Runs `work` in a child until it is about to make its `number`th call (from 1 on) of `call`, and
/// ends it there with SIGKILL. False: it ended, or could not be traced, before that.
inline bool kill_before_call(long call, unsigned number, const std::function<void()> &work)
{
	const pid_t child = ::fork();
	if (child == 0) {
		if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
			::_exit(2);
		::raise(SIGSTOP);
		work();
		::_exit(0);
	}
	int status = 0;
	const auto stopped = [&] {
		return ::waitpid(child, &status, 0) == child && WIFSTOPPED(status);
	};
	bool entering = false;
	unsigned seen = 0;
	if (!stopped() || ::ptrace(PTRACE_SETOPTIONS, child, nullptr,
				   PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
		return false;
	while (::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0 && stopped()) {
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		entering = !entering;
		struct user_regs_struct registers {
		};
		if (!entering || ::ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0 ||
		    static_cast<long>(registers.orig_rax) != call || ++seen < number)
			continue;
		::kill(child, SIGKILL);
		::waitpid(child, &status, 0);
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	return false;
}

} // namespace swpath::test
