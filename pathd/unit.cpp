// SPDX-License-Identifier: GPL-2.0-or-later
#include "pathd/unit.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "libpath/sys/clock.h"
#include "libpath/sys/dm.h"
#include "libpath/unit/reason.h"
#include "pathd/log.h"

namespace swpath
{

using log::Message;

namespace
{

/// How often one step may act and look again before it lets others have their turn.
constexpr unsigned rounds_max = 4;
/// The kernel's word is asked for at least so often: events are a hint as well.
constexpr Duration look_interval = std::chrono::seconds(1);

/// The kernel has a record of the last hold in these states.
bool hold_is_over(UnitState state)
{
	return state == UnitState::ONLINE || state == UnitState::FAILED;
}

} // namespace

Unit::Unit(const UnitConfig &config, Services &services)
	: config_(config), identities_(path_identities(config)), services_(services)
{
	reset_policies();
}

Unit::~Unit()
{
	services_.turns.drop(*this, due_);
}

void Unit::touch()
{
	services_.turns.put(*this, due_, Instant{});
}

Result<std::unique_ptr<Unit>> Unit::create(const UnitConfig &config, Services &services)
{
	auto unit = std::unique_ptr<Unit>(new Unit(config, services));
	// What cannot be read is as good as lost: I/O does not depend on it, but on its keeper.
	if (auto state = load_run_state(config.name))
		unit->state_ = std::move(*state);
	else
		log::say(Message::Warning, {.unit = config.name},
			 "what an earlier pathd left cannot be read, the unit goes on without: {}",
			 state.error().message());
	unit->carried_ = CarriedKey(unit->state_.carried);
	unit->clients_ = ClientKeys(unit->state_.clients);
	unit->order_ = PathOrder(unit->state_.order);
	if (!unit->knows_numbers())
		unit->forget_numbers();
	if (unit->state_.identity && unit->state_.identity->wwid != config.wwid)
		unit->state_.identity.reset();
	unit->distrust_incoherent();
	auto worker = Worker::start("tbl-" + config.name);
	if (!worker)
		return tl::unexpected(worker.error());
	unit->table_worker_ = std::move(*worker);
	unit->touch();
	return unit;
}

void Unit::reset_policies()
{
	slots_.resize(config_.paths.size());
	for (auto &slot : slots_)
		slot.monitor.set_policy(monitor_policy());

	MvPolicy mv;
	const Duration command = config_.effective_command_timeout();
	mv.verify_limit = command + std::chrono::seconds(1);
	// The commands' own limit first, with time for an abort.
	mv.give_up_direct = 2 * command + std::chrono::seconds(1);
	mv_.set_policy(mv);

	failback_rule_ = {.automatic = config_.failback.policy == FailbackPolicy::Auto,
			  .interval = config_.failback.interval,
			  .stable = config_.failback.stable};
}

MonitorPolicy Unit::monitor_policy() const
{
	MonitorPolicy policy;
	policy.check_interval = config_.check_interval;
	policy.check_interval_max = 4 * config_.check_interval;
	policy.first_retry = std::min<Duration>(policy.first_retry, config_.check_interval);
	policy.stable = config_.failback.stable;
	return policy;
}

void Unit::reconfigure(const UnitConfig &config)
{
	// Slots are the configured paths in their order: if that changed, nothing that was
	// remembered of slot 1 need be true of the new slot 1. Paths behind the old ones leave
	// those as they are.
	const bool same_paths =
		config.paths.size() >= config_.paths.size() &&
		std::equal(config_.paths.begin(), config_.paths.end(), config.paths.begin());
	config_ = config;
	identities_ = path_identities(config);
	mv_.forget_keys_of_paths();
	if (!same_paths) {
		slots_.clear();
		generation_++;
		medium_ = {};
		forget_numbers();
		for (auto &[number, leg] : legs_) {
			leg->proved = false;
			leg->settled = false;
		}
	}
	reset_policies();
	if (!same_paths)
		distrust_incoherent();
	for (unsigned i = 0; i < slots_.size(); i++) {
		if (!slots_[i].leg)
			continue;
		borrow_settings(*slots_[i].leg);
		give_key(i);
	}
	stale_ = true;
	services_.rescan();
	touch();
}

void Unit::let_go()
{
	for (const auto &[number, leg] : legs_) {
		hint_gone(*leg);
		if (auto given = services_.settings.give_back(leg->device().sysname); !given)
			log::say(Message::Warning, {.unit = config_.name},
				 "cannot put back settings: {}", given.error().message());
	}
}

Result<void> Unit::save_state()
{
	if (services_.dry_run)
		return {};
	auto saved = save_run_state(config_.name, state_);
	if (!saved)
		log::say(Message::Warning, {.unit = config_.name}, "{}", saved.error().message());
	return saved;
}

/// The unit is gone, or another one has its name: that one counts from the beginning.
void Unit::forget_mount_verifications()
{
	mv_.forget();
	flight_.forget_proofs();
	for (auto &slot : slots_) {
		slot.doubt_mv = slot.revoked_mv = 0;
		if (slot.leg)
			slot.leg->key.may_register = true;
	}
}

bool Unit::pinned() const
{
	if (!state_.pinned)
		return false;
	return !state_.by_switch || (kernel_ && kernel_->status.active == state_.pinned);
}

Leg *Unit::in_table(unsigned i) const
{
	if (!kernel_ || i >= slots_.size() || i >= kernel_->status.paths.size() || !slots_[i].leg ||
	    kernel_->status.paths[i].kind != config_.paths[i].kind ||
	    kernel_->status.paths[i].device != slots_[i].leg->number())
		return nullptr;
	return slots_[i].leg.get();
}

int Unit::send(std::string_view text)
{
	if (services_.dry_run)
		return EROFS;
	const int error = services_.dm.send(config_.name, text);
	if (error != 0)
		log::say(Message::Notice, {.unit = config_.name}, "the kernel refused '{}': {}",
			 text, std::strerror(error));
	else
		log::say(Message::Debug, {.unit = config_.name}, "told the kernel '{}'", text);
	return error;
}

/// Reads the kernel's word. False: there is no such unit, or none of ours.
bool Unit::look(Instant now)
{
	dm::DmChannel::Line line;
	int error = services_.dm.status(config_.name, false, line);
	looked_ = now;
	if (error == 0 && line.type != SW_TARGET_NAME)
		error = EEXIST;
	if (error != 0) {
		// ENODATA: it is being created.
		if (kernel_ && error == ENODEV)
			log::say(Message::Notice, {.unit = config_.name}, "the unit was removed");
		if (kernel_)
			forget_mount_verifications();
		kernel_.reset();
		number_.reset();
		if (error == EEXIST && !wrong_owner_)
			log::say(Message::Error, {.unit = config_.name},
				 "a device-mapper device of this name is not a swpath unit; rename "
				 "one of the two");
		wrong_owner_ = error == EEXIST;
		return false;
	}
	auto status = parse_status(line.params);
	length_sectors_ = line.length;
	if (!status) {
		log::say(Message::Error, {.unit = config_.name},
			 "cannot read the unit's status: {}", status.error().message());
		kernel_.reset();
		return false;
	}
	if (!number_) {
		const auto info = services_.dm.info(config_.name);
		if (!info)
			return false;
		if (dm::wwid_of(info->uuid) != config_.wwid) {
			if (!wrong_owner_)
				log::say(Message::Error, {.unit = config_.name},
					 "the kernel's unit has the disk '{}', the configuration "
					 "'{}'; it is left alone",
					 dm::wwid_of(info->uuid), config_.wwid);
			wrong_owner_ = true;
			kernel_.reset();
			return false;
		}
		number_ = info->number;
	}
	wrong_owner_ = false;

	const std::optional<SeenUnit> before = kernel_;
	if (before && status->mv < before->status.mv)
		forget_mount_verifications();
	if (!kernel_) {
		kernel_.emplace();
		table_read_.reset();
	}
	kernel_event_ = line.event_nr;
	kernel_->status = std::move(*status);
	stale_ = stale_ || !before ||
		 !std::equal(before->status.paths.begin(), before->status.paths.end(),
			     kernel_->status.paths.begin(), kernel_->status.paths.end(),
			     [](const PathStatus &a, const PathStatus &b) {
				     return a.device == b.device;
			     });
	if (stale_)
		if (const auto planned = plan(now))
			assign(*planned, now);
	if (!before || before->status.epoch != kernel_->status.epoch ||
	    before->status.mv != kernel_->status.mv ||
	    before->status.state != kernel_->status.state)
		notice_changes(before ? before->status : UnitStatus{}, kernel_->status, now);
	else if (history_grows_)
		read_history();
	// Its last record's hold is over when all that was held has been sent on, and the look
	// before may have come earlier.
	const auto &status_now = kernel_->status;
	history_grows_ = hold_is_over(status_now.state) &&
			 (!before || before->status.mv != status_now.mv ||
			  before->status.state != status_now.state || status_now.held_bios > 0);

	for (unsigned i = 0; i < slots_.size() && i < kernel_->status.paths.size(); i++) {
		auto &slot = slots_[i];
		const auto &path = kernel_->status.paths[i];
		const auto look_before =
			std::exchange(slot.last_look, LastLook{path.state, path.errors});
		if (is_loss(look_before, path, slot.monitor.state())) {
			slot.monitor.step(PathLost{now, path.reason});
			slot.text = reason_text(path.reason);
			tell(i, now);
		}
	}
	record(now);
	return true;
}

void Unit::notice_changes(const UnitStatus &before, const UnitStatus &after, Instant now)
{
	const bool first = before.paths.empty();

	if (after.state == UnitState::VERIFY && after.reason != Reason::LOAD &&
	    (first || before.state != UnitState::VERIFY || before.mv != after.mv)) {
		const auto left = left_path(after);
		const std::string path = left ? path_label(*left) : "no path";
		log::say(Message::Hold,
			 {.unit = config_.name, .path = path, .reason = word(after.reason)},
			 "mount verification {}: {}: {}; {} bios held, {} writes in doubt",
			 after.mv, path, reason_text(after.reason), after.held_bios, after.doubt);
	}
	if (after.state == UnitState::FAILED && (first || before.state != UnitState::FAILED))
		log::say(Message::UnitFailed, {.unit = config_.name, .reason = word(after.reason)},
			 "held I/O was ended with errors: {}", reason_text(after.reason));

	// Not when a hold begins: the answer to it comes first, and there is no new record yet.
	if (first || hold_is_over(after.state))
		read_history();

	const bool answered = after.state == UnitState::ONLINE && after.active &&
			      (first || before.epoch != after.epoch || before.mv != after.mv ||
			       before.state != UnitState::ONLINE);
	if (!answered)
		return;
	// The kernel, or the answer to it, chose this path: that is better than any stable period.
	// Not so for a unit that was online before this process looked for the first time.
	if (!first && *after.active < slots_.size() && in_table(*after.active) &&
	    !slots_[*after.active].monitor.usable()) {
		slots_[*after.active].monitor.step(PathTaken{now});
		tell(*after.active, now);
	}
	if (state_.pinned && state_.by_switch && after.active != state_.pinned) {
		state_.pinned.reset();
		save_state();
	}
	if (first || history_.empty() || after.reason == Reason::LOAD)
		return;
	const auto &record = history_.back();
	const std::string from = record.from ? path_label(*record.from) : "none";
	const std::string to = record.to ? path_label(*record.to) : "none";
	log::say(Message::Switch,
		 {.unit = config_.name,
		  .reason = word(record.reason),
		  .from = from,
		  .to = to,
		  .held_us = record.total_us()},
		 "epoch {}: {} to {}: {}; I/O held {} ms (drain {}, flush {}, prove {}), {} bios, "
		 "{} in doubt, "
		 "proof {} {}",
		 record.epoch, from, to, reason_text(record.reason), record.total_us() / 1000,
		 record.drain_us / 1000, record.flush_us / 1000, record.prove_us / 1000,
		 record.held_bios, record.doubt, word(record.method), record.evidence);
}

void Unit::read_history()
{
	std::string_view reply;
	if (services_.dm.send(config_.name, SW_MSG_HISTORY, &reply) != 0)
		return;
	if (auto records = parse_history(reply))
		history_ = std::move(*records);
	else
		log::say(Message::Warning, {.unit = config_.name}, "cannot read the history: {}",
			 records.error().message());
}

/// The paths' turn: fail, reject, reinstate, tickets. True: the kernel was told something.
bool Unit::keep(Instant now)
{
	std::vector<KeptPath> paths(kernel_->status.paths.size());
	for (unsigned i = 0; i < paths.size() && i < slots_.size(); i++) {
		const auto &monitor = slots_[i].monitor;
		if (!in_table(i)) {
			// The table has a device that is gone; the monitor may know its successor.
			if (kernel_->status.paths[i].state != PathState::ABSENT)
				paths[i] = {MonitorState::Failed, Reason::PATH_GONE,
					    active_failures_max, std::nullopt, false};
			continue;
		}
		paths[i] = {monitor.state(), monitor.fault(), monitor.failures(),
			    monitor.proved_at(), mv_.may_lack_key(i)};
	}

	bool told = false;
	for (const auto &action : keep_paths(kernel_->status, paths, config_.check_interval, now)) {
		switch (action.kind) {
		case KeeperAction::Kind::Fail:
			told |= send(fmt::format("{} {} {}", SW_MSG_FAIL, action.path,
						 word(action.reason))) == 0;
			break;
		case KeeperAction::Kind::Reject:
			told |= services_.dm.reject(config_.name, kernel_->status.mv, action.path,
						    action.reason) == 0;
			break;
		case KeeperAction::Kind::Reinstate:
			told |= send(fmt::format("{} {}", SW_MSG_REINSTATE, action.path)) == 0;
			break;
		case KeeperAction::Kind::Ticket: {
			const int error = services_.dm.ticket(config_.name, action.path,
							      kernel_->status.epoch, action.ttl_ms);
			told |= error == 0;
			if (error != 0)
				log::say(Message::Debug, {.unit = config_.name},
					 "ticket for path {} was refused: {}", action.path,
					 std::strerror(error));
			break;
		}
		}
	}
	return told;
}

FailbackDecision Unit::failback_now(Instant now) const
{
	std::vector<FailbackView::Path> paths(kernel_->status.paths.size());
	for (unsigned i = 0; i < paths.size() && i < slots_.size(); i++) {
		const auto &path = kernel_->status.paths[i];
		paths[i].ready = path.state == PathState::READY;
		paths[i].ticket = path.ticket_ms > 0;
		if (in_table(i)) {
			paths[i].state = slots_[i].monitor.state();
			paths[i].good_since = slots_[i].monitor.good_since();
		}
	}
	return decide_failback({.online = kernel_->status.state == UnitState::ONLINE,
				.pinned = pinned(),
				.active = kernel_->status.active,
				.last_try = state_.last_failback,
				.paths = paths},
			       failback_rule_, now);
}

bool Unit::fail_back(Instant now)
{
	const auto decision = failback_now(now);
	if (decision.verdict != FailbackVerdict::Go)
		return false;
	state_.last_failback = now;
	save_state();
	const std::string to = path_label(*decision.to);
	log::say(Message::Failback, {.unit = config_.name, .to = to}, "failing back to {}", to);
	return send(fmt::format("{} {} {} {}", SW_MSG_SWITCH, *decision.to, SW_MSG_COOPERATIVE,
				word(Reason::FAILBACK))) == 0;
}

void Unit::step(Instant now)
{
	for (unsigned round = 0; round < rounds_max; round++) {
		// While a table changes hands, the status may be that of the new one before it has
		// taken over what the old one knew: nothing to act on.
		if (!config_.build || table_busy_ || !look(now))
			break;
		bool told = false;
		if (!services_.dry_run) {
			// First the answer that I/O waits for, then everything else.
			told = verify(now);
			if (kernel_->status.state != UnitState::VERIFY || !told) {
				told |= keep(now);
				told |= fail_back(now);
			}
		}
		if (!told)
			break;
	}
	if (!table_busy_)
		build(now);
	look_after_connections();
	look_after_exports();
	look_after_rights(now);
	attest_due(now);
	probe_due(now);
	schedule(now);
}

void Unit::schedule(Instant now)
{
	Instant due = now + look_interval;
	if (const auto deadline = mv_.deadline())
		due = std::min(due, *deadline);
	for (unsigned i = 0; i < slots_.size(); i++) {
		const auto &slot = slots_[i];
		// The end of an attempt to attach is told; what a peer is waited for with may last.
		if (slot.attaching || (slot.leg && slot.leg->probing_since()))
			continue;
		const auto soon = std::chrono::milliseconds(!slot.leg && by_peer(i) ? 250 : 10);
		due = std::min(due, std::max(slot.monitor.next_probe(), now + soon));
	}
	if (kernel_)
		if (const auto decision = failback_now(now); decision.at)
			due = std::min(due,
				       std::max(*decision.at, now + std::chrono::milliseconds(10)));
	if (const auto at = services_.hints ? services_.hints->next_admission(now) : std::nullopt)
		due = std::min(due, *at);
	// A mount verification that is not moving is looked at often: drain counts have no events.
	if (kernel_ && kernel_->status.state == UnitState::VERIFY)
		due = std::min(due, now + std::chrono::milliseconds(100));
	services_.turns.put(*this, due_, due);
}

Answered<Done> Unit::order(const Order &order, Instant now)
{
	if (kernel_ && order.path && !knows_numbers())
		return refuse(RefusalKind::Unsafe,
			      fmt::format("{}: the kernel has not got the paths in their new order "
					  "yet",
					  config_.name),
			      "again in a moment; `pathctl status` says what the reload waits for");
	auto plan = plan_order(order, report(now));
	if (!plan || order.dry_run)
		return plan;
	for (const auto &message : plan->messages) {
		const int error = services_.dm.send(config_.name, message);
		if (error != 0)
			return tl::unexpected(
				refusal_of(Error{{error, std::generic_category()},
						 fmt::format("the kernel refused '{}'", message)}));
		log::say(Message::Notice, {.unit = config_.name}, "operator: {}", message);
	}

	switch (order.verb) {
	case Verb::Fenced:
		if (!order.forced || !kernel_ || kernel_->status.doubt == 0)
			break;
		if (!mv_.fence_confirmed(kernel_->status.mv))
			return refuse(
				RefusalKind::Unsafe,
				"the mount verification has not begun to look for a proof",
				fmt::format(
					"`pathctl status {}` says what it waits for; then again",
					config_.name));
		log::say(Message::Notice, {.unit = config_.name},
			 "operator: nothing can write by the old path of mount verification {}",
			 kernel_->status.mv);
		break;
	case Verb::Pin:
		state_.pinned = kernel_ && kernel_->status.active ? *kernel_->status.active : 0;
		state_.by_switch = false;
		save_state();
		break;
	case Verb::Unpin:
		state_.pinned.reset();
		save_state();
		break;
	case Verb::Switch:
		// As on OpenVMS: a path that a person chose is not left for a better one.
		state_.pinned = order.path;
		state_.by_switch = true;
		save_state();
		break;
	case Verb::Failback:
		state_.pinned.reset();
		state_.last_failback = now;
		save_state();
		break;
	case Verb::Reinstate:
		if (order.path && *order.path < slots_.size()) {
			slots_[*order.path].monitor.step(PathPardoned{now});
			slots_[*order.path].probe_now = true;
		}
		break;
	default:
		break;
	}
	touch();
	return plan;
}

bool Unit::settled() const
{
	return !table_busy_ && std::all_of(slots_.begin(), slots_.end(), [](const Slot &slot) {
		return slot.leg ? slot.leg->settled : !slot.attaching;
	});
}

} // namespace swpath
