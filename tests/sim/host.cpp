// SPDX-License-Identifier: GPL-2.0-or-later
#include "host.h"

#include <utility>

namespace swpath::sim
{

void Host::after(Nanos delay, Schedule::What what)
{
	context_.schedule.after(delay, [this, boot = boot_, what = std::move(what)]() mutable {
		if (up_ && boot == boot_)
			run(std::move(what));
	});
}

bool Host::run(Schedule::What what)
{
	if (!up_)
		return false;
	if (frozen_)
		waiting_.push_back(std::move(what));
	else
		what();
	return true;
}

void Host::crash()
{
	if (!up_)
		return;
	context_.trace.say("host", "{} crashes", name_);
	up_ = false;
	frozen_ = false;
	boot_++;
	waiting_.clear();
}

void Host::start()
{
	if (up_)
		return;
	context_.trace.say("host", "{} starts", name_);
	up_ = true;
}

void Host::freeze()
{
	if (!up_ || frozen_)
		return;
	context_.trace.say("host", "{} freezes", name_);
	frozen_ = true;
}

void Host::thaw()
{
	if (!frozen_)
		return;
	context_.trace.say("host", "{} wakes", name_);
	frozen_ = false;
	// Each as an event of its own: one of them may freeze or end the host again.
	for (auto &what : std::exchange(waiting_, {}))
		after(0, std::move(what));
}

} // namespace swpath::sim
