// SPDX-License-Identifier: GPL-2.0-or-later
/// Plays a plan in the guest and judges what became of the data. What it prints is the same for the
/// same snapshot and seed, to the byte.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "libpath/base/instant.h"
#include "tests/snap/disk.h"
#include "tests/snap/plan.h"
#include "tests/snap/server.h"
#include "tests/snap/stack.h"
#include "tests/stamp/writer.h"

namespace swpath::snap
{

class Player
{
public:
	Player(const Plan &plan, const Disk &disk, Server &server, Stack &stack)
		: plan_(plan), disk_(disk), server_(server), stack_(stack)
	{
	}

	/// Returns what is wrong, in few words; empty if nothing is. May leave the writer's threads
	/// behind, waiting for I/O: the process is to end without waiting for them.
	[[nodiscard]] std::string play();

private:
	void start_writer();
	void pass_time(Duration until);
	void perform(const Deed &deed);
	void watch();
	void settle();
	void stop_writer();
	void tell_threads() const;
	void judge(const char *when);
	void tell(const std::string &text) const;
	void blame(const std::string &text);

	const Plan &plan_;
	const Disk &disk_;
	Server &server_;
	Stack &stack_;
	Instant began_{};
	std::string state_; ///< as last told
	std::string wrong_;

	std::thread writer_;
	std::atomic<bool> stop_{false};
	std::atomic<bool> written_{false}; ///< summary_ is there
	std::optional<Result<stamp::WriterSummary>> summary_;
};

} // namespace swpath::snap
