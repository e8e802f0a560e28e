// SPDX-License-Identifier: GPL-2.0-or-later
#include "disk.h"

#include <algorithm>
#include <utility>

namespace swpath::sim
{

namespace
{

/// Most commands take a moment; a few take long enough for a time-out to meet them.
Nanos service_time(Random &random)
{
	if (random.chance(0.005))
		return random.between(100 * ms, 4 * sec);
	return random.between(50 * us, 2 * ms);
}

} // namespace

std::uint64_t Disk::arrive(NexusId nexus, const Request &request, Done reply)
{
	const std::uint64_t tag = next_tag_++;
	if (conflicts(nexus, request)) {
		reply({.status = Status::Conflict});
		return tag;
	}
	tasks_.push_back({tag, nexus, request, std::move(reply)});
	context_.schedule.after(service_time(context_.random), [this, tag] { execute(tag); });
	return tag;
}

bool Disk::conflicts(NexusId nexus, const Request &request) const
{
	return reserved() && (request.op == Op::Write || request.op == Op::Flush) &&
	       !keys_.contains(nexus);
}

void Disk::execute(std::uint64_t tag)
{
	const auto task = std::find_if(tasks_.begin(), tasks_.end(),
				       [tag](const Task &t) { return t.tag == tag; });
	if (task == tasks_.end())
		return;
	if (stalls(task->nexus)) {
		context_.schedule.at(stalled_until_[task->nexus] + service_time(context_.random),
				     [this, tag] { execute(tag); });
		return;
	}
	const Task done = std::move(*task);
	tasks_.erase(task);
	done.reply(perform(done.nexus, done.request));
}

std::optional<Key> Disk::key(NexusId nexus) const
{
	const auto own = keys_.find(nexus);
	return own == keys_.end() ? std::nullopt : std::optional(own->second);
}

void Disk::hold(std::optional<NexusId> nexus)
{
	if (holder_.has_value() != nexus.has_value())
		context_.checker.reserved(nexus.has_value());
	holder_ = nexus;
}

void Disk::reserve(NexusId nexus)
{
	if (!holder_)
		hold(nexus);
}

void Disk::release(NexusId nexus)
{
	if (holder_ == nexus)
		hold(std::nullopt);
}

void Disk::unregister(NexusId nexus)
{
	keys_.erase(nexus);
	release(nexus);
}

bool Disk::copy_key(NexusId nexus, const NexusChange &change)
{
	const auto key = change.key;
	if (this->key(nexus).value_or(0) != change.had)
		return false;
	if (key == 0) {
		unregister(nexus);
		return true;
	}
	if (!context_.broken(Mutant::PREEMPTED_KEY_COPIED) && !view(nexus).has(key))
		return false;
	register_key(nexus, key);
	context_.checker.key_copied(key);
	return true;
}

NexusView Disk::view(NexusId nexus) const
{
	NexusView view;
	for (const auto &[each, key] : keys_)
		view.keys.push_back(key);
	std::sort(view.keys.begin(), view.keys.end());
	view.type = reserved() ? ReservationType::WriteExclusiveRegistrants : ReservationType::None;
	view.own = key(nexus).value_or(0);
	return view;
}

Answer Disk::perform(NexusId nexus, const Request &request)
{
	auto &block = blocks_[request.block];
	Answer answer;
	switch (request.op) {
	case Op::Read:
		if (block.spoiled) {
			block.spoiled = false;
			answer.status = Status::Medium;
		}
		answer.stamp = block.cached;
		break;
	case Op::Write:
		block.cached = request.stamp;
		if (request.fua)
			block.durable = request.stamp;
		context_.trace.say("disk", "{} block {} = {}{}, given by path {}", identity_,
				   request.block, request.stamp, request.fua ? " (FUA)" : "",
				   request.path);
		context_.checker.written(request, identity_);
		break;
	case Op::Flush:
		for (auto &each : blocks_)
			each.durable = each.cached;
		break;
	case Op::Probe:
		for (std::uint32_t i = 0; i < block_count; i++)
			if (request.places & 1U << i)
				answer.places.emplace_back(i, blocks_[i].cached);
		answer.identity = identity_;
		if (request.look) {
			const auto had = key(nexus).value_or(0);
			const bool held = holder_ == nexus;
			if (request.copy && copy_key(nexus, *request.copy)) {
				answer.copied = request.copy->key;
				if (request.copy->key == 0)
					context_.checker.key_taken_off(had, held);
			}
			answer.nexus = std::make_shared<const NexusView>(view(nexus));
		}
		if (request.key != 0) {
			for (const auto &[each, key] : keys_)
				answer.keys.push_back(key);
			if (request.may_register && !keys_.contains(nexus))
				register_key(nexus, request.key);
			answer.unregistered = !keys_.contains(nexus);
		}
		for (std::size_t i = 0; i < landmark_count; i++)
			if (const auto place = landmarks(block_count * block_bytes)[i])
				answer.landmarks[i] = blocks_[*place / block_bytes].cached;
		break;
	}
	return answer;
}

template <class Which>
void Disk::drop(Which which)
{
	tasks_.erase(std::remove_if(tasks_.begin(), tasks_.end(), which), tasks_.end());
}

void Disk::abort(std::uint64_t tag)
{
	drop([tag](const Task &t) { return t.tag == tag; });
}

void Disk::lose_nexus(NexusId nexus)
{
	drop([nexus](const Task &t) { return t.nexus == nexus; });
}

void Disk::reset(NexusId by)
{
	auto tasks = std::exchange(tasks_, {});
	for (const auto &task : tasks)
		if (task.nexus != by)
			task.reply({.status = Status::Error});
}

void Disk::stall(NexusId nexus, Nanos until)
{
	stalled_until_[nexus] = std::max(stalled_until_[nexus], until);
}

bool Disk::stalls(NexusId nexus) const
{
	const auto stall = stalled_until_.find(nexus);
	return stall != stalled_until_.end() && stall->second > context_.schedule.now();
}

void Disk::power_loss()
{
	context_.trace.say("disk", "{} loses power", identity_);
	for (auto &block : blocks_)
		block.cached = block.durable;
	tasks_.clear();
	context_.checker.cache_lost();
}

void Disk::clear_keys()
{
	context_.trace.say("disk", "somebody clears all keys and the reservation of {}", identity_);
	context_.checker.people_changed();
	hold(std::nullopt);
	keys_.clear();
}

bool Disk::preempt_abort(NexusId via, Key own, Key victim)
{
	const auto mine = keys_.find(via);
	if (mine == keys_.end() || mine->second != own)
		return false;
	for (auto at = keys_.begin(); at != keys_.end();) {
		if (at->second != victim || at->first == via) {
			++at;
			continue;
		}
		if (!context_.broken(Mutant::ABORT_MISSING))
			lose_nexus(at->first);
		if (holder_ == at->first)
			hold(via);
		at = keys_.erase(at);
	}
	return true;
}

bool Disk::holds_writes(NexusId nexus) const
{
	return std::any_of(tasks_.begin(), tasks_.end(), [nexus](const Task &t) {
		return t.nexus == nexus && t.request.op == Op::Write;
	});
}

} // namespace swpath::sim
