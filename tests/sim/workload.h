// SPDX-License-Identifier: GPL-2.0-or-later
/// Users of the unit: stamped writers, readers and flushers. Never two of them on one block at
/// once, so that each block has one order of versions.
#pragma once

#include <array>

#include "kernel.h"

namespace swpath::sim
{

class Workload
{
public:
	Workload(Context &context, Host &client, Kernel &kernel, unsigned lanes, Nanos pause)
		: context_(context), client_(client), kernel_(kernel), lanes_(lanes), pause_(pause)
	{
	}

	/// Also after each boot of the client.
	void start();
	/// No new I/O; what is out goes on.
	void stop() { stopped_ = true; }
	void go_on();
	/// The client went down: nothing that is out will end.
	void client_crashed();
	/// Reads every block once; done when busy() is 0.
	void read_all();

	[[nodiscard]] unsigned busy() const { return busy_; }
	[[nodiscard]] std::uint64_t ios() const { return ios_; }
	[[nodiscard]] std::uint64_t errors() const { return errors_; }

private:
	void lane();
	void write(std::uint32_t block, Schedule::What then);
	void read(std::uint32_t block, Schedule::What then);
	void flush(Schedule::What then);
	void submit(const Request &request, Done done);
	void judge(const Answer &answer);

	Context &context_;
	Host &client_;
	Kernel &kernel_;
	unsigned lanes_;
	Nanos pause_;
	bool stopped_ = false;
	unsigned busy_ = 0;
	std::array<bool, block_count> taken_{};
	std::array<bool, block_count> writing_{};
	Stamp next_stamp_ = 1;
	std::uint64_t ios_ = 0;
	std::uint64_t errors_ = 0;
};

} // namespace swpath::sim
