// SPDX-License-Identifier: GPL-2.0-or-later
/// A process as SIGKILL leaves it while a disk hangs: its first thread is over, another one keeps
/// its files open.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpath/sys/process_state.h"

namespace swpath::test
{

class HalfDeadProcess
{
public:
	/// `prepare` runs in the process, and what it opened stays open. good() says what it
	/// returned.
	explicit HalfDeadProcess(const std::function<bool()> &prepare)
	{
		int ready[2];
		if (::pipe(ready) != 0)
			return;
		child_ = ::fork();
		if (child_ == 0) {
			const char letter = prepare() ? 'y' : 'n';
			std::thread([letter, to = ready[1]] {
				(void)!::write(to, &letter, 1);
				for (;;)
					::pause();
			}).detach();
			::syscall(SYS_exit, 0);
		}
		::close(ready[1]);
		char letter = 'n';
		good_ = ::read(ready[0], &letter, 1) == 1 && letter == 'y';
		::close(ready[0]);
		// Its first thread may still be on its way out.
		const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
		while (!process_has_ended(child_) && std::chrono::steady_clock::now() < deadline)
			std::this_thread::yield();
	}
	~HalfDeadProcess()
	{
		if (child_ <= 0)
			return;
		::kill(child_, SIGKILL);
		::waitpid(child_, nullptr, 0);
	}
	HalfDeadProcess(const HalfDeadProcess &) = delete;
	HalfDeadProcess &operator=(const HalfDeadProcess &) = delete;

	[[nodiscard]] bool good() const { return good_; }
	[[nodiscard]] pid_t pid() const { return child_; }

private:
	pid_t child_ = -1;
	bool good_ = false;
};

} // namespace swpath::test
