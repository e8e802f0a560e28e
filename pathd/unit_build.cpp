// SPDX-License-Identifier: GPL-2.0-or-later
/// Of a unit's keeper: building the unit from its legs.
#include <fmt/format.h>

#include "libpath/sys/clock.h"
#include "libpath/sys/dm.h"
#include "libpath/sys/leg_mark.h"
#include "libpath/sys/udev.h"
#include "pathd/log.h"
#include "pathd/unit.h"

namespace swpath
{

using log::Message;

namespace
{

/// After a table change that failed.
constexpr Duration table_retry = std::chrono::seconds(1);
/// The kernel's table is read at least so often: somebody may have loaded another by hand.
constexpr Duration table_interval = std::chrono::seconds(10);

} // namespace

SeenWorld Unit::world(Instant now) const
{
	SeenWorld world;
	world.unit = kernel_;
	world.capacity_bytes = geometry_ ? geometry_->capacity_bytes : 0;
	world.first_proved = first_proved_;
	world.now = now;
	for (const auto &slot : slots_)
		world.served_tried.push_back(slot.attach_tried);
	for (const auto &[number, leg] : legs_) {
		SeenLeg seen;
		seen.number = number;
		seen.name = leg->device().sysname;
		seen.kind = leg->kind();
		seen.hctl = leg->device().hctl;
		seen.by_path = leg->device().by_path;
		seen.served_slot = leg->served_slot;
		seen.alive = leg->alive;
		seen.marked = leg->marked;
		seen.proved = leg->proved;
		seen.settled = leg->settled;
		world.legs.push_back(std::move(seen));
	}
	return services_.hints ? services_.hints->admit(std::move(world)) : world;
}

/// What is to be done, from what is seen now. Nothing: the unit cannot be planned.
std::optional<UnitPlan> Unit::plan(Instant now)
{
	if (wrong_owner_)
		return std::nullopt;
	// It changes with our own reload, or by a hand other than ours, mostly with an event.
	if (kernel_ && (stale_ || !table_read_ || kernel_event_ != table_event_ ||
			now >= *table_read_ + table_interval)) {
		dm::DmChannel::Line line;
		if (services_.dm.status(config_.name, true, line) != 0)
			return std::nullopt;
		auto table = parse_table(line.length, line.params);
		if (!table) {
			log::say(Message::Error, {.unit = config_.name},
				 "cannot read the unit's table: {}", table.error().message());
			return std::nullopt;
		}
		kernel_->table = std::move(*table);
		table_read_ = now;
		table_event_ = line.event_nr;
		if (!geometry_)
			geometry_ = Geometry{.capacity_bytes = length_sectors_ * 512};
	}
	return plan_unit(config_, world(now));
}

void Unit::build(Instant now)
{
	const auto planned = plan(now);
	if (!planned)
		return;
	assign(*planned, now);
	spare_ = planned->spare;
	waiting_.clear();
	// A table that is as it should be, whoever loaded it.
	if (kernel_ && table_read_ && !table_busy_ &&
	    std::none_of(planned->steps.begin(), planned->steps.end(), [](const PlanStep &step) {
		    return step.kind == PlanStep::Kind::Reload || step.kind == PlanStep::Kind::Wait;
	    }))
		table_loaded(identities_);
	for (const auto &step : planned->steps) {
		const bool mark =
			step.kind == PlanStep::Kind::Mark || step.kind == PlanStep::Kind::Unmark;
		if (!config_.build && !mark)
			continue;
		if (step.kind == PlanStep::Kind::Wait)
			waiting_ = step.why;
		else if (!services_.dry_run)
			carry_out(step);
	}
}

std::vector<std::string> Unit::plan_lines(Instant now)
{
	std::vector<std::string> lines;
	for (const auto &step : plan_unit(config_, world(now)).steps)
		lines.push_back(step.text(config_.name));
	return lines;
}

void Unit::assign(const UnitPlan &plan, Instant now)
{
	stale_ = false;
	std::vector<std::shared_ptr<Leg>> moved;
	std::vector<unsigned> taken;
	for (unsigned i = 0; i < slots_.size(); i++) {
		const auto number = plan.slots[i];
		const auto found = number ? legs_.find(*number) : legs_.end();
		const auto leg = found == legs_.end() ? nullptr : found->second;
		auto &slot = slots_[i];
		if (slot.leg == leg)
			continue;
		if (slot.leg && slot.monitor.usable()) {
			slot.monitor.step(PathLost{now, Reason::PATH_GONE});
			tell(i, now);
		}
		if (slot.leg)
			moved.push_back(slot.leg);
		slot.leg = leg;
		if (leg)
			taken.push_back(i);
		slot.probe_now = leg != nullptr;
		slot.overdue = false;
		medium_.forget(i);
		slot.coherence.forget();
		mv_.replaced(i);
		if (leg)
			slot.attach_tried = false;
	}
	// When all have their places: a leg that has left one may have another.
	for (const auto &leg : moved)
		if (!slot_of(*leg))
			(void)services_.settings.give_back(leg->device().sysname);
	for (const unsigned i : taken) {
		borrow_settings(*slots_[i].leg);
		give_key(i);
	}
}

void Unit::carry_out(const PlanStep &step)
{
	switch (step.kind) {
	case PlanStep::Kind::Mark: {
		const auto found = legs_.find(*step.leg);
		auto marked = mark_leg(*step.leg, config_.name);
		if (marked && found != legs_.end())
			found->second->marked = true;
		// The rules have seen the device already: let them look again.
		if (marked)
			marked = trigger_change(*step.leg);
		if (!marked)
			log::say(Message::Warning, {.unit = config_.name},
				 "{} is not hidden from other programs: {}", step.why,
				 marked.error().message());
		break;
	}
	case PlanStep::Kind::Unmark:
		(void)unmark_leg(*step.leg);
		break;
	case PlanStep::Kind::Attach:
		attach(*step.slot);
		break;
	case PlanStep::Kind::Detach:
		detach(*step.leg);
		break;
	case PlanStep::Kind::Create:
	case PlanStep::Kind::Reload:
		if (!table_busy_ && now() >= table_retry_) {
			log::say(Message::Notice, {.unit = config_.name}, "{}",
				 step.text(config_.name));
			change_table(*step.table, step.kind == PlanStep::Kind::Create);
		}
		break;
	case PlanStep::Kind::Wait:
		break;
	}
}

/// Creates or reloads, on the unit's own thread: either may wait for a disk.
void Unit::change_table(const Table &table, bool create)
{
	table_busy_ = table_worker_->submit([mailbox = services_.mailbox,
					     here = std::weak_ptr(here_), unit = this,
					     name = config_.name, wwid = config_.wwid, table,
					     create, paths = identities_] {
		auto done = create ? dm::create(name, wwid, table) : dm::reload(name, table);
		Result<void> result;
		if (!done)
			result = tl::unexpected(done.error());
		mailbox->post([here, unit, result, create, paths] {
			if (here.expired())
				return;
			unit->table_busy_ = false;
			unit->table_read_.reset();
			unit->touch();
			if (result) {
				unit->table_loaded(paths);
				if (create)
					log::say(Message::UnitCreated, {.unit = unit->config_.name},
						 "/dev/{} was created", unit->config_.name);
				return;
			}
			unit->table_retry_ = now() + table_retry;
			log::say(Message::Error, {.unit = unit->config_.name},
				 "cannot {} the unit: {}", create ? "create" : "reload",
				 result.error().message());
		});
	});
}

} // namespace swpath
