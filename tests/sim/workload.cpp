// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

namespace swpath::sim
{

void Workload::start()
{
	for (unsigned i = 0; i < lanes_; i++)
		client_.after(context_.random.between(1, pause_), [this] { lane(); });
}

void Workload::go_on()
{
	stopped_ = false;
	start();
}

void Workload::client_crashed()
{
	for (std::uint32_t i = 0; i < block_count; i++)
		if (writing_[i])
			context_.checker.write_abandoned(i);
	taken_.fill(false);
	writing_.fill(false);
	busy_ = 0;
}

void Workload::lane()
{
	if (stopped_)
		return;
	const auto again = [this] {
		client_.after(context_.random.between(pause_ / 10 + 1, 2 * pause_),
			      [this] { lane(); });
	};
	const auto block = static_cast<std::uint32_t>(context_.random.below(block_count));
	const auto choice = context_.random.below(100);
	if (choice < 5)
		flush(again);
	else if (taken_[block])
		again();
	else if (choice < 60)
		write(block, again);
	else
		read(block, again);
}

void Workload::submit(const Request &request, Done done)
{
	busy_++;
	kernel_.submit(request, [this, done = std::move(done)](const Answer &answer) {
		busy_--;
		ios_++;
		judge(answer);
		done(answer);
	});
}

void Workload::judge(const Answer &answer)
{
	if (answer.status != Status::Ok && answer.status != Status::Medium)
		errors_++;
	// The target's own word about a request goes up; a reservation of ours must not be in our
	// way.
	if (answer.status == Status::Conflict)
		context_.checker.conflicted();
}

void Workload::write(std::uint32_t block, Schedule::What then)
{
	const Stamp stamp = next_stamp_++;
	const bool fua = context_.random.chance(0.2);
	taken_[block] = writing_[block] = true;
	context_.checker.write_begins(block, stamp);
	submit({.op = Op::Write, .block = block, .stamp = stamp, .fua = fua},
	       [this, block, stamp, fua, since = context_.checker.point(block),
		then = std::move(then)](const Answer &answer) {
		       taken_[block] = writing_[block] = false;
		       context_.trace.say("workload", "write {} of block {}{}: {}", stamp, block,
					  fua ? " (FUA)" : "", status_word(answer.status));
		       context_.checker.write_ends(block, stamp, answer.status, fua, since);
		       then();
	       });
}

void Workload::read(std::uint32_t block, Schedule::What then)
{
	taken_[block] = true;
	submit({.op = Op::Read, .block = block},
	       [this, block, since = context_.checker.point(block),
		then = std::move(then)](const Answer &answer) {
		       taken_[block] = false;
		       if (answer.status == Status::Ok && answer.stale)
			       context_.checker.stale_read_ends();
		       else if (answer.status == Status::Ok)
			       context_.checker.read_ends(block, answer.stamp, since);
		       then();
	       });
}

void Workload::flush(Schedule::What then)
{
	const auto before = context_.checker.flush_begins();
	const auto done = [this, before, then = std::move(then)](const Answer &answer) {
		if (answer.status == Status::Ok)
			context_.checker.flush_ends(before);
		then();
	};
	if (context_.broken(Mutant::FLUSH_EARLY)) {
		done({});
		return;
	}
	submit({.op = Op::Flush}, done);
}

void Workload::read_all()
{
	for (std::uint32_t block = 0; block < block_count; block++)
		if (!taken_[block])
			read(block, [] {});
}

} // namespace swpath::sim
