// SPDX-License-Identifier: GPL-2.0-or-later
#include "nexus.h"

#include <algorithm>
#include <utility>

namespace swpath::sim
{

namespace
{

/// Shorter than any recovery, so that what is in the fabric has arrived or is gone by then (FC:
/// R_A_TOV).
Nanos transit(Random &random)
{
	return random.chance(0.01) ? random.between(1 * ms, 50 * ms)
				   : random.between(20 * us, 200 * us);
}

constexpr Nanos tmf_limit = 1 * sec;

} // namespace

std::vector<Nexus::Command>::iterator Nexus::find(std::uint64_t number)
{
	return std::find_if(commands_.begin(), commands_.end(),
			    [number](const Command &c) { return c.number == number; });
}

void Nexus::send(const Request &request, Done done)
{
	if (offline_ || lost_) {
		const Status status = offline_ ? Status::Offline : Status::Transport;
		host_.after(10 * us,
			    [done = std::move(done), status] { done({.status = status}); });
		return;
	}
	const std::uint64_t number = next_number_++;
	commands_.push_back({number, request, std::move(done), 0});
	context_.schedule.after(transit(context_.random),
				[this, number, login = logins_] { arrive(number, login); });
	watch(number);
}

void Nexus::refuse(Done done)
{
	host_.after(10 * us, [done = std::move(done)] { done({.status = Status::Offline}); });
}

void Nexus::deleted()
{
	context_.trace.say("nexus", "{}: its device was deleted and found again", id_);
	if (link_ == Link::Up) {
		log_in();
		return;
	}
	lost_ = true;
	end_all(Status::Offline, true);
}

void Nexus::watch(std::uint64_t number)
{
	host_.after(command_limit_, [this, number] { expire(number); });
}

/// At the target's port. An abort or a new login reaches what is still on its way, too.
void Nexus::arrive(std::uint64_t number, std::uint64_t login)
{
	const auto command = find(number);
	if (command == commands_.end() || login != logins_ || link_ == Link::Down)
		return;
	const auto tag = disk_->arrive(id_, command->request, [this, number](const Answer &answer) {
		if (link_ != Link::Up)
			return;
		host_.after(transit(context_.random),
			    [this, number, answer] { answered(number, answer); });
	});
	// A conflict is answered on the spot.
	if (const auto still = find(number); still != commands_.end())
		still->tag = tag;
}

void Nexus::answered(std::uint64_t number, const Answer &answer)
{
	if (const auto command = find(number); command != commands_.end())
		finish(command, answer);
}

void Nexus::finish(std::vector<Command>::iterator at, const Answer &answer)
{
	const Command command = std::move(*at);
	commands_.erase(at);
	command.done(answer);
}

void Nexus::expire(std::uint64_t number)
{
	const auto command = find(number);
	if (command == commands_.end())
		return;
	if (recovering_) {
		host_.after(200 * ms, [this, number] { expire(number); });
		return;
	}
	recovering_ = true;
	if (link_ == Link::Up && !context_.random.chance(faults_.abort_fails)) {
		host_.after(context_.random.between(1 * ms, 50 * ms), [this, number] {
			recovering_ = false;
			const auto at = find(number);
			if (at == commands_.end())
				return;
			if (link_ != Link::Up) {
				expire(number);
				return;
			}
			disk_->abort(at->tag);
			finish(at, {.status = Status::Timeout});
		});
		return;
	}
	host_.after(tmf_limit, [this] { escalate(); });
}

/// The abort had no answer: reset the unit, or give the device up.
void Nexus::escalate()
{
	reset_unit([this](bool confirmed) {
		recovering_ = false;
		if (confirmed || commands_.empty())
			return;
		context_.trace.say("nexus", "{} goes offline, {} commands ended in errors", id_,
				   commands_.size());
		offline_ = true;
		end_all(Status::Timeout, true);
	});
}

void Nexus::reset_unit(std::function<void(bool)> done)
{
	if (offline_ || lost_ || link_ != Link::Up || context_.random.chance(faults_.abort_fails)) {
		host_.after(tmf_limit, [done = std::move(done)] { done(false); });
		return;
	}
	host_.after(context_.random.between(1 * ms, 100 * ms), [this, done = std::move(done)] {
		if (link_ != Link::Up || offline_ || lost_) {
			done(false);
			return;
		}
		context_.trace.say("nexus", "{} resets the logical unit", id_);
		disk_->reset(id_);
		logins_++; // what is on its way is ended with the rest
		in_doubt_ = 0;
		end_all(Status::Timeout, false);
		done(true);
	});
}

void Nexus::manage(std::function<void(Disk &)> what, std::function<void(bool)> done)
{
	if (offline_ || lost_ || link_ == Link::Down) {
		host_.after(tmf_limit, [done = std::move(done)] { done(false); });
		return;
	}
	context_.schedule.after(transit(context_.random),
				[this, what = std::move(what), done = std::move(done)] {
					const bool arrives = link_ != Link::Down;
					if (arrives)
						what(*disk_);
					const bool answers = arrives && link_ == Link::Up;
					host_.after(answers ? transit(context_.random) : tmf_limit,
						    [done, answers] { done(answers); });
				});
}

/// `doubt`: the target was not reached, so that writes may still be executed.
void Nexus::end_all(Status status, bool doubt)
{
	const auto commands = std::exchange(commands_, {});
	for (const auto &command : commands)
		if (doubt && command.request.op == Op::Write)
			in_doubt_++;
	for (const auto &command : commands)
		command.done({.status = status});
}

void Nexus::log_in()
{
	disk_->lose_nexus(id_);
	logins_++;
	in_doubt_ = 0;
	offline_ = false;
	lost_ = false;
	recovering_ = false;
	// Whatever was out is over by the login, and nothing of it is executed any more.
	end_all(Status::Transport, false);
	context_.trace.say("nexus", "{} logs in", id_);
}

void Nexus::revive()
{
	if (offline_ && !lost_ && link_ == Link::Up)
		log_in();
}

void Nexus::set_link(Link link)
{
	wanted_link_ = link;
	if (plugged_)
		change_link(link);
}

void Nexus::plug(bool in)
{
	plugged_ = in;
	change_link(in ? wanted_link_ : Link::Down);
}

void Nexus::change_link(Link link)
{
	if (link_ == link)
		return;
	constexpr const char *words[] = {"up", "down", "deaf"};
	context_.trace.say("nexus", "{} link {}", id_, words[static_cast<unsigned>(link)]);
	link_ = link;
	const auto change = ++link_changes_;
	if (link == Link::Down) {
		// The transport notices sooner or later, or the commands' own limit comes first.
		host_.after(context_.random.between(100 * ms, 8 * sec), [this, change] {
			if (change != link_changes_ || lost_)
				return;
			context_.trace.say("nexus", "{} transport gives up", id_);
			lost_ = true;
			end_all(Status::Transport, true);
		});
	} else if (link == Link::Up) {
		host_.after(context_.random.between(10 * ms, 1 * sec), [this, change] {
			if (change == link_changes_ && lost_)
				log_in();
		});
	}
}

void Nexus::point_at(Disk &disk)
{
	context_.trace.say("nexus", "{} leads to disk {} now", id_, disk.identity());
	disk_->lose_nexus(id_);
	disk_ = &disk;
}

void Nexus::host_went_down()
{
	commands_.clear();
	recovering_ = false;
	offline_ = false;
	// The port is gone for the target, which may notice late: what it holds stays there.
	in_doubt_++;
	lost_ = true;
}

void Nexus::host_came_up()
{
	if (link_ == Link::Up)
		log_in();
}

} // namespace swpath::sim
