// SPDX-License-Identifier: GPL-2.0-or-later
/// Something that runs code and can be stopped: a machine, or a process on one. What it wants to do
/// later happens unless it died first, and when it is frozen, after it woke: at once and in order,
/// with a clock that went on.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "context.h"

namespace swpath::sim
{

class Host
{
public:
	Host(Context &context, std::string name) : context_(context), name_(std::move(name)) {}
	Host(const Host &) = delete;
	Host &operator=(const Host &) = delete;

	[[nodiscard]] const std::string &name() const { return name_; }
	[[nodiscard]] bool up() const { return up_; }
	[[nodiscard]] bool frozen() const { return frozen_; }
	/// Counts boots.
	[[nodiscard]] std::uint64_t boot() const { return boot_; }

	void after(Nanos delay, Schedule::What what);
	/// Now, or when it wakes. False: it is down, nothing will happen.
	bool run(Schedule::What what);

	void crash();
	void start();
	void freeze();
	void thaw();

private:
	Context &context_;
	std::string name_;
	bool up_ = true;
	bool frozen_ = false;
	std::uint64_t boot_ = 0;
	std::vector<Schedule::What> waiting_;
};

} // namespace swpath::sim
